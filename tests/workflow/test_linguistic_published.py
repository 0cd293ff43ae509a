"""Table 3 of arXiv 2410.07809 from the authors' scores of every run, against their own means and margins."""

from __future__ import annotations

import csv

import pytest

from polytune.analysis.contrasts import EVERY

pytestmark = pytest.mark.slow

BASES = {"mgpt": "mgpt-1.3b", "1b7": "bloom-1b7", "3b": "bloom-3b", "7b1": "bloom-7b1", "mt5": "mt5-xl"}
SETS = ("all", "fam", "geo", "learn", "rnd", "sem", "typo")
AUTHORS = """
1b7  54.76733333 0.16666571 54.67933333 0.09483205 54.58200000 0.22642476 54.66400000 0.23111828 54.42666667 0.41228704
     54.69133333 0.34934902 54.55266667 0.23672846
3b   55.52666667 0.35363280 55.33400000 0.46733491 55.41133333 0.29124153 55.52200000 0.23909745 55.20400000 0.22196573
     55.31000000 0.54540260 55.21466667 0.36170728
7b1  56.45266667 0.25587020 56.50133333 0.56241083 56.66266667 0.35111099 56.47200000 0.20658708 56.47066667 0.69202447
     56.43266667 0.30595596 56.71466667 0.24188580
mgpt 52.72066667 0.06781893 52.49266667 0.29682414 52.82000000 0.54671351 52.46266667 0.37870949 52.41666667 0.35703665
     52.45066667 0.44115190 52.51466667 0.64477293
mt5  48.71866667 0.31407728 49.14266667 0.19269822 49.01066667 0.50081925 48.82466667 0.13463324 48.81000000 0.54689407
     48.87733333 0.38779079 48.78266667 0.10911370
"""
"""Mean and margin over three runs of the mean of the benchmarks, for each of `SETS`: the authors' repository,
journal_exp_with_multi_seeds_stats_results.csv, rows SET AVG."""
XWINOGRAD_7B1 = {"all": (73.70666667, 0.23081548), "geo": (73.96333333, 1.68634959), "typo": (74.16666667, 1.07604557)}


@pytest.fixture(scope="module")
def tables(clean_checkout):
    clean_checkout.run("--cores", "1", "linguistic-published", "--config", "studies=[linguistic-published]")
    return clean_checkout.folder / "results/studies/linguistic-published/full/tables"


def read(path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_means_and_margins_are_the_authors(tables):
    found = {}
    for row in read(tables / "table3.csv"):
        key = row["base"], row["evaluation"]
        found[*key, row["selection"]] = float(row["value"]), float(row["half"])
        found[*key, "rnd"] = float(row["reference_value"]), float(row["reference_half"])
    words, base, published = AUTHORS.split(), "", {}
    for word in words:
        if word in BASES:
            base = BASES[word]
            published[base] = []
        else:
            published[base].append(float(word))
    assert len(published) == 5
    for base, values in published.items():
        pairs = zip(values[::2], values[1::2], strict=True)
        for name, (mean, margin) in zip(SETS, pairs, strict=True):
            assert found[base, EVERY, name] == pytest.approx((mean, margin), abs=6e-5), (base, name)
    for name, pair in XWINOGRAD_7B1.items():
        assert found["bloom-7b1", "xwinograd", name] == pytest.approx(pair, abs=6e-5)  # six digits are written


def test_no_difference_survives_the_number_of_tests(tables):
    """What docs/studies/linguistic.md says of the paper's marks."""
    rows = read(tables / "tests.csv")
    assert len(rows) == 5 * 6 * 6
    marked = [row for row in rows if float(row["p"]) <= 0.05]
    doubted = [row for row in marked if float(row["p_largest"]) > 0.05]
    assert (len(marked), len(doubted)) == (22, 13)
    assert min(float(row["q"]) for row in rows) == pytest.approx(0.205, abs=1e-3)
    assert min(float(row["p_permutation"]) for row in rows) == pytest.approx(0.1)
