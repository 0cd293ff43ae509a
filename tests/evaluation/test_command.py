"""`polytune evaluate`, from the command line to the files it leaves."""

import json
import shutil
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from polytune.cli import main
from tests.cases.evaluation_cases import write_model, write_xcopa

LANGUAGES = ("et", "ht", "id", "it", "qu", "sw", "ta", "th", "tr", "vi", "zh")
WINOGRAD = ("en", "fr", "jp", "pt", "ru", "zh")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A tiny model and the data of two benchmarks."""
    root = tmp_path_factory.mktemp("world")
    write_model(root / "model")
    data = write_xcopa(root / "data", LANGUAGES)
    folder = data / "Muennighoff" / "xwinograd" / "test"
    folder.mkdir(parents=True)
    row = {
        "sentence": "The cup hit the bowl because _ was heavy.",
        "option1": "the cup",
        "option2": "the bowl",
        "answer": "2",
    }
    for language in WINOGRAD:
        (folder / f"{language}.jsonl").write_text(json.dumps(row) + "\n" + json.dumps({**row, "answer": "1"}) + "\n")
    return root


def arguments(root, benchmark="xcopa", output=None, **options):
    folder = output or root / "evaluations"
    given = {
        "model": root / "model", "benchmark": benchmark, "data": root / "data", "device": "cpu",
        "output": folder / f"{benchmark}.json", "samples": folder / f"{benchmark}.samples.parquet", **options,
    }  # fmt: skip
    return [
        "evaluate",
        *(text for name, value in given.items() for text in (f"--{name.replace('_', '-')}", str(value))),
    ]


def refusal(given):
    with pytest.raises(SystemExit) as stopped:
        main(given)
    assert stopped.value.code, "a refusal must not look like success"
    return str(stopped.value.code)


def run(given):
    """Run the command in a process of its own; return its modules of interest and its standard error."""
    code = (
        "import sys; from polytune.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "heavy = ('torch', 'transformers', 'lm_eval', 'datasets', 'numpy', 'pyarrow')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    finished = subprocess.run([sys.executable, "-c", code, *given], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()[-1], finished.stderr


def test_one_process_serves_the_jobs_of_all_benchmarks(world, tmp_path):
    shutil.copytree(world, tmp_path / "run")
    root = tmp_path / "run"
    modules, errors = run(arguments(root, "xcopa", together="xcopa,xwinograd,xnli"))
    assert "torch" in modules
    assert "xcopa: accuracy" in errors
    assert "xwinograd: accuracy" in errors
    assert "xnli: left to its own job: " in errors  # there is no data for it
    assert "facebook/xnli: no such directory" in errors
    assert not (root / "evaluations" / "xwinograd.json").exists()  # an output belongs to its own job

    modules, errors = run(arguments(root, "xwinograd", together="xcopa,xwinograd,xnli"))
    assert modules == "[]", "a result that waits in the cache needs no heavy library"
    assert "facebook/xnli: no such directory" in refusal(arguments(root, "xnli", together="xcopa"))
    check_files(root, "xcopa", {"et": "xcopa_et", "zh": "xcopa_zh"}, items=6)
    check_files(root, "xwinograd", {"ja": "xwinograd_jp"}, items=2)


def check_files(root, name, tasks, items):
    text = (root / "evaluations" / f"{name}.json").read_text()
    results = json.loads(text)
    for key in (
        "results",
        "groups",
        "group_subtasks",
        "configs",
        "versions",
        "n-shot",
        "higher_is_better",
        "n-samples",
    ):
        assert results[key], key
    header = results["polytune"]
    assert header["benchmark"] == name
    assert tasks.items() <= header["tasks"].items()
    assert header["model"]["architecture"] == "Bloom"
    assert header["digests"]["model"]
    assert str(root.parent) not in text, "no path of this machine"
    assert "site-packages" not in text
    assert " at 0x" not in text
    assert results["configs"][next(iter(tasks.values()))]["metadata"]["config_source"].startswith("lm_eval/tasks/")
    table = pq.read_table(root / "evaluations" / f"{name}.samples.parquet").to_pylist()
    assert len(table) == items * len(header["tasks"])
    for language, task in header["tasks"].items():
        rows = [row for row in table if row["task"] == task]
        assert [row["doc_id"] for row in rows] == list(range(items))
        assert {row["language"] for row in rows} == {language}
        assert sum(row["acc"] for row in rows) / items == results["results"][task]["acc,none"]
        for row in rows:
            assert row["prediction"] == max((0, 1), key=row["loglikelihoods"].__getitem__)
            assert row["acc"] == (row["prediction"] == row["target"])
    assert {row["target"] for row in table} == {0, 1}


def test_two_jobs_at_once_share_one_computation(world, tmp_path):
    root = tmp_path / "run"
    shutil.copytree(world, root)
    started = [
        subprocess.Popen([sys.executable, "-m", "polytune.cli", *given], stderr=subprocess.PIPE, text=True)
        for given in (arguments(root, name, together="xcopa,xwinograd") for name in ("xcopa", "xwinograd"))
    ]
    errors = [process.communicate(timeout=120)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], errors
    waited = [text for text in errors if "Waiting: process" in text]
    assert len(waited) == 1, errors
    assert "Scoring" not in waited[0]
    for name in ("xcopa", "xwinograd"):
        assert json.loads((root / "evaluations" / f"{name}.json").read_text())["polytune"]["benchmark"] == name
    assert list((root / "evaluations" / ".cache").glob("*.claim")) == []


def test_results_go_stale_with_what_they_depend_on(world, tmp_path):
    from polytune.evaluation.evaluate import Options, plan_evaluation
    from polytune.models.directory import find_checkpoint

    root = tmp_path / "run"
    shutil.copytree(world, root)
    usual = Options(None, None, "auto", "cpu", 2048)

    def key(name="xcopa", options=usual):
        return plan_evaluation(name, find_checkpoint(root / "model", None), root / "data", options).key

    first, winograd = key(), key("xwinograd")
    assert first == key()
    assert key(options=Options(None, None, "auto", "cpu", 512)) == first  # the batch changes no result
    for other in (Options(("et",), None, "auto", "cpu", 2048), Options(None, 3, "auto", "cpu", 2048)):
        assert key(options=other) != first
    file = root / "data" / "cambridgeltl" / "xcopa" / "test.et.jsonl"
    text = file.read_text()
    file.write_text(text.replace("He fell 3", "He fell 4"))
    assert key() != first
    assert key("xwinograd") == winograd, "each benchmark goes stale alone"
    file.write_text(text)
    assert key() == first
    weights = root / "model" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert key() != first
    content[-1] ^= 1
    weights.write_bytes(content)
    (root / "model" / "manifest.json").write_text('{"digest": "a"}')
    second = key()
    (root / "model" / "manifest.json").write_text('{"digest": "b"}')
    assert len({first, second, key()}) == 3


def test_limit_and_languages(world, tmp_path):
    given = arguments(world, output=tmp_path, languages="tr,et", limit=2)
    with pytest.raises(SystemExit) as stopped:
        main(given)
    assert not stopped.value.code
    results = json.loads((tmp_path / "xcopa.json").read_text())
    assert results["polytune"]["tasks"] == {"et": "xcopa_et", "tr": "xcopa_tr"}
    assert results["n-samples"]["xcopa_et"] == {"original": 6, "effective": 2}
    assert pq.read_metadata(tmp_path / "xcopa.samples.parquet").num_rows == 4


def test_wrong_input_is_refused_before_anything_is_loaded(world, tmp_path):
    def refused(**options):
        given = arguments(world, output=tmp_path, **options)
        return refusal(given)

    assert "no benchmark 'xcopp'; did you mean 'xcopa'?" in refused(benchmark="xcopp")
    assert "--together: no benchmark 'xwinogrand'; did you mean 'xwinograd'?" in refused(together="xwinogrand")
    assert "xcopa has no language 'de'" in refused(languages="de")
    assert "--languages: not with --together" in refused(languages="et", together="xwinograd")
    assert "absent: no such directory" in refused(model=tmp_path / "absent")
    assert "holds no adapter" in refused(base=world / "model")
    assert "cambridgeltl/xcopa: no such directory" in refused(data=tmp_path)
    assert list(tmp_path.iterdir()) == []

    broken = tmp_path / "model"
    shutil.copytree(world / "model", broken)
    (broken / "model.safetensors").rename(broken / "pytorch_model.bin")
    assert "no weights (model.safetensors" in refused(model=broken)
    assert "pytorch_model.bin can run code when loaded" in refused(model=broken)
    (broken / "pytorch_model.bin").rename(broken / "model.safetensors")
    (broken / "tokenizer.json").unlink()
    assert "no tokenizer" in refused(model=broken)
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "x.Y"}}))
    assert "'auto_map' asks for code of the model's repository" in refused(model=broken)
    (broken / "config.json").unlink()
    assert "no config.json" in refused(model=broken)


def test_weights_that_do_not_fit_are_refused_with_their_name(world, tmp_path):
    from safetensors.torch import load_file, save_file

    broken = tmp_path / "model"
    shutil.copytree(world / "model", broken)
    tensors = load_file(broken / "model.safetensors")

    def refused(**changes):
        kept = {name: tensor for name, tensor in {**tensors, **changes}.items() if tensor is not None}
        save_file(kept, broken / "model.safetensors")
        return refusal(arguments(world, output=tmp_path / "out", model=broken))

    name = "transformer.h.0.mlp.dense_4h_to_h.weight"
    assert f"lack '{name}'" in refused(**{name: None})
    assert "do not fit config.json" in refused(**{name: tensors[name][:, :5].contiguous()})
    (broken / "model.safetensors").write_bytes(b"12345678 not a safetensors file")
    assert "model.safetensors: cannot be read" in refusal(arguments(world, output=tmp_path / "out", model=broken))
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps({**config, "architectures": ["NoSuchModel"]}))
    assert "'architectures' is 'NoSuchModel'" in refusal(arguments(world, output=tmp_path / "out", model=broken))
    assert not list((tmp_path / "out").glob("*.json"))
