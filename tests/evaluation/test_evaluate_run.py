"""`polytune evaluate-run`: one process for all that a run owes; no fault of one benchmark costs another's result."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace

import pytest

from polytune.cli import main
from polytune.config.benchmarks import Evaluation, find_benchmark
from tests.cases.evaluation_cases import write_model, write_xcopa
from tests.evaluation.test_command import WINOGRAD, check_files, run

XCOPA = ("et", "tr")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A tiny model and a data root with XCOPA and XWinograd."""
    root = tmp_path_factory.mktemp("run")
    write_model(root / "model")
    data = write_xcopa(root / "data", XCOPA)
    row = {"sentence": "The cup hit the bowl because _ was heavy.", "option1": "the cup", "option2": "the bowl"}
    for language in WINOGRAD:
        file = data / "Muennighoff" / "xwinograd" / "test" / f"{language}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps({**row, "answer": answer}) + "\n" for answer in ("2", "1")))
    return root


def evaluation(name, data, origin="world", languages=None, **row):
    return asdict(Evaluation(name, replace(find_benchmark(name), **row), origin, str(data), languages))


def arguments(root, folder, *evaluations, **options):
    spec = folder / "spec.json"
    folder.mkdir(exist_ok=True)
    spec.write_text(json.dumps({"run": "bloom/base/none/seed0", "evaluations": list(evaluations)}))
    given = {"spec": spec, "model": root / "model", "output": folder / "evaluations", "cache": folder / "cache",
             "device": "cpu", "batch_tokens": 2048, **options}  # fmt: skip
    return [
        "evaluate-run",
        *(text for name, value in given.items() for text in (f"--{name.replace('_', '-')}", str(value))),
    ]


def outcome(given):
    with pytest.raises(SystemExit) as stopped:
        main(given)
    return stopped.value.code


def test_one_process_computes_all_that_a_run_owes(root, tmp_path):
    owed = [
        evaluation("xcopa", root / "data", languages=XCOPA),
        evaluation("xwinograd", root / "data"),
        {**evaluation("xcopa", root / "data", languages=("et",)), "name": "xcopa-et", "origin": "directory"},
    ]
    modules, errors = run(arguments(root, tmp_path, *owed))
    assert "torch" in modules
    for name in ("world/xcopa", "world/xwinograd", "directory/xcopa-et"):
        assert f"{name}: accuracy" in errors
    folder = tmp_path / "evaluations"
    check_files(folder / "world", "xcopa", {"et": "xcopa_et", "tr": "xcopa_tr"}, items=6)
    check_files(folder / "world", "xwinograd", {"ja": "xwinograd_jp"}, items=2)
    assert len(list(folder.rglob("*.*"))) == 6

    shutil.rmtree(folder)  # as the workflow does before it starts a job again
    modules, errors = run(arguments(root, tmp_path, *owed))
    assert modules == "[]", "what waits in the cache needs no heavy library"
    assert len(list(folder.rglob("*.*"))) == 6


def test_what_is_new_is_all_that_is_computed(root, tmp_path):
    first = evaluation("xcopa", root / "data", languages=XCOPA)
    assert not outcome(arguments(root, tmp_path, first))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    result = (tmp_path / "evaluations" / "world" / "xcopa.json").read_bytes()
    changed = first | {"benchmark": first["benchmark"] | {"chance": 0.4, "title": "Another"}}
    assert not outcome(arguments(root, tmp_path, changed, evaluation("xwinograd", root / "data")))
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list((tmp_path / "cache").iterdir())) == 4
    assert (tmp_path / "evaluations" / "world" / "xcopa.json").read_bytes() == result


def test_a_faulty_benchmark_leaves_the_others_complete(root, tmp_path):
    bad = tmp_path / "bad"
    shutil.copytree(root / "data", bad)
    file = bad / "cambridgeltl" / "xcopa" / "test.tr.jsonl"
    file.write_text(file.read_text().replace('"cause"', '"why"', 1))
    owed = [
        evaluation("xnli", root / "data"),
        evaluation("xcopa", bad, "directory", XCOPA),
        evaluation("xcopa", root / "data", "world", XCOPA),
        evaluation("xwinograd", root / "data", harness_folder="xwinogradd"),
        evaluation("xwinograd", root / "data", "directory"),
    ]
    said = outcome(arguments(root, tmp_path, *owed))
    first, *faults = said.splitlines()
    assert first.startswith("polytune evaluate-run: not everything is evaluated")
    assert len(faults) == 3
    assert "world/xnli: " in faults[0] and "facebook/xnli: no such directory" in faults[0]
    assert "directory/xcopa: " in faults[1] and "test.tr.jsonl: row 1: question is 'why'" in faults[1]
    assert "world/xwinograd: " in faults[2] and "did you mean 'xwinograd'" in faults[2]
    found = {path.relative_to(tmp_path / "evaluations").as_posix() for path in tmp_path.glob("evaluations/*/*.json")}
    assert found == {"world/xcopa.json", "directory/xwinograd.json"}

    file.write_text(file.read_text().replace('"why"', '"cause"'))
    shutil.rmtree(tmp_path / "evaluations")
    modules, _ = run(arguments(root, tmp_path, owed[1], owed[2], owed[4]))
    assert modules == "[]", "the repaired data is the world's, whose results wait in the cache"
    check_files(tmp_path / "evaluations" / "directory", "xcopa", {"tr": "xcopa_tr"}, items=6)


def test_no_model_is_loaded_where_every_benchmark_is_faulty(root, tmp_path):
    broken = tmp_path / "model"
    shutil.copytree(root / "model", broken)
    (broken / "model.safetensors").write_bytes(b"12345678 not a safetensors file")
    said = outcome(arguments(root, tmp_path / "a", evaluation("xnli", root / "data"), model=broken))
    assert "facebook/xnli: no such directory" in said and "model.safetensors" not in said
    owed = [evaluation("xnli", root / "data"), evaluation("xcopa", root / "data", languages=XCOPA)]
    said = outcome(arguments(root, tmp_path / "b", *owed, model=broken))
    assert [line.split(":")[0].strip() for line in said.splitlines()[1:]] == ["world/xnli", "model"]


def test_a_defect_in_one_evaluation_is_told_and_leaves_the_others(root, tmp_path, monkeypatch, capsys):
    from polytune.evaluation import evaluate

    whole = evaluate.Evaluator.evaluate

    def fail(self, plan, *others):
        if plan.benchmark.benchmark == "xcopa":
            raise RuntimeError("out of memory")
        whole(self, plan, *others)

    monkeypatch.setattr(evaluate.Evaluator, "evaluate", fail)
    owed = [evaluation("xcopa", root / "data", languages=XCOPA), evaluation("xwinograd", root / "data")]
    said = outcome(arguments(root, tmp_path, *owed))
    assert "world/xcopa: RuntimeError: out of memory" in said
    assert "Traceback" in capsys.readouterr().err
    assert (tmp_path / "evaluations" / "world" / "xwinograd.json").is_file()


def test_an_interrupt_loses_at_most_the_benchmark_in_work(root, tmp_path):
    """SIGTERM as soon as the first of two results is there; the second start computes the second only."""
    large = tmp_path / "data"
    shutil.copytree(root / "data", large)
    file = large / "cambridgeltl" / "xcopa" / "test.tr.jsonl"
    file.write_text(file.read_text() * 100)
    owed = [evaluation("xwinograd", root / "data"), evaluation("xcopa", large, languages=("tr",))]
    given = arguments(root, tmp_path, *owed)
    process = subprocess.Popen([sys.executable, "-m", "polytune.cli", *given], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (tmp_path / "evaluations" / "world" / "xwinograd.json").is_file():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(60) == -signal.SIGTERM
    shutil.rmtree(tmp_path / "evaluations")
    [kept] = (tmp_path / "cache").glob("*.json")
    before = kept.stat().st_mtime_ns
    assert not outcome(given)
    assert kept.stat().st_mtime_ns == before
    assert sorted(path.stem for path in (tmp_path / "evaluations" / "world").glob("*.json")) == ["xcopa", "xwinograd"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{", "spec.json: not valid JSON"),
        ("[]", "'evaluations' is a list that is not empty"),
        ('{"evaluations": []}', "'evaluations' is a list that is not empty"),
        ('{"evaluations": [{}]}', "spec.json: evaluation 1: is {}; it must have the keys name, benchmark"),
    ],
)
def test_specs_that_say_nothing_usable_are_refused(content, expected, root, tmp_path):
    given = arguments(root, tmp_path)
    (tmp_path / "spec.json").write_text(content)
    assert expected in outcome(given)


def test_where_data_lies_may_be_said_beside_the_spec(root, tmp_path):
    """Results may move: what decides them is in the spec, where their data lies is an option."""
    owed = Evaluation("xcopa", find_benchmark("xcopa"), "world", str(root / "data"), XCOPA).to_json()
    assert "directory" not in owed
    said = outcome(arguments(root, tmp_path, owed))
    assert "evaluation 1: directory is ''; name the data root: --data world/xcopa=DIR" in said
    assert "--data world/xcopa=DIR" in outcome([*arguments(root, tmp_path, owed), "--data", "world/xcop=x"])
    assert not outcome([*arguments(root, tmp_path, owed), "--data", f"world/xcopa={root / 'data'}"])
    check_files(tmp_path / "evaluations" / "world", "xcopa", {"et": "xcopa_et", "tr": "xcopa_tr"}, items=6)


def test_specs_with_an_evaluation_twice_are_refused(root, tmp_path):
    owed = evaluation("xcopa", root / "data")
    assert "evaluation 2: 'world/xcopa' stands there twice" in outcome(arguments(root, tmp_path, owed, owed))
