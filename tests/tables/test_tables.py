"""Tables: cells against the numbers beneath, marks, dashes with their reason, published values where they belong."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from polytune import ROOT
from polytune.analysis.asked import Asked
from polytune.analysis.correlations import ROWS
from polytune.analysis.items import Items
from polytune.config.kinds import call_kind
from polytune.errors import InputError
from polytune.tables.build import command
from polytune.tables.correlation import NO_MEASURE, read_published
from polytune.tables.kinds import TABLES
from polytune.tables.rendering import DASH, Cell, Table, number, to_latex, to_markdown
from tests.cases.synthetic_similarity import synthetic_similarity
from tests.cases.synthetic_study import (
    SEEN,
    collect_study,
    incremental_runs,
    make_run,
    synthetic_study,
    write_json,
    write_results,
)

PUBLISHED = ROOT / "config" / "published"
TABLE_1 = {"build": "similarity_correlation", "benchmark": "xcopa", "published": "lucky52-xcopa.csv"}
WORLD = "Generated world w1: validates the pipeline, not the paper’s claims."


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    made = synthetic_study(tmp_path_factory.mktemp("study"))
    synthetic_similarity().to_parquet(made.folder / "similarity.parquet")
    return made


def build(study, spec, scores=None, runs=None, **changes):
    """Return the table of a spec; `scores` and `runs` replace the study's own."""
    asked = Asked(study.asked(spec, **changes), study.tables, "tables")
    given = {
        "scores": study.scores if scores is None else scores,
        "runs": study.runs if runs is None else runs,
        "items": Items(study.tables / "items.parquet"),
        "context": asked.context,
        "similarity": study.folder / "similarity.parquet",
        "published_folder": PUBLISHED,
    }
    table = call_kind(TABLES, "build", spec, given, asked.defaults, asked.where)
    table.notes.extend(asked.statements(table.data))
    return table


def test_cells_show_the_numbers_and_the_strongest_is_bold(study):
    table = build(study, TABLE_1)
    assert len(table.rows) == 9 and table.header[1:] == sorted(table.header[1:]) and len(table.header) == 12
    wide = table.data.pivot(index="predictor", columns="language", values="r").loc[list(ROWS)]
    for row, predictor in zip(table.rows, ROWS, strict=True):
        for cell, language in zip(row[1:], table.header[1:], strict=True):
            value = wide.at[predictor, language]
            assert cell.text == (DASH if np.isnan(value) else f"{value:.2f}".replace("-", "−"))
            strongest = wide[language].abs().max()
            assert cell.best == (not np.isnan(value) and round(abs(value), 2) == round(strongest, 2))
    assert table.data["best"].sum() >= 11


def test_a_constant_similarity_is_a_dash_with_its_reason(study):
    table = build(study, TABLE_1)
    dashes = [(row[0].text, name) for row in table.rows for cell, name in zip(row, table.header, strict=True)
              if cell.text == DASH]  # fmt: skip
    assert dashes == [("URIEL genetic", "qu")]
    assert f"{DASH}: the same for every mixture: URIEL genetic for qu." in table.notes


def test_published_values_stand_beside_measured_ones_at_full_scale_only(study):
    full, world = build(study, TABLE_1, scale="full"), build(study, TABLE_1)
    et = full.rows[0][full.header.index("et")]
    assert et.beside == " (0.44)" and full.rows[3][full.header.index("ta")].beside == " (−0.81)"
    assert full.rows[0][full.header.index("ht")].beside == ""
    assert full.notes[-1].endswith("Lucky 52 (Ji & Chen 2024, arXiv 2404.04850), table 1.")
    assert full.data["published"].notna().sum() == 81
    assert NO_MEASURE in world.notes and WORLD in world.notes and "published" not in world.data
    assert not any(cell.beside for row in world.rows for cell in row)


def test_the_confound_has_its_own_tables(study):
    partial = build(study, {**TABLE_1, "value": "partial_r"})
    alone = build(study, {**TABLE_1, "value": "r_without_own"})
    thai = partial.header.index("th")
    genetic = [row[0].text for row in partial.rows].index("URIEL genetic")
    assert partial.rows[genetic][thai].text == alone.rows[genetic][thai].text == DASH
    assert "own presence alone: URIEL genetic for et qu th" in " ".join(partial.notes)
    assert not any(
        cell.beside for row in build(study, {**TABLE_1, "value": "partial_r"}, scale="full").rows for cell in row
    )


def test_without_an_outlier_checkpoint_the_note_says_so(study):
    table = build(study, TABLE_1, runs=study.runs[study.runs["n_languages"] != 25])
    assert {cell.text for cell in table.rows[1][1:]} == {DASH}
    assert "no checkpoint adds ko last" in " ".join(table.notes)


def test_details_outliers_and_exposure(study):
    details = build(study, {"build": "correlation_details", "benchmark": "xwinograd"})
    assert len(details.rows) == 6 * 10 and len(details.header) == 12
    assert "longtable" in to_latex(details)
    outliers = build(study, {"build": "outlier_checkpoints"})
    bold = [row[1].text for row in outliers.rows if row[-1].best]
    assert bold == ["ko"] and len(outliers.rows) == 13
    exposure = build(study, {"build": "exposure_groups"})
    assert [cell.text for cell in exposure.rows[2]] == ["XWinograd", "en fr pt zh", DASH, "ru", "ja"]


def test_markdown_and_latex_are_well_formed():
    table = Table(
        "50 % & more_or_less",
        ["", "a|b"],
        [[Cell("x_1"), Cell("−0.50", True, " (0.1)")], [Cell(r"\y"), Cell(DASH)]],
        pd.DataFrame(),
        ["100 % of {it}: 1 < 2."],
    )
    assert to_markdown(table).splitlines()[2:6] == [
        r"|  | a\|b |",
        "| :-- | --: |",
        "| x_1 | **−0.50** (0.1) |",
        f"| \\y | {DASH} |",
    ]
    latex = to_latex(table)
    assert r"x\_1 & \textbf{$-$0.50} (0.1) \\" in latex
    assert r"\textbackslash{}y & -- \\" in latex
    assert r"\caption{50 \% \& more\_or\_less. 100 \% of \{it\}: 1 $<$ 2.}" in latex
    assert " & a$|$b " in latex  # <, > and | are other characters in LaTeX's default font
    assert latex.count("{") == latex.count("}")


def test_the_command_writes_three_files(study, tmp_path):
    spec = write_json(tmp_path / "table1.json", study.asked(TABLE_1))
    options = {
        "spec": spec,
        "scores": study.tables,
        "output_stem": tmp_path / "tables" / "table1",
        "published": PUBLISHED,
    }
    with pytest.raises(InputError, match="'similarity_correlation' needs the similarities of languages: --similarity"):
        command(**options)
    command(**options, similarity=study.folder / "similarity.parquet")
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == ["table1.csv", "table1.md", "table1.tex"]
    written = pd.read_csv(tmp_path / "tables" / "table1.csv")
    assert len(written) == 9 * 11 and written["r"].isna().sum() == 1
    markdown = (tmp_path / "tables" / "table1.md").read_text()
    assert len(re.findall(r"\*\*−?0\.\d\d\*\*", markdown)) == written["best"].sum()
    assert markdown.rstrip().endswith(WORLD)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"build": "similarity_correlations"}, ["did you mean 'similarity_correlation'"]),
        ({"build": "similarity_correlation"}, ["needs the option 'benchmark'"]),
        ({**TABLE_1, "published": "lucky52-xcop.csv"}, ["did you mean 'lucky52-xcopa.csv'"]),
        ({**TABLE_1, "value": "partial"}, ["did you mean 'partial_r'"]),
        ({**TABLE_1, "similarity_method": "lang2vec"}, ["lang2vec"]),
        ({**TABLE_1, "languages": ["et"]}, ["no option 'languages'"]),
        ({"build": "exposure_groups", "benchmark": "xcopa"}, ["no option 'benchmark'", "it has: bases"]),
        ({"build": "values", "against": "languages"}, ["no column 'languages'", "did you mean 'language'"]),
        ({"build": "accuracy", "mixtures": ["world-incremental-53-all"]}, ["did you mean 'world-incremental-5"]),
    ],
)
def test_a_wrong_spec_is_explained(study, spec, words):
    with pytest.raises(InputError) as error:
        build(study, spec)
    for word in ["lucky52: tables.test", *words]:
        assert word in str(error.value)


PUBLISHED_SHAPES = {"xcopa": 9, "xstorycloze": 10, "xwinograd": 6}


@pytest.mark.parametrize("benchmark", PUBLISHED_SHAPES)
def test_published_tables_are_whole(benchmark):
    table = read_published(PUBLISHED / f"lucky52-{benchmark}.csv")
    assert table.shape == (9, PUBLISHED_SHAPES[benchmark])
    assert tuple(table.index) == ROWS
    assert table.abs().max(axis=None) < 1 and table.notna().all(axis=None)


def test_some_published_values():
    xcopa, story, winograd = (read_published(PUBLISHED / f"lucky52-{name}.csv") for name in PUBLISHED_SHAPES)
    assert (xcopa.at["genetic", "th"], xcopa.at["sound", "ta"], xcopa.at["syntactic", "vi"]) == (0.82, -0.83, -0.45)
    assert (story.at[ROWS[1], "te"], story.at["genetic", "my"], story.at["geographic", "ar"]) == (-0.53, 0.96, 0.17)
    assert (winograd.at["genetic", "ja"], winograd.at[ROWS[0], "zh"], winograd.at["inventory", "ru"]) == (
        0.72,
        0.49,
        -0.06,
    )


@pytest.mark.parametrize(
    ("benchmark", "languages"), [("xcopa", "sw zh"), ("xstorycloze", "ar sw zh"), ("xwinograd", "zh")]
)
def test_macro_codes_have_the_same_genetic_and_geographic_value(benchmark, languages):
    # both sums are the language's own step for them (docs/languages.md), so the transcription must agree
    table = read_published(PUBLISHED / f"lucky52-{benchmark}.csv")
    for language in languages.split():
        assert table.at["genetic", language] == table.at["geographic", language]
    others = [language for language in table if language not in languages.split()]
    assert (table.loc["genetic", others] != table.loc["geographic", others]).any()


def percent(study, benchmark, code, n_languages, column="value"):
    rows = study.scores.merge(study.runs[["run", "n_languages"]], on="run")
    rows = rows[(rows["evaluation"] == benchmark) & (rows["language"] == code) & (rows["measure"] == "acc")]
    return 100 * rows[rows["n_languages"] == n_languages][column].item()


def test_accuracies_are_the_scores_in_percent(study):
    table = build(study, {"build": "accuracy", "benchmarks": ["xcopa", "xwinograd"]})
    assert table.header[:6] == ["benchmark", "language", "items", "chance", "base", "en"]
    assert table.header[-1] == "52 languages" and len(table.header) == 4 + 14
    assert len(table.rows) == 11 + 1 + 6 + 1
    thai = next(row for row in table.rows if row[1].text == "Thai")
    expected = (percent(study, "xcopa", "th", 52), percent(study, "xcopa", "th", 52, "stderr"))
    assert thai[-1].text == f"{expected[0]:.1f} ± {expected[1]:.1f}"
    assert [cell.text for cell in thai[:4]] == ["XCOPA", "Thai", "500", "50.0"]
    assert [row[1].text for row in table.rows if row[1].text.startswith("mean")] == ["mean over languages"] * 2
    few = build(study, {"build": "accuracy", "benchmarks": ["xcopa"], "mixtures": ["world-incremental-52-all"]})
    assert few.header[4:] == ["base", "52 languages"]
    margins = build(study, {"build": "accuracy", "benchmarks": ["xcopa"], "measure": "margin"})
    assert margins.title == "Margin of the right choice by language" and "(nats)" in margins.notes[0]


def test_accuracies_of_several_bases_seeds_and_mixtures_stay_apart(tmp_path):
    runs = incremental_runs((52,))
    seeds = [*runs, runs[1] | {"run": runs[1]["run"][:-1] + "2", "seed": 2}]
    other = [*runs, make_run(runs[1]["languages"], "world-other-52-all", family="other")]
    bases = [*runs, *incremental_runs((52,), base="world-t5")]
    headers = {}
    for name, listed in (("seeds", seeds), ("other", other), ("bases", bases)):
        study = collect_study(tmp_path / name, write_results(tmp_path / name, listed, ("xwinograd",), items=20))
        table = build(study, {"build": "accuracy"})
        headers[name] = table.header[4:]
        assert ("Means of 2 seeds." in table.notes) == (name == "seeds")
    assert headers == {
        "seeds": ["base", "52 languages"],
        "other": ["base", "world-incremental-52-all", "world-other-52-all"],
        "bases": ["world-bloom base", "world-t5 base", "world-bloom 52 languages", "world-t5 52 languages"],
    }


def test_a_world_model_on_real_data_is_labelled(study):
    spec = study.asked({"build": "accuracy"})
    real = [entry | {"origin": "directory"} for entry in spec["evaluations"]]
    table = build(study, {"build": "accuracy"}, study.scores.assign(origin="directory"), evaluations=real)
    assert "chance is to be expected" in table.notes[-1] and WORLD not in table.notes
    both = pd.concat([study.scores, study.scores.assign(origin="directory")])
    entries = [*spec["evaluations"], *real]
    with pytest.raises(InputError, match=r"one origin.*'origin: world'"):
        build(study, {"build": "accuracy"}, both, evaluations=entries)
    chosen = build(study, {"build": "accuracy", "origin": "directory"}, both, evaluations=entries)
    assert chosen.rows[0][0].text == "XCOPA (directory)"


@pytest.fixture(scope="module")
def methods(tmp_path_factory):
    """The untuned base, and two methods at three shares with two seeds."""
    folder = tmp_path_factory.mktemp("methods")
    runs = [make_run([])]
    for method in ("full", "lora"):
        for seed in (1, 2):
            for share in (1, 10, 100):
                family = {"family": "share", "coordinates": {"percent": share}, "method": method, "seed": seed}
                runs.append(make_run(["en", "ru"], f"world-share-{share}-all", **family))
    return collect_study(folder, write_results(folder, runs, ("xcopa", "xwinograd"), items=40))


def test_values_stand_against_any_coordinate(methods):
    table = build(methods, {"build": "values", "against": "percent", "by": "method"})
    assert table.header == ["method", "rows spread over all languages (%)", "XCOPA", "XWinograd"]
    assert [(row[0].text, row[1].text) for row in table.rows] == [
        ("base", "base model"), *(("full", share) for share in ("1", "10", "100")),
        *(("lora", share) for share in ("1", "10", "100")),
    ]  # fmt: skip
    point = table.data[(table.data["method"] == "lora") & (table.data["percent"] == 10)].iloc[0]
    row = next(row for row in table.rows if (row[0].text, row[1].text) == ("lora", "10"))
    assert row[2].text == f"{point['value']:.1f} ± {(point['high'] - point['low']) / 2:.1f}"
    best = table.data.loc[table.data[table.data["evaluation"] == "xcopa"]["value"].idxmax()]
    bold = [row for row in table.rows if row[2].best]
    assert [(row[0].text, row[1].text) for row in bold] == [(best["method"], f"{best['percent']:g}")]
    low = build(methods, {"build": "values", "against": "percent", "by": "method", "measure": "bits_per_byte"})
    values = low.data[low.data["evaluation"] == "xcopa"]
    worst = values.loc[values["value"].idxmin()]  # the lowest is the best
    assert [row[0].text for row in low.rows if row[2].best] == [worst["method"]]


def test_values_by_language_and_by_exposure(methods):
    options = {"build": "values", "against": "percent", "methods": ["full"]}
    language = build(methods, options | {"columns": "language", "benchmarks": ["xwinograd"], "languages": ["ru", "zh"]})
    assert language.header[1:] == ["Russian", "Chinese"] or language.header[1:] == ["Chinese", "Russian"]
    assert len(language.rows) == 4 and DASH not in {cell.text for row in language.rows for cell in row}
    exposure = build(methods, options | {"columns": "exposure", "measure": "margin"})
    assert "XCOPA tuning only" not in exposure.header and "XWinograd tuning only" in exposure.header
    assert "XCOPA base only" in exposure.header and len(exposure.rows) == 4


def test_exposure_of_several_bases_has_a_row_for_each(tmp_path):
    runs = [*incremental_runs((2,)), *incremental_runs((2,), base="world-t5")]
    for run in runs[2:]:
        run["seen_languages"] = ["ru"]
    study = collect_study(tmp_path, write_results(tmp_path, runs, ("xwinograd",), items=20))
    table = build(study, {"build": "exposure_groups"})
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["world-bloom", "XWinograd", "en zh", "fr pt", DASH, "ja ru"],
        ["world-t5", "XWinograd", DASH, "ru", "en zh", "fr ja pt"],
    ]
    one = build(study, {"build": "exposure_groups", "bases": ["world-t5"]})
    assert [cell.text for cell in one.rows[0]] == ["XWinograd", DASH, "ru", "en zh", "fr ja pt"]
    assert {"en", "fr"} <= set(SEEN)


def test_correlations_need_no_outlier_and_say_what_is_better(study):
    table = build(study, TABLE_1 | {"outlier": "", "measure": "bits_per_byte"})
    assert len(table.rows) == 8 and not any("without" in row[0].text for row in table.rows)
    assert any("a negative correlation is a gain" in note for note in table.notes)
    assert NO_MEASURE not in table.notes  # the published values are of accuracy
    assert "bits per byte of the right choice" in table.title
    assert not build(study, TABLE_1 | {"measure": "margin"}, scale="full").data.columns.str.contains("published").any()


@pytest.mark.parametrize("build_kind", ["accuracy", "values", "group_means", "outlier_checkpoints", "exposure_groups"])
@pytest.mark.parametrize(("sizes", "items"), [((1, 2), 1), ((1,), 1), ((1,), 20), ((1, 2, 4, 8, 12), 1)])
def test_odd_studies_give_no_nan(tmp_path, build_kind, sizes, items):
    study = synthetic_study(tmp_path, sizes=sizes, benchmarks=("xwinograd",), items=items)
    for measure in ("acc", "margin"):
        spec = {"build": build_kind} | ({} if build_kind == "exposure_groups" else {"measure": measure})
        text = to_markdown(build(study, spec))
        assert "nan" not in text.replace("nances", "") and "± –" not in text
        latex = to_latex(build(study, spec))
        assert "nan" not in latex


def test_constant_accuracies_have_no_correlation_and_no_nan(study):
    constant = study.scores.assign(value=0.5)
    for spec in (TABLE_1, {"build": "correlation_details", "benchmark": "xcopa"}):
        table = build(study, spec, constant)
        assert {cell.text for row in table.rows for cell in row[3:4]} == {DASH}
        assert "nan" not in to_markdown(table)


def test_numbers_have_a_real_minus_and_no_negative_zero():
    assert [number(value) for value in (-0.123, -0.001, 0.0, 12.345, np.nan)] == [
        "−0.12",
        "0.00",
        "0.00",
        "12.35",
        DASH,
    ]
    assert number(-0.04, 0) == "0" and number(-1.5, 0) == "−2"


def test_cut_answers_are_a_table_and_a_sentence_below_every_other(tmp_path):
    """What a model's manifest says was cut, of the run that cut most; nothing is said where nothing was."""
    spec = write_results(tmp_path, incremental_runs((1, 2)), ("xcopa",), items=40)
    for path in tmp_path.rglob("model/manifest.json"):
        manifest = json.loads(path.read_text())
        several = "-02-" in str(path)
        parts = [("en", 0, 0), ("zh", 30, 99)] if several else [("en", 12, 0)]
        manifest["parts"] = [
            {"source": "world-w1", "language": code, "cut": {"rows": 400, "partly": partly, "wholly": wholly}}
            for code, partly, wholly in parts
        ]
        path.write_text(json.dumps(manifest))
    study = collect_study(tmp_path, spec)
    table = build(study, {"build": "cut_answers"})
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["Chinese", "24.8", "7.5"],
        ["English", "0.0", "3.0"],
    ]
    assert table.header == ["language", "world-bloom: wholly (%)", "world-bloom: partly (%)"]
    said = "Answers cut at the runs' maximum length, in shares of a language's rows: "
    said += "zh 24.8% wholly and 7.5% partly, en 0.0% wholly and 3.0% partly."
    assert said in build(study, {"build": "accuracy"}).notes
