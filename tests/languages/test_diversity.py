"""Sets that are far apart against loops over all sets."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from polytune.errors import InputError
from polytune.languages import selections
from polytune.languages.diversity import select_determinantal, select_far_apart, similarity_kernel
from polytune.languages.vectors import build_vectors, feature_set


def points(count: int = 7, seed: int = 0) -> pd.DataFrame:
    names = [chr(ord("a") + number) for number in range(count)]
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(count, 3)), index=names)


def smallest(vectors, names):
    return min(np.linalg.norm(vectors.loc[one] - vectors.loc[other]) for one, other in combinations(names, 2))


def test_each_language_is_as_far_as_possible_from_those_before():
    vectors = points()
    steps = select_far_apart(vectors, 4, ["c"])
    chosen = ["c"]
    for step in steps[1:]:
        others = {name: min(np.linalg.norm(vectors.loc[name] - vectors.loc[one]) for one in chosen)
                  for name in vectors.index if name not in chosen}  # fmt: skip
        assert step["language"] == max(others, key=others.get) and step["distance"] == max(others.values())
        chosen.append(step["language"])
    best = max(smallest(vectors, names) for names in combinations(vectors.index, 4))
    assert smallest(vectors, chosen) >= best / 2  # Gonzalez's bound


def test_ties_are_named_and_the_first_of_the_alphabet_is_chosen():
    square = pd.DataFrame([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], index=["m", "z", "b"])
    steps = select_far_apart(square, 2, ["m"])
    assert steps[1] == {"language": "b", "distance": 1.0, "ties": ["z"]}


def test_determinantal_sets_have_the_probability_of_their_determinant():
    vectors, draws = points(6, seed=1), 1500
    kernel = similarity_kernel(vectors.to_numpy())
    weights = {names: np.linalg.det(kernel[np.ix_(places, places)])
               for places in combinations(range(6), 3) for names in ["".join(vectors.index[list(places)])]}  # fmt: skip
    total = sum(weights.values())
    found = Counter(
        "".join(step["language"] for step in select_determinantal(vectors, 3, seed)) for seed in range(draws)
    )
    statistic = sum((found[names] - draws * weight / total) ** 2 / (draws * weight / total)
                    for names, weight in weights.items())  # fmt: skip
    assert statistic < 43.8  # chi-square with 19 degrees of freedom, 99.9 %
    assert set(found) <= set(weights)


@pytest.mark.parametrize("algorithm", ["kcentre", "dpp"])
def test_selections_by_another_algorithm(algorithm):
    codes = [code for code, entry in selections.languages().items() if entry.bactrian_x]
    geo = feature_set(build_vectors(), "geo")
    found = selections.select_languages("geo", 14, 3, codes, geo, algorithm)
    assert found == selections.select_languages("geo", 14, 3, codes[::-1], geo[::-1], algorithm)
    assert found["algorithm"] == algorithm and len(set(found["languages"])) == 14
    assert {step["language"] for step in found["steps"]} == set(found["languages"])
    assert found["languages"] != selections.select_languages("geo", 14, 4, codes, geo, algorithm)["languages"]
    random = selections.select_at_random(codes, 14, 3)
    assert smallest(geo, found["languages"]) > smallest(geo, random)
    with pytest.raises(InputError, match="allowed: 1 to 52"):
        selections.select_languages("geo", 53, 1, codes, geo, algorithm)
