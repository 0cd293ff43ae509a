"""Studies of imported results, alone and beside runs of their own: plans, scores, and what an edit makes stale."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from polytune.config.settings import load_config
from polytune.errors import InputError
from polytune.files import write_json
from polytune.imports.read import command as import_results
from polytune.scores.collect import command as collect_scores
from polytune.study.plan import Plan
from tests.cases.harness_logs import items_of, results_04, sample_lines, write_mapping
from tests.cases.imported_study import XCOPA, right_answers, write_imported_study


def plan_of(study, scale="world") -> Plan:
    results = study.parent / "results"
    storage = {"results": str(results), "work": str(results / "work"), "resources": str(results / "resources")}
    return Plan(load_config({"studies": [str(study)], "scale": scale, "storage": storage}))


def collect(plan: Plan, study: str = "published") -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Import and collect as the rules do; return scores, runs and items."""
    about = f"scores/{study}/{plan.studies[study].scale}"
    for name, entry in plan.studies[study].imports.items():
        write_json(spec := plan.spec(f"imports/{study}/{name}"), plan.specs[f"imports/{study}/{name}"])
        output, mapping = Path(plan.paths.imported(study, name)), Path(entry.mapping)
        import_results(entry.kind, [*map(Path, entry.files)], output, mapping, spec=Path(spec))
    write_json(plan.spec(about), plan.specs[about])
    folder = Path(plan.paths.scores(study, plan.studies[study].scale)).parent
    collect_scores(Path(plan.spec(about)), Path(plan.paths.results), folder)
    return tuple(pd.read_parquet(folder / f"{name}.parquet") for name in ("scores", "runs", "items"))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_imported_study(tmp_path_factory.mktemp("imported"))


@pytest.fixture(scope="module")
def collected(study):
    return collect(plan_of(study))


def test_a_study_of_imports_alone_trains_nothing_and_is_of_no_world(study):
    plan = plan_of(study)
    assert not plan.runs and not plan.worlds and plan.studies["published"].scale == "full"
    targets = plan.targets(["published"])
    assert f"{plan.paths.results}/studies/published/full/tables/accuracy.md" in targets
    assert not [target for target in targets if "/runs/" in target]


def test_runs_come_from_the_mapping(collected):
    _, runs, _ = collected
    assert len(runs) == 14 and set(runs["imported"]) == {"logs"}
    geo = runs[runs["run"] == "mgpt-1.3b/imported/geo-4/seed2"].iloc[0]
    assert (geo.family, geo.selection, geo["size"], geo.n_languages) == ("GEO", "GEO", 4.0, 4)
    assert list(geo.languages) == ["af", "bn", "et", "fr"] and "de" in geo.seen_languages
    base = runs[runs["run"] == "bloom-1b7/base/none/seed0"].iloc[0]
    assert (base.method, base.n_languages, base.device_hours) == ("base", 0, 0.0)


def test_scores_have_means_groups_exposure_and_sources(collected):
    scores, _, items = collected
    mine = scores[scores["run"] == "bloom-1b7/base/none/seed0"]
    right = right_answers(0.55, 0)
    by_language = mine[(mine["evaluation"] == "xwinograd") & (mine["aggregate"] == "")].set_index("language")["value"]
    shares = {code: round(count / items_of("xwinograd", code), 4) for code, count in right["xwinograd"].items()}
    shares["ja"] = shares.pop("jp")
    assert by_language.to_dict() == pytest.approx(shares, abs=1e-9)
    means = mine[mine["evaluation"] == "xwinograd"].set_index("aggregate")
    assert means.at["mean", "value"] == pytest.approx(sum(shares.values()) / 6, abs=1e-9)
    total = sum(items_of("xwinograd", code) for code in right["xwinograd"])
    assert means.at["group", "value"] == pytest.approx(sum(right["xwinograd"].values()) / total, abs=6e-5)
    # translations of the same items go together by an amount that a log does not say
    parallel = mine[(mine["evaluation"] == "xcopa") & (mine["aggregate"] != "")]
    assert parallel["stderr"].isna().all() and not means["stderr"].isna().any() and items.empty
    single = mine[mine["aggregate"] == ""]
    assert single["source"].str.match(r"bloom-1b7\.log:\d+$").all() and set(mine["origin"]) == {"imported"}
    exposure = scores[(scores["evaluation"] == "xcopa") & scores["run"].str.startswith("bloom")]
    assert dict(zip(exposure["language"], exposure["exposure"], strict=True))["et"] == "tuning"


def test_only_what_an_edit_decides_is_another_spec(study, tmp_path):
    before = plan_of(study).specs
    assert plan_of(study).specs == before
    log = study.parent / "logs/bloom-1b7.log"
    log.write_text(log.read_text() + "\n")
    after = plan_of(study).specs
    assert {about for about in after if after[about] != before[about]} == {"imports/published/logs"}
    mapping = study.parent / "mapping.csv"
    mapping.write_text(mapping.read_text().replace("GEO,4,1,af bn et fr", "GEO,4,1,af bn et de", 1))
    last = plan_of(study).specs
    changed = {about for about in last if last[about] != after[about]}
    assert changed == {"imports/published/logs", "scores/published/full"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("imports:\n", "imports: {}\n#", "has neither 'runs' nor 'imports'"),
        ("/logs, mapping", "/lost, mapping", "imports.logs: .*/lost: no such file or directory"),
        (", mapping: {folder}/mapping.csv", "", "imports.logs.mapping: 'lm-eval' needs a CSV"),
        ("files:", "format: csv, files:", "imports.logs.mapping: a csv says itself which run"),
        ("files:", "format: lm_eval, files:", "'lm_eval' is not allowed; did you mean 'lm-eval'"),
        ("files:", "allow: [version], files:", "'version' is not allowed; did you mean 'versions'"),
        ("[xcopa, xwinograd]", "[xcopa, winograd]", "no benchmark 'winograd'; did you mean 'xwinograd'"),
        ("[xcopa, xwinograd]", "{{xcopa: {{languages: [fr]}}}}", "xcopa has no 'fr'"),
        ("against: selection", "against: selektion", "no coordinate 'selektion'; did you mean 'selection'"),
        ("[bloom-1b7]}}\nanalysis", "[bloom-1b1]}}\nanalysis", "no base 'bloom-1b1'"),
    ],
)
def test_a_mistake_in_the_study_is_one_line(study, tmp_path, old, new, message):
    folder = study.parent
    text = study.read_text()
    old, new = old.replace("{folder}", str(folder)).replace("}}", "}"), new.replace("{{", "{").replace("}}", "}")
    assert old in text
    path = tmp_path / "study.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        plan_of(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "x.log,bloom-7b,GEO,2,1,af bn",
            "imports.logs: base: 'bloom-7b' is not in config/bases.tsv; did you mean 'bloom-",
        ),
        ("x.log,bloom-1b7,GEO,2,1,af zz", "imports.logs: .*log 'x.log': languages: .*no language 'zz'"),
    ],
)
def test_a_mistake_in_the_mapping_is_said_when_planning(study, tmp_path, row, message):
    mapping = write_mapping(tmp_path / "mapping.csv", row)
    path = tmp_path / "study.yaml"
    path.write_text(study.read_text().replace(f"{study.parent}/mapping.csv", str(mapping)))
    with pytest.raises(InputError, match=message):
        plan_of(path)


def test_a_column_that_scores_have_is_refused(study, tmp_path):
    mapping = write_mapping(tmp_path / "mapping.csv", "a.log,bloom-1b7,GEO,2,1,af bn,1", more=",items")
    path = tmp_path / "study.yaml"
    path.write_text(study.read_text().replace(f"{study.parent}/mapping.csv", str(mapping)))
    with pytest.raises(InputError, match="the column 'items' of the mapping has the name of one"):
        plan_of(path)


def test_every_task_that_the_study_wants_must_be_there(tmp_path):
    study = write_imported_study(tmp_path)
    log = tmp_path / "logs/bloom-1b7-GEO-1.log"
    log.write_text("\n".join(line for line in log.read_text().split("\n") if "xcopa_th" not in line))
    with pytest.raises(InputError, match="'bloom-1b7/imported/geo-4/seed1' lacks 1 of 11 tasks of xcopa: xcopa_th"):
        collect(plan_of(study))
    study.write_text(study.read_text().replace("files:", "allow: [missing], files:"))
    scores, _, _ = collect(plan_of(study))
    languages = scores[(scores["evaluation"] == "xcopa") & (scores["aggregate"] == "")].groupby("run").size()
    assert languages["bloom-1b7/imported/geo-4/seed1"] == 10 and languages.max() == 11


def test_items_of_samples_bring_every_measure(tmp_path):
    """Two runs with items of all their languages: measures and errors as for evaluations of ours."""
    rows = []
    for number, selection in enumerate(("GEO", "RND")):
        folder = tmp_path / "logs" / selection
        folder.mkdir(parents=True)
        right = {code: 250 + 10 * place + number for place, code in enumerate(XCOPA)}
        (folder / "results_2024-05-01T10-11-12.3.json").write_text(results_04({"xcopa": right}))
        for code, count in right.items():
            (folder / f"samples_xcopa_{code}_2024-05-01T10-11-12.3.jsonl").write_text(sample_lines(count, 500))
        rows.append(f"{selection},bloom-1b7,{selection},4,1,af bn et fr")
    write_mapping(tmp_path / "mapping.csv", *rows)
    study = tmp_path / "s.yaml"
    imports = f"imports: {{logs: {{files: {tmp_path}/logs, mapping: {tmp_path}/mapping.csv}}}}\n"
    study.write_text("study: published\ntitle: t\nevaluation: {benchmarks: [xcopa]}\n" + imports)
    scores, _, items = collect(plan_of(study))
    assert set(scores["measure"]) == {"acc", "choice_probability", "margin", "bits_per_byte"}
    assert len(items) == 2 * 11 * 500 * 4
    geo = scores[(scores["run"].str.contains("geo")) & (scores["measure"] == "acc")].set_index("aggregate")
    assert geo.at["mean", "value"] == pytest.approx(300 / 500)
    # the first `count` items are right in each language: the items' means, by hand
    counts = [250 + 10 * place for place in range(11)]
    means = pd.Series([sum(item < count for count in counts) / 11 for item in range(500)])
    assert geo.at["mean", "stderr"] == pytest.approx(means.std() / 500**0.5)


def test_a_mixed_study_marks_what_was_imported(study, tmp_path):
    """The study of another study's runs and imports: an evaluation of each origin, and no run of both."""
    path = tmp_path / "mixed.yaml"
    imports = (
        f"imports: {{logs: {{files: {study.parent}/logs, mapping: {study.parent}/mapping.csv, allow: [missing]}}}}\n"
    )
    path.write_text("extends: lucky52\nstudy: mixed\nfigures: {}\nanalysis: {}\ntables: {}\n" + imports)
    plan = plan_of(path)
    spec = plan.specs["scores/mixed/world"]
    origins = {(entry["name"], entry["origin"]) for entry in spec["evaluations"]}
    assert {("xcopa", "world"), ("xcopa", "imported")} <= origins
    imported = {run["run"]: run.get("imported", "") for run in spec["runs"]}
    assert sum(bool(name) for name in imported.values()) == 14 and len(imported) == 14 + 14
    assert json.dumps(plan.specs["imports/mixed/logs"])  # plain values
