"""Transfer to languages that nobody has seen, and means of groups, against plain loops."""

import math
from statistics import mean, stdev

import numpy as np
import pandas as pd
import pytest

from polytune.analysis.choices import Choice, choose_scores
from polytune.analysis.transfer import measure_transfer
from polytune.errors import InputError
from polytune.tables.groups import GROUPS, build_group_means, with_runs
from polytune.tables.transfer import build_transfer
from tests.cases.synthetic_similarity import synthetic_similarity
from tests.cases.synthetic_study import SEEN, collect_study, make_run, write_results

TUNED = ["en", "fr"]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two worlds, one seed, two mixtures; XCOPA has five languages that the base has not seen."""
    folder = tmp_path_factory.mktemp("study")
    synthetic_similarity().to_parquet(folder / "similarity.parquet")
    runs = []
    for world in ("w1", "w2"):
        runs.append(make_run([], world=world))
        runs.append(make_run(TUNED, "world-two-all", world=world, family="two"))
        runs.append(make_run(["th", "it", "en"], "world-three-all", world=world, family="three"))
    return collect_study(folder, write_results(folder, runs, ("xcopa", "xwinograd"), items=200))


def accuracies(study, run, benchmark="xcopa"):
    rows = study.scores[(study.scores["run"] == run) & (study.scores["evaluation"] == benchmark)]
    rows = rows[(rows["measure"] == "acc") & (rows["aggregate"] == "")]
    return dict(zip(rows["language"], 100 * rows["value"], strict=True))


def test_gains_are_those_of_a_plain_loop(study):
    similarity = synthetic_similarity().set_index(["measure", "language", "other"])["similarity"]["genetic"]
    rows = with_runs(choose_scores(study.scores, Choice(), ["xcopa"]), study.runs, Choice())
    wide = synthetic_similarity().pivot(index=["measure", "language"], columns="other", values="similarity")
    found = measure_transfer(rows.assign(value=100 * rows["value"]), wide.loc["genetic"], close=0.2)
    assert len(found) == 4
    for row in found:
        world = row["world"]
        before = accuracies(study, f"world-bloom-{world}/base/none/seed0")
        after = accuracies(study, row["run"])
        tuned = TUNED if "two" in row["run"] else ["th", "it", "en"]
        others = [code for code in after if code not in SEEN and code not in tuned]
        gains = {code: after[code] - before[code] for code in others}
        near = {code: [similarity[code, other] for other in tuned] for code in others}
        close = [gains[code] for code in others if max(near[code]) >= 0.2]
        distant = [gains[code] for code in others if max(near[code]) < 0.2]
        assert (row["n_close"], row["n_distant"]) == (len(close), len(distant))
        assert row["gain_close"] == pytest.approx(mean(close)) if close else math.isnan(row["gain_close"])
        assert row["gain_distant"] == pytest.approx(mean(distant))
        sums = [sum(near[code]) for code in others]
        if len(set(sums)) > 1:
            assert row["r"] == pytest.approx(np.corrcoef(sums, list(gains.values()))[0, 1])
        else:
            assert math.isnan(row["r"])
    # with two languages a correlation would be 1 or -1
    few = measure_transfer(rows[rows["language"].isin(others[:2])], wide.loc["genetic"], close=0.2)
    assert {row["n_close"] + row["n_distant"] for row in few} == {2} and all(math.isnan(row["r"]) for row in few)
    assert {row["n_close"] for row in found} == {0, 1}  # Italian is French's relative; it is tuned in the other mixture


def test_the_table_shows_means_and_spread_over_worlds(study):
    table = build_transfer(
        study.scores, study.runs, study.context, study.folder / "similarity.parquet", Choice(), ["xcopa"], 0.2,
        similarity_method="uriel-precomputed",
    )  # fmt: skip
    first = next(row for row in table.rows if row[1].text == "2 languages")
    pair = table.data[table.data["model"] == "2 languages"]["gain_close"].tolist()
    assert len(pair) == 2
    assert first[2].text == f"{mean(pair):.1f} ({stdev(pair):.1f}) [1]".replace("-", "−")
    none = next(row for row in table.rows if row[1].text == "3 languages")
    assert none[2].text == "–"  # no language without its own relative: a dash, not nan
    assert not any("nan" in cell.text for row in table.rows for cell in row)
    with pytest.raises(InputError, match="no tuned model with its untuned base"):
        everything = study.runs.assign(seen_languages=[[*SEEN, "et", "it", "qu", "th", "tr"]] * len(study.runs))
        build_transfer(
            study.scores, everything, study.context, study.folder / "similarity.parquet", Choice(), ["xcopa"],
            similarity_method="uriel-precomputed",
        )  # fmt: skip


def test_group_means_are_those_of_a_plain_loop(study):
    table = build_group_means(study.scores, study.runs, study.context, Choice(families=["two"]), ["xcopa", "xwinograd"])
    assert table.header == ["benchmark", "languages", "base", "2 languages"]
    data = table.data.set_index(["evaluation", "group", "model"])
    for benchmark, group in (("xcopa", "seen untuned"), ("xwinograd", "seen tuned"), ("xwinograd", "all")):
        means = []
        for world in ("w1", "w2"):
            values = accuracies(study, f"world-bloom-{world}/full/world-{world}-two-all/seed1", benchmark)
            chosen = {
                "seen tuned": [code for code in values if code in SEEN and code in TUNED],
                "seen untuned": [code for code in values if code in SEEN and code not in TUNED],
                "all": list(values),
            }[group]
            means.append(mean(values[code] for code in chosen))
        row = data.loc[(benchmark, group, "2 languages")]
        assert row["value"] == pytest.approx(mean(means)) and row["sd"] == pytest.approx(stdev(means))
        assert row["languages"] == len(chosen) and row["runs"] == 2
    texts = {(row[0].text, row[1].text): row[2].text for row in table.rows}
    assert texts["XCOPA", "seen untuned"].endswith("[6]") and ("XWinograd", "unseen tuned") not in texts
    assert [row[1].text for row in table.rows[:3]] == [GROUPS[1], GROUPS[3], GROUPS[4]]


def test_one_world_has_no_spread_and_says_no_nan(study):
    one = study.runs[study.runs["world"] == "w1"]
    table = build_group_means(study.scores, one, study.context, Choice(), ["xcopa"])
    assert all("(" not in cell.text and "nan" not in cell.text for row in table.rows for cell in row)


def test_two_origins_are_not_mixed(study):
    scores = pd.concat([study.scores, study.scores.assign(origin="hub")])
    with pytest.raises(InputError, match="several origins; choose one with 'origin'"):
        build_group_means(scores, study.runs, study.context, Choice(), ["xcopa"])
    build_group_means(scores, study.runs, study.context, Choice(origin="world"), ["xcopa"])
