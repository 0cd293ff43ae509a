"""One budget of rows, split over languages: percents, permutations, pairs. Which rows they hold, worked out again."""

from __future__ import annotations

import json
from itertools import combinations, pairwise

import numpy as np
import pytest

from polytune.data.rows import row_key
from polytune.errors import InputError
from polytune.mixtures.build import build_mixture
from polytune.mixtures.families import expand_family, in_table_order
from polytune.mixtures.manifest import Mixture
from polytune.readers.parquet import read_table

TWELVE = ["ar", "cs", "en", "es", "et", "fi", "he", "hi", "it", "ru", "sw", "zh"]
ROWS = 4640
PERCENTS = [1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
KEYS = np.array([row_key(f"id-{number}") for number in range(ROWS)], np.uint64)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Twelve languages of 4,640 parallel rows, as far as mixtures read them: reports and keys."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = tmp_path_factory.mktemp("data") / "toy"
    folder.mkdir()
    for code in TWELVE:
        pq.write_table(pa.table({"key": KEYS}), folder / f"{code}.parquet")
        (folder / f"{code}.report.json").write_text(json.dumps({"rows": ROWS, "digest": code, "ids_digest": "same"}))
    assert len(read_table(folder / "en.parquet")) == ROWS
    return folder.parent


def mixtures(data, family, total=ROWS, **options) -> list[Mixture]:
    options = {"family": family, "source": "toy", "total_rows": total, **options}
    return [build_mixture(recipe, data) for recipe in expand_family("mix", options, TWELVE, "study.yaml: mixtures.mix")]


def rows_of(mixture: Mixture) -> dict[str, set[int]]:
    return {part.language: set(mixture.select(part, KEYS).tolist()) for part in mixture.parts}


def test_the_papers_percents_are_nested_and_hold_every_row_once(data):
    """Section 3.2: 4,640 rows; P = 1 is 40 rows over the eleven others."""
    options = {"languages": TWELVE, "percents": PERCENTS, "rows_of_others": {"1": 40}}
    taken = [rows_of(one) for one in mixtures(data, "percent", **options)]
    for rows in taken:
        assert sum(map(len, rows.values())) == ROWS and set.union(*rows.values()) == set(range(ROWS))
    counts = [{code: len(found) for code, found in rows.items()} for rows in taken]
    assert sorted(counts[0].values()) == [3] * 4 + [4] * 7 + [4600]
    for percent, count in zip(PERCENTS[1:], counts[1:], strict=True):
        assert all(abs(count[code] - percent / 100 * ROWS / 12) < 1 for code in TWELVE if code != "en")
    for less, more in pairwise(taken):
        assert all(less[code] < more[code] for code in TWELVE if code != "en")
        assert less["en"] > more["en"]


def test_a_manifest_with_steps_survives_writing(data, tmp_path):
    (mixture,) = mixtures(data, "percent", languages=TWELVE, percents=[30])
    mixture.write(tmp_path / "mixture.json")
    assert Mixture.read(tmp_path / "mixture.json") == mixture
    steps = [part["take"].get("step") for part in json.loads((tmp_path / "mixture.json").read_text())["parts"]]
    assert steps == [None] + [11] * 11


def test_an_even_split_is_one_mixture_whatever_the_family(data):
    six = ["ar", "en", "fi", "it", "ru", "sw"]
    everything = mixtures(data, "percent", languages=six, percents=[0, 100])
    orders = mixtures(data, "permutations", languages=six, permutation_seeds=[1, 2, 3], sizes="1-6")
    (english,) = mixtures(data, "monolingual", languages=["en"], total=20)
    assert everything[1] in orders and english.mixture == "toy-en-20-rows"
    assert everything[0].mixture == f"toy-en-{ROWS}-rows"
    pair = next(one for one in orders if len(one.languages) == 2)
    assert mixtures(data, "pairs", pairs=[list(pair.languages)]) == [pair]
    for one, other in combinations(rows_of(pair).values(), 2):
        assert not one & other and len(one) == len(other) == ROWS / 2


def test_permutations_begin_with_each_language_in_turn_and_share_what_is_equal():
    options = {"family": "permutations", "source": "toy", "total_rows": 60, "languages": TWELVE[:6]}
    options |= {"permutation_seeds": [1, 2, 3], "sizes": "1-6"}
    recipes = expand_family("mix", options, TWELVE, "study.yaml: mixtures.mix")
    by_seed = {seed: [r for r in recipes if r.coordinates["permutation"] == seed] for seed in (1, 2, 3)}
    assert [recipe.coordinates["size"] for recipe in by_seed[1]] == [1, 2, 3, 4, 5, 6]
    for less, more in pairwise(by_seed[1]):
        assert set(less.languages) < set(more.languages)
    assert len({recipe.name for recipe in recipes}) == len(recipes)
    assert [r.languages for r in recipes if r.coordinates["size"] == 6] == [in_table_order(TWELVE[:6])]


def test_where_rows_do_not_suffice_for_all_languages_take_the_same_ones(data):
    (mixture,) = mixtures(data, "percent", total=2 * ROWS, languages=TWELVE[:3], percents=[100])
    first, second, third = rows_of(mixture).values()
    assert first & second & third and len(first) + len(second) + len(third) == 2 * ROWS


@pytest.mark.parametrize(
    "options, message",
    [
        ({"percents": [10], "rows_of_others": {"1": 40}}, r"rows_of_others: 1 is not among percents: \[10\]"),
        ({"percents": [1], "rows_of_others": {"1": 4300}}, "4300 of 4640 rows leave 'en' less than the others"),
    ],
)
def test_impossible_percents_are_explained(options, message):
    options = {"family": "percent", "source": "toy", "total_rows": ROWS, "languages": TWELVE, **options}
    with pytest.raises(InputError, match=message):
        expand_family("mix", options, TWELVE, "study.yaml: mixtures.mix")
