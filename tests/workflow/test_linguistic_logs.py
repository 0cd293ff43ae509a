"""Tables 3 and 7 to 11 of arXiv 2410.07809 from logs alone: written here, imported by the study file."""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from polytune.config.benchmarks import find_benchmark
from polytune.readers.yaml import read_yaml
from tests.cases.harness_logs import WINOGRAD, items_of, log_of, results_04, table_04, write_mapping

PREFIXES = {"xnli": "xnli", "pawsx": "paws", "xcopa": "xcopa", "xstorycloze": "xstorycloze", "xwinograd": "xwinograd"}
BASES = ("bloom-1b7", "mt5-xl")
SELECTIONS = {"RND": "cs gu hi id", "GEO": "af bn et fr", "TYPO": "az bn de et"}
NUMBERS = (1, 2, 3)
TABLES = {7: "xnli", 8: "xcopa", 9: "xstorycloze", 10: "xwinograd", 11: "pawsx"}
SHARES = {"base": 0.5, "RND": 0.55, "GEO": 0.57, "TYPO": 0.56}


def draw_answers(seed: int, share: float) -> dict[str, dict[str, int]]:
    """Return how many items of each task were right in one log."""
    draw = random.Random(seed)
    return {
        prefix: {
            code: round(items_of(prefix, code) * (share + draw.gauss(0, 0.01)))
            for code in find_benchmark(name, "test").languages
        }
        for name, prefix in PREFIXES.items()
    }


@pytest.fixture(scope="module")
def answers():
    """Right answers by base, selection and number of the run; the base model has one run."""
    names = [
        (base, name, number) for base in BASES for name in SHARES for number in NUMBERS if name != "base" or number == 1
    ]
    return {key: draw_answers(place, SHARES[key[1]]) for place, key in enumerate(names)}


@pytest.fixture(scope="module")
def built(answers, clean_checkout, tmp_path_factory):
    checkout = clean_checkout.copy(tmp_path_factory.mktemp("logs") / "polytune")
    folder, rows = checkout.folder / "linguistic-logs", []
    folder.mkdir()
    for base, name, number in answers:
        log, right = f"{base}-{name}-{number}", answers[base, name, number]
        if base == "mt5-xl":  # one base by logs, the other by result files
            (folder / log).mkdir()
            (folder / log / "results_2024-05-01T10-11-12.3.json").write_text(results_04(right))
        else:
            log += ".log"
            (folder / log).write_text(log_of(table_04(right, direction=number == 2)))
        rows.append(f"{log},{base},,,," if name == "base" else f"{log},{base},{name},4,{number},{SELECTIONS[name]}")
    write_mapping(folder / "mapping.csv", *rows)
    (checkout.folder / "config/config.yaml").write_text("studies: [linguistic-logs]\n")
    planned = checkout.plan()
    assert not [
        rule for rule in planned if rule.startswith(("train", "evaluate", "pretrain", "read_source", "build_world"))
    ]
    assert planned["build_table"] == len(read_yaml(checkout.folder / "config/studies/linguistic-logs.yaml")["tables"])
    checkout.run("--cores", "2", "--quiet", "all")
    return checkout.folder / "results/studies/linguistic-logs/full/tables"


def shares_of(answers, base, name, prefix, code=None) -> np.ndarray:
    """Return the accuracy of each run in percent: of one language, or of all items together."""
    found = []
    for number in NUMBERS if name != "base" else (1,):
        right = answers[base, name, number][prefix]
        codes = [code] if code else list(right)
        found.append(100 * sum(right[one] for one in codes) / sum(items_of(prefix, one) for one in codes))
    return np.array(found)


def shown(values: np.ndarray) -> str:
    if len(values) == 1:
        return f"{values[0]:.1f}"
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return f"{values.mean():.1f} ± {half:.1f}"


def read_rows(path) -> dict[tuple[str, str], list[str]]:
    """Return the cells of a Markdown table by base and selection, without marks."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.replace("*", "").strip(" +−") for cell in line.strip("|").split("|")] for line in lines]
    return {(row[0], row[1]): row[2:] for row in cells if row[0] in BASES} | {("", "head"): cells[0][2:]}


def nearly(cell: str, expected: str) -> bool:
    """Whether a cell shows the expected numbers: logs have four digits, so the last shown one may differ by one."""
    mine, theirs = ([float(part) for part in text.split(" ± ")] for text in (cell, expected))
    return len(mine) == len(theirs) and all(abs(a - b) < 0.1001 for a, b in zip(mine, theirs, strict=True))


def test_table_3_has_means_with_margins_of_every_benchmark(built, answers):
    table = read_rows(built / "table3.md")
    assert table["", "head"] == ["XNLI", "PAWS-X", "XCOPA", "XStoryCloze", "XWinograd", "mean of the benchmarks"]
    for base in BASES:
        for name in SHARES:
            # of the group the mean is weighted by items, over the benchmarks it is plain and of each run
            by_benchmark = [shares_of(answers, base, name, prefix) for prefix in PREFIXES.values()]
            row = table[base, "base model" if name == "base" else name]
            expected = [shown(values) for values in (*by_benchmark, np.mean(by_benchmark, axis=0))]
            assert all(map(nearly, row, expected)), (base, name, row, expected)


@pytest.mark.parametrize("number", TABLES)
def test_tables_7_to_11_have_every_language(built, answers, number):
    name = TABLES[number]
    prefix, codes = PREFIXES[name], list(find_benchmark(name, "test").languages)
    table = read_rows(built / f"table{number}.md")
    assert len(table["", "head"]) == len(codes) + 1 and table["", "head"][-1] == "all languages"
    head = dict(zip(table["", "head"], range(len(codes) + 1), strict=True))
    data = pd.read_csv(built / f"table{number}.csv", comment="#")
    for base in BASES:
        for selection in SELECTIONS:
            row = table[base, selection]
            assert nearly(row[-1], shown(shares_of(answers, base, selection, prefix)))
            if selection == "RND":
                continue
            for code in codes:
                values = shares_of(answers, base, selection, prefix, code)
                ours = "ja" if code == "jp" else code
                here = data[(data["base"] == base) & (data["selection"] == selection) & (data["language"] == ours)]
                assert here["value"].item() == pytest.approx(values.mean(), abs=0.006)
                p = stats.ttest_rel(values, shares_of(answers, base, "RND", prefix, code)).pvalue
                # an accuracy of few items is rounded: 1 of 83 is not printed exactly
                assert here["p"].item() == pytest.approx(p, abs=0.02)
    assert "Japanese" in head or name not in ("xwinograd", "pawsx")


def test_what_the_logs_allow_besides_is_there(built):
    tests = pd.read_csv(built / "tests.csv", comment="#")
    assert set(tests["selection"]) == {"base", "GEO", "TYPO"} and (tests["p_permutation"].dropna() >= 0.1 - 1e-9).all()
    effect = pd.read_csv(built / "selection-effect.csv", comment="#")
    overall = effect[(effect["base"] != "bloom-1b7") & (effect["base"] != "mt5-xl")].set_index("selection")["effect"]
    assert overall["GEO"] == pytest.approx(2.0, abs=0.5) and overall["TYPO"] == pytest.approx(1.0, abs=0.5)
    common = (built / "table6.md").read_text(encoding="utf-8")
    assert "| mt5-xl | GEO | 1/6 | 1/6 | 6/6 | 4/4 | fr |" in common and "XWinograd" in common
    assert WINOGRAD.keys() == set(find_benchmark("xwinograd", "test").languages)
