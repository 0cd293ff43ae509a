"""Agreement of people and judges: the paper's own numbers, textbook kappas, and broken files of ratings."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from polytune import ROOT
from polytune.analysis.agreement import preference_agreement, preference_counts, system_agreement
from polytune.analysis.published import read_published_values
from polytune.analysis.ratings import read_ratings
from polytune.errors import InputError

PUBLISHED = ROOT / "config" / "published"
RUNS = ["base/lora/en/seed1", "base/lora/es/seed1"]
PLACES = {code: {(item, 1) for item in range(10)} for code in ("en", "es")}


def test_the_printed_correlations_follow_from_table_3():
    table = read_published_values(PUBLISHED / "alpaca-table3.csv", ("language", "judge", "human"))
    printed = {"en": 0.9225, "es": 0.9683, "bg": 0.9205, "zh": 0.8685}
    assert len(table) == 48 and table.groupby(["base", "family"]).size().eq(4).all()
    for language, part in table.groupby("language"):
        found = system_agreement(part["judge"], part["human"])
        assert round(found.r, 4) == printed.pop(language) and found.systems == 12
        assert found.spearman == pytest.approx(spearmanr(part["judge"], part["human"]).statistic)
    assert not printed


def test_figure_5_agrees_with_table_3_and_not_with_the_sentences():
    figure = read_published_values(PUBLISHED / "alpaca-figure5.csv")
    table = read_published_values(PUBLISHED / "alpaca-table3.csv", ("judge",))
    both = figure.merge(table, on=["base", "family", "language"])
    assert len(figure) == 90 and len(both) == 32 and (both["value"] == both["judge"]).all()
    best = figure.pivot(index=["base", "language"], columns="family", values="value").idxmax(axis=1)
    assert best.value_counts().to_dict() == {
        "multilingual": 16,
        "downsampled": 7,
        "monolingual": 7,
    }  # section 3.5: 2, 4


def test_preferences_are_of_every_pair_that_both_rated():
    judge = np.array([[3.0, 1, 2], [1, 1, np.nan]])
    human = np.array([[2.0, 1, 2.5], [2, 1, 3]])
    counts = preference_counts(judge, human)
    expected = np.zeros((2, 3, 3))
    for prompt, (one, other) in [(0, pair) for pair in combinations(range(3), 2)] + [(1, (0, 1))]:
        signs = [int(np.sign(values[prompt, one] - values[prompt, other])) + 1 for values in (judge, human)]
        expected[prompt, signs[0], signs[1]] += 1
    assert (counts == expected).all() and counts.sum() == 4


def test_kappa_is_the_textbooks_and_its_interval_holds():
    generator = np.random.default_rng(1)
    tables = np.zeros((1, 3, 3))
    tables[0, [0, 0, 2, 2], [0, 2, 0, 2]] = [20, 5, 10, 15]  # Cohen's kappa 0.4, agreement 0.7
    found = preference_agreement(tables)
    assert (found.pairs, found.share) == (50, 0.7) and found.kappa == pytest.approx(0.4)
    shares = np.array([[0.3, 0.1, 0.05], [0.05, 0.05, 0.05], [0.05, 0.05, 0.3]]).ravel()
    truth, inside = 0.65, 0
    for seed in range(40):
        counts = generator.multinomial(1, shares, size=40).reshape(-1, 3, 3).astype(float)
        one = preference_agreement(counts, seed)
        inside += one.share_low <= truth <= one.share_high
    assert 34 <= inside <= 40


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def test_raters_of_an_answer_are_averaged(tmp_path):
    path = write(
        tmp_path / "r.csv",
        "run,language,item,rater,rating",
        f"{RUNS[0]},English,3,anna,2",
        f"{RUNS[0]},English,3,ben,3",
    )
    (row,) = read_ratings(path, RUNS, PLACES, {"English": "en"}.get).to_dict("records")
    assert row == {"run": RUNS[0], "language": "en", "item": 3, "turn": 1, "rating": 2.5}


@pytest.mark.parametrize(
    ("header", "line", "words"),
    [
        ("run,language,rating", "", ["no column 'item'"]),
        ("run,language,item,rating,ratr", f"{RUNS[0]},en,1,2,x", ["unknown column 'ratr'", "did you mean 'rater'"]),
        ("run,language,item,rating", "base/lora/fr/seed1,en,1,2", ["row 1: no run 'base/lora/fr/seed1'"]),
        ("run,language,item,rating", f"{RUNS[0]},fr,1,2", ["row 1: no language 'fr'"]),
        ("run,language,item,rating", f"{RUNS[0]},en,1001,2", ["row 1: no item 1001, turn 1 in 'en' was judged"]),
        ("run,language,item,turn,rating", f"{RUNS[0]},en,1,2,2", ["row 1: no item 1, turn 2 in 'en' was judged"]),
        ("run,language,item,rating", f"{RUNS[0]},en,1,good", ["row 1: rating: 'good' is not a number"]),
        ("run,language,item,rating", f"{RUNS[0]},en,1,nan", ["rating: 'nan' is not a number"]),
        ("run,language,item,rating", f"{RUNS[0]},en,1.5,2", ["item: '1.5' is not a whole number"]),
        ("run,language,item,rating", f"{RUNS[0]},en,1,2\n{RUNS[0]},en,1,3", ["row 2: rater '' rated item 1", "twice"]),
    ],
)
def test_broken_ratings_are_explained(tmp_path, header, line, words):
    with pytest.raises(InputError) as error:
        read_ratings(write(tmp_path / "r.csv", header, line or f"{RUNS[0]},en,2"), RUNS, PLACES)
    for word in ["r.csv", *words]:
        assert word in str(error.value)
    with pytest.raises(InputError, match=r"no ratings 'q.csv'; did you mean 'r.csv'"):
        read_ratings(tmp_path / "q.csv", RUNS, PLACES)


def test_published_tables_are_found_and_complete(tmp_path):
    with pytest.raises(InputError, match=r"no published table 'alpaca-figure6.csv'; did you mean 'alpaca-figure5.csv'"):
        read_published_values(PUBLISHED / "alpaca-figure6.csv")
    pd.DataFrame({"valu": [1]}).to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(InputError, match="no column 'value'; did you mean 'valu'"):
        read_published_values(tmp_path / "x.csv")
