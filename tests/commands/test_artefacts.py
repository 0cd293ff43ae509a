"""Which planned result a path means, for every kind of artefact that docs/architecture.md lists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from polytune.commands.artefacts import find_planned, nearest_path, planned_files
from polytune.commands.explain import KEPT, program_of, rule_file
from polytune.config.settings import load_config
from polytune.errors import InputError
from polytune.study.plan import Plan

RUN = "world-bloom-w1/full/world-w1-en-400-rows-replay4000/seed1"
MODEL = f"results/runs/{RUN}/model/manifest.json"
LLAMA = "runs/world-llama-w1/base/none/seed0"
SIDE = f"{LLAMA}/verdicts/biased/side-by-side/mt-bench/against/world-llama-w1/full/world-w1-en-1000-rows/seed1"

# of every row of the table of artefacts: an example, and the file that a rule knows it by
EXAMPLES = {
    "languages/vectors.parquet": ("languages/vectors.parquet", "languages/vectors.parquet"),
    "languages/similarity.parquet": ("languages/similarity.parquet", "languages/similarity.parquet"),
    "languages/selections/{name}.json": (
        "languages/selections/typo-k2-seed1-641946ee.json", "languages/selections/typo-k2-seed1-641946ee.json",
    ),
    "world/{world}/": ("world/w1/texts/en.parquet", "world/w1/world.json"),
    "data/{source}/{language}.parquet": ("data/world-w1/de.parquet", "data/world-w1/de.report.json"),
    "tokens/{tokens}/{source}/{language}/": (
        "tokens/world-w1-world-decoder-123efe/world-w1/de/tokens.bin",
        "tokens/world-w1-world-decoder-123efe/world-w1/de/index.json",
    ),
    "prompts/{prompts}/{language}.parquet": (
        "prompts/world-questions-w1/de.parquet", "prompts/world-questions-w1/de.report.json",
    ),
    "mixtures/{mixture}.json": ("mixtures/world-w1-en-1000-rows.json", "mixtures/world-w1-en-1000-rows.json"),
    "bases/{base}/": ("bases/world-bloom-w1", "bases/world-bloom-w1/manifest.json"),
    "runs/{run}/model/": (f"runs/{RUN}/model/README.md", f"runs/{RUN}/model/manifest.json"),
    "runs/{run}/evaluations/{origin}/{evaluation}.json": (
        f"runs/{RUN}/evaluations", f"runs/{RUN}/evaluations/world/xcopa.json",
    ),
    "runs/{run}/evaluations/{origin}/{evaluation}.samples.parquet": (
        f"runs/{RUN}/evaluations/world/xwinograd.samples.parquet", f"runs/{RUN}/evaluations/world/xwinograd.json",
    ),
    "runs/{run}/responses/{responses}.parquet": (
        f"{LLAMA}/responses/mt-bench.parquet", f"{LLAMA}/responses/mt-bench.json",
    ),
    "runs/{run}/identified/{identifier}/{responses}.parquet": (
        f"{LLAMA}/identified/exact/mt-bench.parquet", f"{LLAMA}/identified/exact/mt-bench.json",
    ),
    "runs/{run}/verdicts/{judge}/{protocol}/{responses}.parquet": (
        f"{LLAMA}/verdicts/exact/rating-10/mt-bench.parquet", f"{LLAMA}/verdicts/exact/rating-10/mt-bench.json",
    ),
    "runs/{run}/verdicts/{judge}/{protocol}/{responses}/against/{opponent}.parquet": (
        f"{SIDE}.parquet", f"{SIDE}.json",
    ),
    **{
        f"scores/{{study}}/{{scale}}/{name}.parquet": 2 * (f"scores/lucky52/world/{name}.parquet",)
        for name in ("scores", "runs", "items", "checks", "confusion")
    },
    "studies/{study}/{scale}/figures/{figure}.{pdf,svg,png,csv}": 2 * ("studies/lucky52/world/figures/fig1a.svg",),
    "studies/{study}/{scale}/tables/{table}.{csv,md,tex}": 2 * ("studies/lucky52/world/tables/table1.md",),
    "report/report.html": 2 * ("report/report.html",),
    "explorer/explorer.html": 2 * ("explorer/explorer.html",),
}  # fmt: skip
ELSEWHERE = {
    "specs/{about}/{digest}.json",
    "given/{kind}/{name}.json",
    "imports/{study}/{import}.parquet",
    "runs/{run}/losses/{responses}.parquet",
    "languages/models/{vectors}.parquet",
    "languages/models/{vectors}.similarity.parquet",
}
"""Their names depend on what is given; tests/workflow/test_commands.py explains a spec."""
KEPT_ONLY = {"journals/{judge}/*.jsonl"}


@pytest.fixture(scope="module")
def plan():
    return Plan(load_config({"studies": ["lucky52", "polyglot", "tests/workflow/broad.yaml"]}))


def test_every_kind_of_artefact_of_the_documents_is_known(plan, project):
    text = (project / "docs/architecture.md").read_text(encoding="utf-8").partition("## Artefacts")[2]
    cells = re.findall(r"^\| (.+?) \| (?:rule|`)", text.partition("## Contracts")[0], re.MULTILINE)
    rows = {path for cell in cells for path in re.findall(r"`([^`]+)`", cell) if "/" in path}
    assert rows == EXAMPLES.keys() | ELSEWHERE | KEPT_ONLY
    for row, (path, marker) in EXAMPLES.items():
        assert find_planned(plan, f"results/{path}") == f"results/{marker}", row


@pytest.mark.parametrize(
    ("path", "means"),
    [
        (MODEL, MODEL),
        (MODEL.removeprefix("results/"), MODEL),
        (MODEL.removeprefix("results/runs/").removesuffix("/model/manifest.json"), MODEL),
        (f"./{MODEL}", MODEL),
        (MODEL.replace("manifest.json", "model.safetensors"), MODEL),
        (MODEL.replace("manifest.json", "logs/events.out"), MODEL),
        (MODEL.removesuffix("/manifest.json"), MODEL),
        (MODEL.replace("model/manifest.json", "evaluations/world/xcopa.samples.parquet"),
         MODEL.replace("model/manifest.json", "evaluations/world/xcopa.json")),
        ("results/data/world-w1/de.parquet", "results/data/world-w1/de.report.json"),
        ("results/world/w1/tokenizer/tokenizer.json", "results/world/w1/world.json"),
        ("results/scores/lucky52/world/items.parquet", "results/scores/lucky52/world/items.parquet"),
        ("results/studies/lucky52/world/figures/fig1a.svg", "results/studies/lucky52/world/figures/fig1a.svg"),
        ("results/bases/world-bloom-w1", "results/bases/world-bloom-w1/manifest.json"),
    ],
)  # fmt: skip
def test_a_path_means_a_result(plan, path, means):
    assert find_planned(plan, path) == means


def test_tokens_and_answers_mean_their_marker(plan):
    index = next(path for path in planned_files(plan) if path.endswith("/index.json"))
    assert find_planned(plan, index.replace("index.json", "tokens.bin")) == index
    marker = next(path for path in planned_files(plan) if "/verdicts/" in path and "specs" not in path)
    assert find_planned(plan, marker.replace(".json", ".parquet")) == marker


def test_an_absolute_path_means_the_same(plan):
    assert find_planned(plan, str(Path.cwd() / MODEL)) == MODEL


@pytest.mark.parametrize(
    ("path", "near"),
    [
        (
            "results/mixtures/world-w1-en-400-rows-repl4000.json",
            "results/mixtures/world-w1-en-400-rows-replay4000.json",
        ),
        ("results/runs/world-blom-w1/full/world-w1-en-400-rows-replay4000/seed1/model/manifest.json", MODEL),
        ("studies/lucky52/world/figures/fig1z.pdf", "results/studies/lucky52/world/figures/fig1"),
    ],
)
def test_a_misspelt_path_is_answered_with_the_nearest(plan, path, near):
    with pytest.raises(InputError, match="nothing in this configuration makes it; did you mean") as raised:
        find_planned(plan, path)
    assert near in str(raised.value) and "\n" not in str(raised.value)
    assert "lucky52, polyglot, broad" in str(raised.value)


def test_what_is_no_result_is_said_to_be_none(plan, tmp_path):
    (tmp_path / "README.md").write_text("")
    for path in ("", str(tmp_path / "README.md"), "/"):
        with pytest.raises(InputError, match=r"is no result; results lie below results/$"):
            find_planned(plan, path)


def test_a_result_of_another_study_is_said_to_be_there(plan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "results" / "zzzzzzzz"
    path.parent.mkdir()
    path.write_text("")
    with pytest.raises(InputError, match=r"makes it(; did you mean '.*'\?|\.) It is there: another study made it"):
        find_planned(plan, "results/zzzzzzzz")


def test_the_nearest_is_found_folder_by_folder():
    known = ["results/a/one.json", "results/a/two.json", "results/b/three.json"]
    assert nearest_path("results/a/tow.json", known) == "results/a/two.json"
    assert nearest_path("reslts/b/x", known) in ("results/b", "results/b/three.json")
    assert nearest_path("quite/else", known) is None


def test_every_rule_that_makes_something_is_found_in_a_file(plan, project):
    rules = {
        name: file.name
        for file in (project / "workflow/rules").glob("*.smk")
        for name in re.findall(r"^\s*(?:use rule \w+ as |rule )(\w+)", file.read_text(), re.MULTILINE)
    }
    assert len(rules) > 25
    assert {name: Path(rule_file(name)).name for name in rules} == rules
    assert rule_file("evaluate_run_3") == "workflow/rules/evaluation.smk"
    assert rule_file("judge_2") == "workflow/rules/judging.smk"


@pytest.mark.parametrize(
    ("shell", "program"),
    [
        ("polytune build-mixture --spec x", "build-mixture"),
        ("exec polytune launch --nodes 1 --work w -- train --spec x", "train"),
        ("(rm -f x && printf '%s' y > z) 2> log", ""),
    ],
)
def test_the_program_of_a_rule_is_named(shell, program):
    assert program_of(shell) == program


def test_what_is_kept_beside_results_is_told_apart():
    assert set(KEPT) == {"journals", "evaluations", "responses", "runs", "bases"}
