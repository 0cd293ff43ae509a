"""Tables: cells against the numbers beneath, marks, dashes with their reason, published values where they belong."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from polytune.analysis.correlations import ROWS
from polytune.errors import InputError
from polytune.tables.build import build_table, command
from polytune.tables.correlation import DASH, WORLD_NOTE, read_published
from polytune.tables.rendering import Cell, Table, to_latex, to_markdown
from tests.cases.synthetic_similarity import synthetic_similarity
from tests.cases.synthetic_study import synthetic_scores

ANALYSIS = {"outlier": "ko", "similarity_method": "uriel-precomputed", "parallel": ["xcopa"]}
TABLE_1 = {"build": "similarity_correlation", "benchmark": "xcopa", "published": "lucky52-xcopa.csv"}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    synthetic_similarity().to_parquet(folder / "similarity.parquet")
    return synthetic_scores(folder), folder / "similarity.parquet"


def build(study, spec, scale="world"):
    scores, similarity = study
    return build_table(scores.assign(scale=scale), similarity, spec, ANALYSIS, "lucky52: tables.t")


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
    full, world = build(study, TABLE_1, "full"), build(study, TABLE_1)
    et = full.rows[0][full.header.index("et")]
    assert et.beside == " (0.44)" and full.rows[3][full.header.index("ta")].beside == " (−0.81)"
    assert full.rows[0][full.header.index("ht")].beside == ""
    assert full.notes[-1].endswith("Lucky 52 (Ji & Chen 2024, arXiv 2404.04850), table 1.")
    assert full.data["published"].notna().sum() == 81
    assert WORLD_NOTE in world.notes and "published" not in world.data
    assert not any(cell.beside for row in world.rows for cell in row)


def test_the_confound_has_its_own_tables(study):
    partial = build(study, {**TABLE_1, "value": "partial_r"})
    alone = build(study, {**TABLE_1, "value": "r_without_own"})
    thai = partial.header.index("th")
    genetic = [row[0].text for row in partial.rows].index("URIEL genetic")
    assert partial.rows[genetic][thai].text == alone.rows[genetic][thai].text == DASH
    assert "own presence alone: URIEL genetic for et qu th" in " ".join(partial.notes)
    assert not any(cell.beside for row in build(study, {**TABLE_1, "value": "partial_r"}, "full").rows for cell in row)


def test_without_an_outlier_checkpoint_the_note_says_so(study):
    scores, similarity = study
    kept = scores[scores["n_languages"] != 25]
    table = build_table(kept, similarity, TABLE_1, ANALYSIS, "t")
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
        ["100 % of {it}."],
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
    assert r"\caption{50 \% \& more\_or\_less. 100 \% of \{it\}.}" in latex
    assert latex.count("{") == latex.count("}")


def test_the_command_writes_three_files(study, tmp_path):
    scores, similarity = study
    scores.to_parquet(tmp_path / "scores.parquet")
    command(
        study="lucky52",
        table="table1",
        spec=json.dumps(TABLE_1),
        scores=tmp_path / "scores.parquet",
        similarity=similarity,
        output_stem=tmp_path / "tables" / "table1",
        analysis=json.dumps(ANALYSIS),
    )
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == ["table1.csv", "table1.md", "table1.tex"]
    written = pd.read_csv(tmp_path / "tables" / "table1.csv")
    assert len(written) == 9 * 11 and written["r"].isna().sum() == 1
    markdown = (tmp_path / "tables" / "table1.md").read_text()
    assert len(re.findall(r"\*\*−?0\.\d\d\*\*", markdown)) == written["best"].sum()


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"build": "similarity_correlations"}, ["did you mean 'similarity_correlation'"]),
        ({"build": "similarity_correlation"}, ["needs the option 'benchmark'"]),
        ({**TABLE_1, "published": "lucky52-xcop.csv"}, ["did you mean 'lucky52-xcopa.csv'"]),
        ({**TABLE_1, "value": "partial"}, ["did you mean 'partial_r'"]),
        ({**TABLE_1, "similarity_method": "lang2vec"}, ["lang2vec"]),
        ({**TABLE_1, "languages": ["et"]}, ["no option 'languages'"]),
        ({"build": "exposure_groups", "benchmark": "xcopa"}, ["it has: none"]),
    ],
)
def test_a_wrong_spec_is_explained(study, spec, words):
    with pytest.raises(InputError) as error:
        build(study, spec)
    for word in ["lucky52: tables.t", *words]:
        assert word in str(error.value)


PUBLISHED_SHAPES = {"xcopa": 9, "xstorycloze": 10, "xwinograd": 6}


@pytest.mark.parametrize("benchmark", PUBLISHED_SHAPES)
def test_published_tables_are_whole(benchmark):
    table = read_published(f"lucky52-{benchmark}.csv")
    assert table.shape == (9, PUBLISHED_SHAPES[benchmark])
    assert tuple(table.index) == ROWS
    assert table.abs().max(axis=None) < 1 and table.notna().all(axis=None)


def test_some_published_values():
    xcopa, story, winograd = (read_published(f"lucky52-{name}.csv") for name in PUBLISHED_SHAPES)
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
    table = read_published(f"lucky52-{benchmark}.csv")
    for language in languages.split():
        assert table.at["genetic", language] == table.at["geographic", language]
    others = [language for language in table if language not in languages.split()]
    assert (table.loc["genetic", others] != table.loc["geographic", others]).any()


def test_accuracies_are_the_scores_in_percent(study):
    scores, similarity = study
    few = scores[scores["n_languages"].isin([0, 1, 52])]
    table = build_table(few, similarity, {"build": "accuracy"}, ANALYSIS, "t")
    assert table.header == ["benchmark", "language", "items", "chance", "base", "en", "52 languages"]
    assert len(table.rows) == 11 + 11 + 6 + 3
    thai = next(row for row in table.rows if row[1].text == "Thai")
    value = few[(few["language"] == "th") & (few["n_languages"] == 52)].iloc[0]
    assert [cell.text for cell in thai[2:4]] == ["500", "50.0"]
    assert thai[-1].text == f"{100 * value['value']:.1f} ± {100 * value['stderr']:.1f}"
    assert [row[1].text for row in table.rows].count("mean over languages") == 3
    chosen = {"build": "accuracy", "benchmarks": ["xwinograd"], "mixtures": ["world-incremental-52-all"]}
    assert build_table(few, similarity, chosen, ANALYSIS, "t").header[4:] == ["base", "52 languages"]


def test_accuracies_of_several_bases_seeds_and_mixtures_stay_apart(study):
    scores, similarity = study
    few = scores[scores["n_languages"].isin([0, 52]) & (scores["benchmark"] == "xwinograd")]
    again = pd.concat([few, few[few["n_languages"] == 52].assign(seed=2)])
    table = build_table(again, similarity, {"build": "accuracy"}, ANALYSIS, "t")
    assert table.header[4:] == ["base", "52 languages"] and "Means of 2 seeds." in table.notes[0]
    other = few[few["n_languages"] == 52].assign(mixture="world-other-52-all")
    names = build_table(pd.concat([few, other]), similarity, {"build": "accuracy"}, ANALYSIS, "t").header[4:]
    assert names == ["base", "world-incremental-52-all", "world-other-52-all"]
    bases = build_table(pd.concat([few, few.assign(base="world-t5")]), similarity, {"build": "accuracy"}, ANALYSIS, "t")
    assert bases.header[4:] == [
        "world-bloom base",
        "world-t5 base",
        "world-bloom 52 languages",
        "world-t5 52 languages",
    ]


def test_a_world_model_on_real_data_is_labelled(study):
    scores, similarity = study
    table = build_table(scores.assign(study="lucky52-real"), similarity, {"build": "accuracy"}, ANALYSIS, "t")
    assert "chance is to be expected" in table.notes[-1]
    with pytest.raises(InputError, match="no mixture 'world-incremental-53-all'; did you mean"):
        build_table(scores, similarity, {"build": "accuracy", "mixtures": ["world-incremental-53-all"]}, {}, "t")
