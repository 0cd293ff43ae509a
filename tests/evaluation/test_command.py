"""`polytune evaluate`, from the command line to the files it leaves."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from polytune.cli import main
from polytune.errors import InputError
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


def succeed(given):
    with pytest.raises(SystemExit) as stopped:
        main(given)
    assert not stopped.value.code, stopped.value.code


def run(given, source=None):
    """Run the command in a process of its own; return its modules of interest and its standard error."""
    code = (
        "import sys; from polytune.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "heavy = ('torch', 'transformers', 'lm_eval', 'datasets', 'numpy', 'pyarrow')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(source)} if source else None
    finished = subprocess.run([sys.executable, "-c", code, *given], capture_output=True, text=True, env=environment)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()[-1], finished.stderr


def check_files(folder, name, tasks, items):
    text = (folder / f"{name}.json").read_text()
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
    assert str(folder.parent) not in text, "no path of this machine"
    assert "site-packages" not in text
    assert " at 0x" not in text
    assert results["configs"][next(iter(tasks.values()))]["metadata"]["config_source"].startswith("lm_eval/tasks/")
    table = pq.read_table(folder / f"{name}.samples.parquet").to_pylist()
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


def test_a_finished_evaluation_needs_no_heavy_library(world, tmp_path):
    given = arguments(world, "xwinograd", tmp_path, cache=tmp_path / "cache")
    modules, errors = run(given)
    assert "torch" in modules
    assert "directory/xwinograd: accuracy" in errors
    check_files(tmp_path, "xwinograd", {"ja": "xwinograd_jp"}, items=2)
    for file in tmp_path.glob("xwinograd.*"):
        file.unlink()
    modules, errors = run(given)
    assert modules == "[]"
    assert "directory/xwinograd: accuracy" in errors
    check_files(tmp_path, "xwinograd", {"ja": "xwinograd_jp"}, items=2)


def test_results_go_stale_with_what_they_depend_on(world, tmp_path, monkeypatch):
    from polytune.config.benchmarks import Evaluation, find_benchmark
    from polytune.evaluation import plans
    from polytune.models.directory import ModelDirectory

    root = tmp_path / "run"
    shutil.copytree(world, root)

    def key(name="xcopa", languages=None, items=None, batch=2048, data=root / "data", **columns):
        evaluation = Evaluation(name, replace(find_benchmark(name), **columns), "world", str(data), languages, items)
        return plans.plan_evaluation(
            evaluation, ModelDirectory.find(root / "model"), plans.Options("auto", "cpu", batch)
        ).key

    first, winograd = key(), key("xwinograd")
    assert first == key()
    assert key(batch=512) == first  # the batch changes no result
    assert key(chance=0.4, title="X", parallel=False, revision="abc") == first  # read when scores are drawn
    assert key(languages=("zho", *LANGUAGES[:-1])) == first  # the same languages by other codes
    shutil.copytree(root / "data", tmp_path / "elsewhere")
    assert key(data=tmp_path / "elsewhere") == first  # where it lies is no part of it
    for other in ({"languages": ("et",)}, {"items": 3}, {"columns": ("premise",)}):
        assert key(**other) != first
    file = root / "data" / "cambridgeltl" / "xcopa" / "test.et.jsonl"
    text = file.read_text()
    file.write_text(text.replace("He fell 3", "He fell 4"))
    assert key() != first
    assert key("xwinograd") == winograd, "each benchmark goes stale alone"
    file.write_text(text)
    assert key() == first
    own = root / "data" / "tasks" / "mine.yaml"  # the task of another benchmark
    own.parent.mkdir()
    own.write_text("{task: mine_et, output_type: multiple_choice}")
    assert key() == first
    weights = root / "model" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert key() != first
    content[-1] ^= 1
    weights.write_bytes(content)
    assert key() == first
    monkeypatch.setattr(plans, "RESULTS_VERSION", plans.RESULTS_VERSION + 1)
    assert key() != first


def test_a_comment_in_our_code_evaluates_nothing_again(world, tmp_path, project):
    """The key holds no digest of the code: `RESULTS_VERSION` is raised by hand."""
    given = arguments(world, output=tmp_path, languages="et", items=1, cache=tmp_path / "cache")
    assert "torch" in run(given)[0]
    for folder in ("src", "config"):
        shutil.copytree(project / folder, tmp_path / folder)
    for file in (tmp_path / "src" / "polytune" / "evaluation").glob("*.py"):
        file.write_text(file.read_text() + "# a comment\n")
    assert run(given, tmp_path / "src")[0] == "[]"


@pytest.mark.parametrize("damage", ["cut results", "no samples", "cut samples"])
def test_a_damaged_entry_of_the_cache_is_computed_again(damage, world, tmp_path, capsys):
    cache = tmp_path / "cache"
    given = arguments(world, output=tmp_path, languages="et", cache=cache)
    succeed(given)
    [results], [samples] = cache.glob("*.json"), cache.glob("*.parquet")
    before = json.loads(results.read_text())
    if damage == "no samples":
        samples.unlink()
    else:
        file = results if damage == "cut results" else samples
        file.write_bytes(file.read_bytes()[:100])
    capsys.readouterr()
    succeed(given)
    assert "damaged" in capsys.readouterr().err
    after = json.loads((tmp_path / "xcopa.json").read_text())
    assert {k: v for k, v in after.items() if k != "polytune"} == {k: v for k, v in before.items() if k != "polytune"}
    assert pq.read_metadata(tmp_path / "xcopa.samples.parquet").num_rows == 6


def test_samples_are_nested_parallel_and_equal_the_same_items_of_the_whole(world, tmp_path):
    """Of a sample every item has the number and the log-likelihoods that it has among all."""
    found = {}
    for items in (2, 4, 6, 100):
        succeed(arguments(world, output=tmp_path, languages="tur,et", items=items))
        results = json.loads((tmp_path / "xcopa.json").read_text())
        rows = pq.read_table(tmp_path / "xcopa.samples.parquet").to_pylist()
        found[items] = {(row["language"], row["doc_id"]): row["loglikelihoods"] for row in rows}
        numbers = {
            language: [row["doc_id"] for row in rows if row["language"] == language] for language in ("et", "tr")
        }
        assert numbers["et"] == numbers["tr"] == sorted(numbers["et"])
        assert len(numbers["et"]) == min(items, 6) == results["n-samples"]["xcopa_et"]["effective"]
        assert results["polytune"]["sample"] == {"items": items, "seed": 1}
        assert results["polytune"]["tasks"] == {"et": "xcopa_et", "tr": "xcopa_tr"}
        assert results["polytune"]["left_out"] == {}
    assert found[2].keys() < found[4].keys() < found[6].keys() == found[100].keys()
    assert sorted({number for _, number in found[4]}) != [0, 1, 2, 3], "drawn, not the first"
    for sample in (found[2], found[4]):
        assert all(value == pytest.approx(found[6][item], abs=1e-5) for item, value in sample.items())


@pytest.mark.parametrize("code", ["ja", "jp", "jpn"])
def test_japanese_is_named_by_every_code_and_answered_in_ours(code, world, tmp_path, capsys):
    succeed(arguments(world, "xwinograd", tmp_path, languages=code, cache=world / "japanese"))
    assert json.loads((tmp_path / "xwinograd.json").read_text())["polytune"]["tasks"] == {"ja": "xwinograd_jp"}
    assert "(ja " in capsys.readouterr().err


def test_one_item_has_no_standard_error(world, tmp_path, capsys):
    """Of one item the harness says "N/A" (or NaN); a results file says null, as JSON has it."""

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    succeed(arguments(world, output=tmp_path, languages="tr,et", items=1))
    text = (tmp_path / "xcopa.json").read_text()
    results = json.loads(text, parse_constant=refuse)
    assert results["results"]["xcopa_et"]["acc_stderr,none"] is None
    assert results["groups"]["xcopa"]["acc_stderr,none"] is None
    assert "N/A" not in json.dumps([results["results"], results["groups"]])
    said = capsys.readouterr().err
    assert "accuracy" in said and "nan" not in said.lower()


def test_samples_hold_the_bytes_of_what_is_scored(world, tmp_path):
    """An independent count: the choice as the harness lowers it, a space before it; XWinograd's common ending."""
    for name, languages in (("xcopa", "et,tr"), ("xwinograd", "zh")):
        succeed(arguments(world, name, tmp_path, languages=languages))
    rows = pq.read_table(tmp_path / "xcopa.samples.parquet").to_pylist()
    expected = [[len(f" he fell {n} times"), len(f" il a dormi {n}")] for n in range(6)] * 2
    assert [row["choice_bytes"] for row in rows] == expected
    schema = pq.read_schema(tmp_path / "xwinograd.samples.parquet")
    assert str(schema.field("choice_bytes").type) == "list<element: int32>"
    assert schema.names == [
        "task", "language", "doc_id", "loglikelihoods", "target", "prediction", "acc", "choice_bytes"
    ]  # fmt: skip
    [first, _] = pq.read_table(tmp_path / "xwinograd.samples.parquet").to_pylist()
    assert first["choice_bytes"] == [len(" was heavy.")] * 2


def test_bytes_are_those_of_utf_8(world, tmp_path):
    folder = tmp_path / "data" / "Muennighoff" / "xwinograd" / "test"
    folder.mkdir(parents=True)
    row = {"sentence": "杯子装不下球，因为_太大了。", "option1": "杯子", "option2": "球", "answer": "2"}
    (folder / "zh.jsonl").write_text(json.dumps(row) + "\n")
    succeed(arguments(world, "xwinograd", tmp_path, data=tmp_path / "data", languages="zh"))
    [item] = pq.read_table(tmp_path / "xwinograd.samples.parquet").to_pylist()
    assert item["choice_bytes"] == [1 + 3 * 4, 1 + 3 * 4]  # a space, three characters and a full stop of three bytes


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_log_likelihoods_that_are_not_finite_are_no_result(value):
    from polytune.evaluation.results import build_results

    item = {"doc_id": 3, "filtered_resps": [(-1.0, False), (value, False)], "acc": 1.0}
    evaluated = {"samples": {"xcopa_et": [item]}, "results": {}, "groups": {}}
    with pytest.raises(InputError, match=r"xcopa_et: item 3: its log-likelihoods are -1\.0, "):
        build_results(evaluated, {}, {})
    metrics = {"acc,none": value, "acc_stderr,none": "N/A", "alias": "xcopa_et"}
    with pytest.raises(InputError, match="xcopa_et: acc,none is"):
        build_results({"samples": {}, "results": {"xcopa_et": metrics}, "groups": {}}, {}, {})


def test_wrong_input_is_refused_before_anything_is_loaded(world, tmp_path):
    def refused(**options):
        given = arguments(world, output=tmp_path, **options)
        return refusal(given)

    assert "no benchmark 'xcopp'; did you mean 'xcopa'?" in refused(benchmark="xcopp")
    assert "xcopa has no language 'de'" in refused(languages="de")
    assert "absent: no such directory" in refused(model=tmp_path / "absent")
    assert "holds no adapter" in refused(base=world / "model")
    assert "cambridgeltl/xcopa: no such directory" in refused(data=tmp_path)
    assert list(tmp_path.iterdir()) == []

    broken = tmp_path / "model"
    shutil.copytree(world / "model", broken)
    (broken / "model.safetensors").rename(broken / "pytorch_model.bin")
    assert "no weights (model.safetensors" in refused(model=broken)
    assert "only pytorch_model.bin found, which can run code when loaded" in refused(model=broken)
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
    save_file(tensors, broken / "model.safetensors")
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps({**config, "architectures": ["NoSuchForCausalLM"]}))
    assert "'architectures' is 'NoSuchForCausalLM'" in refusal(arguments(world, output=tmp_path / "out", model=broken))
    assert not list((tmp_path / "out").glob("*.json"))
