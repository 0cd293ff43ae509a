"""Bases, sources and benchmarks of the user's own: what their files tell, and what is refused."""

import json
import shutil

import pytest

from polytune.cli import main
from polytune.config.settings import load_config, merge_config
from polytune.config.tables import bases, sources
from polytune.costs.local import count_items
from polytune.costs.memory import model_of
from polytune.errors import InputError
from polytune.readers.counts import count_rows
from polytune.study.plan import Plan
from tests.cases.evaluation_cases import build_model, write_model, write_xcopa

STUDY = """\
study: mine
title: A study of my own
sources: {rows: {languages: [en, de]}}
mixtures: {both: {family: parallel, source: rows, languages: [en, de], rows: 4}}
runs:
  - {bases: [tiny], method: lora, mixtures: both, seeds: [1], hyperparameters: {learning_rate: 1e-3, epochs: 1,
     global_batch_rows: 4, max_length_tokens: 64, template: alpaca, lora: {r: 2, alpha: 4}}}
evaluation: {benchmarks: {copa: {languages: [et], items: 5}}}
"""


@pytest.fixture
def things(tmp_path):
    """A model directory, files of rows and benchmark data, and what was added of them."""
    write_model(tmp_path / "Tiny", "llama")
    (tmp_path / "rows").mkdir()
    for code in ("en", "de"):
        lines = [{"instruction": f"{code} {i}", "input": "", "output": f"say {i}"} for i in range(8)]
        (tmp_path / f"rows/{code}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    write_xcopa(tmp_path / "data", ("et", "tr"))
    return tmp_path


def run(*arguments):
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as stopped:
        return str(stopped.code or "")
    return ""


def add_all(things):
    mine = things / "my.yaml"
    assert not run("add-base", things / "Tiny", "--configfile", mine, "--languages", "eng,fr", "--hub-id", "org/tiny")
    assert not run("add-source", things / "rows", "--configfile", mine, "--licence", "mit")
    data = ("--data", things / "data", "--configfile", mine, "--name", "copa")
    assert not run("add-benchmark", "xcopa", "xcopa_", *data, "--parallel")
    return mine


@pytest.mark.slow
def test_what_files_tell_is_read_from_them_and_a_study_uses_it(things, capsys, monkeypatch):
    monkeypatch.chdir(things)
    mine = add_all(things)
    model = build_model("llama", 400)
    expected = {"parameters": model.num_parameters(), "layers": 2, "hidden": 32, "architecture": "decoder",
                "tokenizer": "tiny", "licence": "other", "location": "org/tiny"}  # fmt: skip
    (things / "study.yaml").write_text(STUDY)
    config = load_config({**merge_config([mine]), "studies": [str(things / "study.yaml")], "scale": "full"})
    plan = Plan(config)
    row = bases()["tiny"]
    assert {key: getattr(row, key) for key in expected} == expected
    assert row.pretraining_languages == ("en", "fr")
    assert (sources()["rows"].kind, sources()["rows"].languages) == ("alpaca", ("en", "de"))
    [owed] = plan.owed["tiny/base/none/seed0"]
    benchmark = owed.benchmark
    assert (owed.name, benchmark.split, benchmark.chance, benchmark.parallel) == ("copa-et-5-items", "test", 0.5, True)
    assert benchmark.columns == ("premise", "choice1", "choice2", "question", "label")
    assert plan.source("rows", "de").path == f"{things}/rows/de.jsonl"
    assert model_of(plan.bases["tiny"]).parameters == model.num_parameters()
    # the data lies where the configuration says
    evaluated = run("evaluate", "--model", things / "Tiny", "--benchmark", "copa", "--configfile", mine, "--output",
                    things / "r.json", "--samples", things / "s.parquet", "--items", 3, "--device", "cpu")  # fmt: skip
    assert not evaluated and "accuracy" in capsys.readouterr().err


def test_what_cannot_be_is_refused_and_nothing_is_written(things):
    mine = things / "my.yaml"
    (things / "rows/jp.jsonl").write_text("{}")
    assert "jp.jsonl: 'jp' is 'ja' here; rename the file" in run("add-source", things / "rows", "--configfile", mine)
    assert "no file of a language; looked for {language}.json," in run(
        "add-source", things / "Tiny", "--configfile", mine
    )
    shutil.rmtree(things / "data/cambridgeltl")
    data = ("--data", things / "data", "--configfile", mine, "--name", "copa")
    assert "no data of cambridgeltl/xcopa" in run("add-benchmark", "xcopa", "xcopa_", *data)
    assert "no task begins with 'xkopa_'; did you mean 'xcopa" in run("add-benchmark", "xcopa", "xkopa_", *data)
    config = things / "Tiny/config.json"
    config.write_text(config.read_text().replace('"vocab_size": ', '"vocab_size": 1, "ignored": '))
    assert "'vocab_size' is 1, the tokenizer has ids up to" in run("add-base", things / "Tiny", "--configfile", mine)
    config.write_text(config.read_text().replace('"llama"', '"mamba"'))
    assert "model_type 'mamba' is not supported" in run("add-base", things / "Tiny", "--configfile", mine)
    assert not mine.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("rows: 4}}", "rows: 9}}"), r"mixtures\.both\.rows: 9 rows are asked for, .*rows/en\.jsonl has 8"),
        (("rows: 4}}", "total_rows: 17}}"), r"mixtures\.both\.total_rows: 17 rows are asked for, 'rows' has en 8,"),
        (("rows: 4}}", "share: 0.05}}"), r"mixtures\.both\.share: 0\.05 of 8 rows of .*rows/en\.jsonl is not one row"),
        (("template: alpaca", "template: chat"), r"run 'tiny/lora/rows-both-4-rows/seed1': template: 'chat': .*/Tiny: "
         "the tokenizer has no chat template; name a template of config/templates"),
        (("lora: {", "lora: {target_modules: [q_prj], "), r"run 'tiny/lora/rows-both-4-rows/seed1': hyperparameters"
         r"\.lora\.target_modules: 'tiny' \(llama\) has no layer 'q_prj'; did you mean 'q_proj'\?; it has: q_proj, "),
        (("lora: {", "lora: {target_modules: [q_proj, down_proj], "), ""),
        (("rows: 4}}", "rows: 8}}"), ""),
        (("rows: 4}}", "total_rows: 16}}"), ""),
    ],
)  # fmt: skip
def test_what_the_files_cannot_give_is_said_when_planning(things, monkeypatch, change, message):
    monkeypatch.chdir(things)
    mine = add_all(things)
    (things / "study.yaml").write_text(STUDY.replace(*change))
    config = load_config({**merge_config([mine]), "studies": [str(things / "study.yaml")], "scale": "full"})
    if not message:
        assert Plan(config).tuned
        return
    with pytest.raises(InputError, match=message):
        Plan(config)


def test_the_whole_name_of_a_task_is_one_language(things):
    mine = things / "my.yaml"
    data = ("--data", things / "data", "--configfile", mine, "--name", "copa")
    assert not run("add-benchmark", "xcopa", "xcopa_tr", *data)
    row = merge_config([mine])["own"]["benchmarks"]["copa"]
    assert (row["task_prefix"], row["languages"]) == ("xcopa_", ["tr"])


def test_a_prefix_that_ends_too_early_is_said(things):
    data = ("--data", things / "data", "--configfile", things / "my.yaml", "--name", "copa")
    said = run("add-benchmark", "xcopa", "xcopa", *data)
    assert "after 'xcopa' comes no code of a language, but _et _tr; the prefix ends where the code begins" in said


def test_rows_of_one_configuration_are_not_those_of_the_next():
    row = {"architecture": "decoder", "location": "x/y", "tokenizer": "t", "licence": "mit"}
    load_config({"own": {"bases": {"mine": row}}})
    assert "mine" in bases()
    load_config({})
    assert "mine" not in bases()
    with pytest.raises(InputError, match=r"own\.bases: base 'mine': unknown key 'licens'; did you mean 'licence'"):
        load_config({"own": {"bases": {"mine": {**row, "licens": "mit"}}}})


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows.jsonl.gz"])
def test_large_files_are_estimated_from_their_beginning(tmp_path, name):
    import gzip

    file = tmp_path / "en" / "test" / name
    file.parent.mkdir(parents=True)
    rows = [{"id": i, "text": f"row {i} " + "words " * (i % 50)} for i in range(40_000)]
    lines = json.dumps(rows) if name == "rows.json" else "".join(json.dumps(row) + "\n" for row in rows)
    file.write_bytes(gzip.compress(lines.encode()) if name.endswith("gz") else lines.encode())
    if name.endswith("gz"):
        file.write_bytes(gzip.compress(lines.encode(), 0))  # as large as the text
    count, size = count_rows(file)
    assert count == pytest.approx(40_000, rel=0.02) and size == pytest.approx(len(lines), rel=0.02)
    assert count_items(tmp_path, "test") == (count, size)
