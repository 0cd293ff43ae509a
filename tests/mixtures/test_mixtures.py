"""Mixtures: families, nested and parallel samples, exact budgets, manifests."""

from __future__ import annotations

import json

import numpy as np
import pytest

from polytune.data.read import command as read_source
from polytune.data.rows import row_key
from polytune.errors import InputError
from polytune.mixtures.build import build_mixture, split_rows
from polytune.mixtures.families import FAMILIES, expand_family
from polytune.mixtures.manifest import Mixture, Take, mix_keys, select_rows

LANGUAGES = ["en", "zh", "af", "ar"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Four languages of 200 parallel rows; `ar` lacks every tenth row."""
    folder = tmp_path_factory.mktemp("data")
    for code in LANGUAGES:
        records = [
            {"id": f"id-{i}", "instruction": f"{code} {i}", "input": "", "output": f"{code} said {i}"}
            for i in range(200)
            if code != "ar" or i % 10
        ]
        (folder / "toy").mkdir(exist_ok=True)
        (folder / f"{code}.json").write_text(json.dumps(records))
        read_source(
            folder / f"{code}.json",
            "bactrian-x",
            folder / "toy" / f"{code}.parquet",
            folder / "toy" / f"{code}.report.json",
        )
    return folder


def keys_of(code):
    return np.array([row_key(f"id-{i}") for i in range(200) if code != "ar" or i % 10], np.uint64)


def ids_taken(mixture):
    """The row ids of each part, found without the code under test."""
    ids = {}
    for part in mixture.parts:
        all_ids = [f"id-{i}" for i in range(200) if part.language != "ar" or i % 10]
        ids[part.language] = {all_ids[i] for i in mixture.select(part, keys_of(part.language))}
    return ids


def build(family, data, **options):
    return [build_mixture(recipe, data) for recipe in expand("mix", family, **options)]


def expand(key, family, **options):
    options = {"family": family, "source": "toy", **options}
    return expand_family(key, options, LANGUAGES, "study.yaml: mixtures.mix")


def test_incremental_mixtures_grow_by_one_language(data):
    mixtures = build("incremental", data, order=LANGUAGES, sizes="1-4", rows="all")
    assert [mixture.languages for mixture in mixtures] == [tuple(LANGUAGES[:n]) for n in (1, 2, 3, 4)]
    assert [mixture.rows for mixture in mixtures] == [200, 400, 600, 780]


def test_one_language_has_one_name_in_every_family():
    first = expand("a", "incremental", order=LANGUAGES, sizes=1, rows="all")[0]
    second = expand("b", "monolingual", languages=["en"], rows="all")[0]
    assert first.name == second.name == "toy-en-all"
    assert first.content() == second.content()


def test_samples_are_nested(data):
    small, large = (build("monolingual", data, languages=["en"], rows=n)[0] for n in (30, 90))
    assert ids_taken(small)["en"] < ids_taken(large)["en"]
    other = build("monolingual", data, languages=["en"], rows=30, seed=2)[0]
    assert ids_taken(other) != ids_taken(small)


def test_parallel_mixtures_take_the_same_ids_even_where_a_language_lacks_rows(data):
    mixture = build("parallel", data, languages=LANGUAGES, rows=100)[0]
    taken = ids_taken(mixture)
    assert len(taken["en"]) == 100
    assert taken["en"] == taken["zh"] == taken["af"] == taken["ar"]
    assert not any(int(name[3:]) % 10 == 0 for name in taken["en"])


def test_more_rows_than_there_are_is_an_error(data):
    with pytest.raises(InputError, match=r"190 rows of toy/\w\w are asked for, 180 are there"):
        build("parallel", data, languages=LANGUAGES, rows=190)


def test_a_budget_is_split_exactly(data):
    mixture = build("parallel", data, languages=LANGUAGES, total_rows=101)[0]
    assert [part.rows for part in mixture.parts] == [26, 25, 25, 25]
    assert split_rows(4640, [1.0] * 12) == [387] * 8 + [386] * 4
    assert sum(split_rows(7, [0.1, 0.2, 0.7])) == 7


def test_percent_spreads_over_all_and_leaves_the_rest_to_the_dominant(data):
    mixtures = build("percent", data, languages=LANGUAGES, percents=[0, 20, 100], total_rows=100)
    counts = [{part.language: part.rows for part in mixture.parts} for mixture in mixtures]
    assert counts == [{"en": 100}, {"en": 85, "zh": 5, "af": 5, "ar": 5}, dict.fromkeys(LANGUAGES, 25)]
    taken = ids_taken(mixtures[1])
    assert not taken["zh"] & taken["af"]
    assert not taken["en"] & taken["zh"]


def test_pairs_and_random_pairs(data):
    given = build("pairs", data, pairs=[["en", "zh"]], total_rows=50)
    assert given[0].mixture == "toy-en-zh-50-rows-in-all"
    drawn = build("pairs", data, languages=LANGUAGES, pairs_seed=3, total_rows=50)
    assert sorted(code for mixture in drawn for code in mixture.languages) == sorted(LANGUAGES)


def test_downsampled_is_a_uniform_sample_of_the_merged_rows(data):
    counts = np.zeros(4)
    for seed in range(1, 41):
        mixture = build("downsampled", data, languages=LANGUAGES, total_rows=100, seed=seed)[0]
        assert mixture.rows == 100
        counts += [sum(part.rows for part in mixture.parts if part.language == code) for code in LANGUAGES]
    expected = 40 * 100 * np.array([200, 200, 200, 180]) / 780
    assert np.all(np.abs(counts - expected) < 4 * np.sqrt(expected))


def test_shares_are_shares_of_each_language(data):
    mixture = build("parallel", data, languages=["en", "zh"], share=0.25)[0]
    assert [part.rows for part in mixture.parts] == [50, 50]


def test_listed_sets_become_mixtures(data):
    mixtures = build("selected", data, sets={"fam-1": ["af", "en"], "fam-2": ["zh", "ar"]}, rows=10)
    assert [mixture.languages for mixture in mixtures] == [("en", "af"), ("zh", "ar")]


def test_listed_sets_may_say_the_seed_that_made_them(data):
    sets = {"geo": {66: ["af", "en"], 42: ["zh", "ar"]}, "hand": ["en"]}
    recipes = expand("mix", "selected", sets=sets, rows=10)
    assert [recipe.name for recipe in recipes] == [
        "toy-mix-geo-k2-seed66-10-rows", "toy-mix-geo-k2-seed42-10-rows", "toy-mix-hand-10-rows"
    ]  # fmt: skip
    assert recipes[0].coordinates == {"features": "geo", "k": 2, "selection_seed": 66, "rows": 10}
    # keys of a study file are text
    sets["geo"] = {str(seed): chosen for seed, chosen in sets["geo"].items()}
    assert expand("mix", "selected", sets=sets, rows=10) == recipes


def test_several_numbers_of_languages_are_mixtures_of_their_own(data):
    options = {"features": "typo", "k": [1, 3], "selection_seeds": [1], "rows": 10}
    assert [recipe.coordinates["k"] for recipe in expand("mix", "selected", **options)] == [1, 3]
    apart = [recipe for k in (1, 3) for recipe in expand("mix", "selected", **options | {"k": k})]
    assert expand("mix", "selected", **options) == apart


def test_another_algorithm_is_another_selection(data):
    options = {"features": "typo", "k": 2, "selection_seeds": [1], "rows": 10}
    plain, far = (expand("mix", "selected", **options, **more)[0] for more in ({}, {"algorithm": "kcentre"}))
    assert plain.selection == {"features": "typo", "k": 2, "seed": 1, "vectors": ""}  # the specs of before
    assert far.selection == {**plain.selection, "algorithm": "kcentre"}
    assert (plain.name, far.name) == (
        "toy-mix-typo-k2-seed1-10-rows", "toy-mix-typo-kcentre-k2-seed1-10-rows"
    )  # fmt: skip
    assert far.selection_name.startswith("typo-kcentre-k2-seed1-") and far.coordinates["algorithm"] == "kcentre"


@pytest.mark.parametrize(
    "family, options, message",
    [
        ("incremantal", {"rows": 1}, "family is 'incremantal'; did you mean 'incremental'"),
        ("incremental", {"order": LANGUAGES, "sizes": "1-5", "rows": "all"}, "sizes: 5 is outside 1 to 4"),
        ("incremental", {"order": LANGUAGES, "sizes": "a-b", "rows": "all"}, "neither a number nor a range"),
        ("parallel", {"languages": LANGUAGES, "rows": 5, "share": 0.5}, "exactly one of rows, total_rows, share"),
        ("parallel", {"languages": LANGUAGES}, "seen: none"),
        ("percent", {"languages": LANGUAGES, "percents": [120], "total_rows": 9}, "120 is outside 0 to 100"),
        ("percent", {"languages": LANGUAGES, "percents": [1], "rows": 9}, "needs total_rows"),
        (
            "percent",
            {"languages": ["zh", "af"], "percents": [1], "total_rows": 9},
            "'en' is not among languages: zh, af",
        ),
        ("downsampled", {"languages": LANGUAGES, "rows": 9}, "needs total_rows"),
        ("parallel", {"rows": 9}, "'parallel' needs the option 'languages'"),
        ("downsampled", {"total_rows": 9}, "'downsampled' needs the option 'languages'"),
        ("monolingual", {"rows": 9, "languages": ["en"], "sizes": 3}, "'monolingual' has no option 'sizes'"),
        ("monolingual", {"rows": 9, "languages": ["en", "qq"]}, r"languages\[1\]: no language 'qq'"),
        ("monolingual", {"rows": 9, "languages": "en"}, "languages: 'en' is not allowed; expected a list"),
        ("parallel", {"rows": 9, "languages": ["en", "zh", "en"]}, "en stands twice"),
        ("incremental", {"order": LANGUAGES, "sizes": "3-1", "rows": 9}, "'3-1' runs backwards; write '1-3'"),
        ("incremental", {"order": LANGUAGES, "sizes": [], "rows": 9}, "the list is empty"),
        ("pairs", {"rows": 9}, "needs the key 'pairs', or 'languages' and 'pairs_seed'"),
        ("pairs", {"rows": 9, "languages": LANGUAGES}, "needs the key 'pairs', or 'languages' and 'pairs_seed'"),
        ("pairs", {"rows": 9, "pairs": [["en", "en"]]}, "is not a pair of two languages"),
        ("pairs", {"rows": 9, "pairs": [["en", "xq"]]}, "no language 'xq'"),
        ("pairs", {"rows": 9, "languages": LANGUAGES[:3], "pairs_seed": 1}, "3 languages cannot be paired"),
        ("selected", {"rows": 9}, "needs the key 'features', or 'sets' alone"),
        ("selected", {"rows": 9, "features": "typo", "k": 2}, "needs the key 'selection_seeds'"),
        ("selected", {"rows": 9, "features": "typpo"}, "'typpo' is not allowed; did you mean 'typo'"),
        ("selected", {"rows": 9, "features": "typo", "k": 9, "selection_seeds": [1]}, "k: 9 is outside 1 to 4"),
        ("selected", {"rows": 9, "features": "sem", "k": 2, "selection_seeds": [1]}, "'vectors' .* go together"),
        ("selected", {"rows": 9, "sets": {"a": ["en", "q1"]}}, r"sets\.a\[1\]: no language 'q1'"),
        ("selected", {"rows": 9, "features": "typo", "k": [2, 9], "selection_seeds": [1]}, "k: 9 is outside 1 to 4"),
        ("selected", {"rows": 9, "features": "typo", "k": [], "selection_seeds": [1]}, "needs the key 'k'"),
        ("selected", {"rows": 9, "sets": {"a": {1: ["en", "q1"]}}}, r"sets\.a\.1\[1\]: no language 'q1'"),
        ("selected", {"rows": 9, "sets": {"a": {"x": ["en"]}}}, "sets.a: 'x' is no seed"),
        (
            "selected",
            {"rows": 9, "features": "rnd", "k": 2, "selection_seeds": [1], "algorithm": "dpp"},
            "features 'rnd' have no vectors",
        ),
        ("selected", {"rows": 9, "sets": {"A b": ["en"]}}, "'A b' is no name"),
        ("selected", {"rows": 9, "sets": {"a": []}}, "'toy-mix-a-9-rows' has no language"),
        ("selected", {"rows": 9, "sets": {"a": {1: []}}}, "'toy-mix-a-k0-seed1-9-rows' has no language"),
        (
            "selected",
            {"rows": 9, "features": "fam", "k": [2, 4], "selection_seeds": [1]},
            "k: 4 is more than 3, the nu",
        ),
        ("selected", {"rows": 9, "features": "rnd", "k": 2, "selection_seeds": [1, -1]}, "_seeds: -1 is no seed; allo"),
        ("selected", {"rows": 9, "features": "typo", "k": 2, "selection_seeds": [2**32]}, "allowed: 0 to 4294967295"),
        (
            "pairs",
            {"rows": 9, "languages": LANGUAGES, "pairs_seed": -1},
            "pairs_seed: -1 is no seed; allowed: 0 to 4294967295",
        ),
        (
            "permutations",
            {"total_rows": 9, "languages": LANGUAGES, "permutation_seeds": [1, -1], "sizes": 2},
            "permutation_seeds: -1 is no seed",
        ),
        ("incremental", {"order": [], "sizes": 1, "rows": 9}, "order: the list is empty"),
        ("pairs", {"rows": 9, "pairs": []}, "these options make no mixture"),
        ("percent", {"total_rows": 9, "languages": LANGUAGES, "percents": []}, "these options make no mixture"),
    ],
)
def test_impossible_options_are_explained(family, options, message):
    with pytest.raises(InputError, match=message):
        expand("mix", family, **options)


FAMILY_OPTIONS = {
    "monolingual": {"rows": 20},
    "percent": {"percents": [40], "total_rows": 50},
    "permutations": {"permutation_seeds": [1, 2], "sizes": "1-4", "total_rows": 50},
    "pairs": {"pairs_seed": 3, "rows": 20},
    "parallel": {"rows": 30},
    "downsampled": {"total_rows": 50},
    "selected": {"rows": 20, "features": "rnd", "k": 2, "selection_seeds": [1]},
}


@pytest.mark.parametrize("family", FAMILY_OPTIONS)
def test_every_family_needs_a_language(family):
    with pytest.raises(InputError, match=r"study\.yaml: mixtures\.mix\.languages: the list is empty"):
        expand("mix", family, languages=[], **FAMILY_OPTIONS[family])


def test_the_largest_seed_of_a_selection_is_that_of_kmeans():
    options = {"rows": 9, "features": "typo", "k": 2, "selection_seeds": [0, 2**32 - 1]}
    assert len(expand("mix", "selected", **options)) == 2


@pytest.mark.parametrize("family", FAMILY_OPTIONS)
def test_permuting_languages_changes_nothing(family):
    forth = expand("mix", family, languages=LANGUAGES, **FAMILY_OPTIONS[family])
    back = expand("mix", family, languages=LANGUAGES[::-1], **FAMILY_OPTIONS[family])
    assert {recipe.name: recipe for recipe in forth} == {recipe.name: recipe for recipe in back}


def test_the_families_that_take_a_list_of_languages_are_all_tested_for_their_order():
    with_languages = {name for name, kind in FAMILIES.items() if "languages" in kind.options}
    assert with_languages == set(FAMILY_OPTIONS)


def test_a_share_that_leaves_no_row_is_refused(data):
    with pytest.raises(InputError, match=r"no row of toy/en is left: share 0\.001 of 200 rows in 2 languages"):
        build("parallel", data, languages=["en", "zh"], share=0.001)


def test_a_budget_with_fewer_rows_than_languages_is_refused(data):
    with pytest.raises(InputError, match=r"no row of toy/ar is left: total_rows 3 of 180 rows in 4 languages"):
        build("parallel", data, languages=LANGUAGES, total_rows=3)


def test_a_sample_that_misses_a_language_says_so(data):
    (mixture,) = build("downsampled", data, languages=LANGUAGES, total_rows=1)
    assert len(mixture.parts) == 1
    absent = [code for code in LANGUAGES if code != mixture.parts[0].language]
    assert mixture.notes == (f"no row of {', '.join(absent)} is in the sample of 1 rows",)


def test_replay_with_fewer_rows_than_asked_for_is_refused(data):
    replay = {"source": "toy", "rows": 401, "languages": ["en", "zh"]}
    with pytest.raises(InputError, match="401 rows of replay are asked for, 201 of them of toy/en, which has 200"):
        build("monolingual", data, languages=["af"], rows=10, replay=replay)
    (whole,) = build("monolingual", data, languages=["af"], rows=10, replay={**replay, "rows": 400})
    assert [(part.language, part.rows, part.role) for part in whole.parts[1:]] == [
        ("en", 200, "replay"),
        ("zh", 200, "replay"),
    ]


def test_what_differs_in_rows_differs_in_name():
    amounts = [{"rows": 9}, {"rows": "all"}, {"share": 0.1234}, {"share": 0.1233}]
    amounts += [{"rows": 9, "seed": 2}, {"rows": 9, "replay": {"source": "toy", "rows": 5, "languages": ["en"]}}]
    names = [expand("mix", "monolingual", languages=["en"], **amount)[0].name for amount in amounts]
    assert len(set(names)) == len(amounts), names


def test_selections_of_other_candidates_or_vectors_have_other_files():
    options = {"rows": 9, "features": "typo", "k": 2, "selection_seeds": [1]}
    recipes = [expand("mix", "selected", languages=codes, **options)[0] for codes in (LANGUAGES, LANGUAGES[:3])]
    options |= {"features": "sem", "languages": LANGUAGES}
    recipes += [expand("mix", "selected", vectors=file, **options)[0] for file in ("a.csv", "b.csv")]
    assert len({recipe.selection_name for recipe in recipes}) == 4
    assert {recipe.size for recipe in recipes} == {2}


def test_a_manifest_survives_writing_and_notices_edits(data, tmp_path):
    mixture = build("parallel", data, languages=LANGUAGES, rows=100)[0]
    mixture.write(tmp_path / "m.json")
    again = Mixture.read(tmp_path / "m.json")
    assert again == mixture
    assert (tmp_path / "m.json").stat().st_size < 4096
    edited = json.loads((tmp_path / "m.json").read_text())
    edited["parts"][0]["rows"] = 7
    (tmp_path / "m.json").write_text(json.dumps(edited))
    with pytest.raises(InputError, match="the digest does not fit"):
        Mixture.read(tmp_path / "m.json")


def test_data_that_changed_after_the_mixture_is_noticed(data):
    mixture = build("monolingual", data, languages=["en"], rows=150)[0]
    with pytest.raises(InputError, match="has 100 rows to take, the manifest says 150"):
        mixture.select(mixture.parts[0], keys_of("en")[:100])


def test_the_mix_of_keys_is_splitmix64():
    """The first outputs of splitmix64 from state 0 (Steele, Lea and Flood 2014), computed with Python integers."""
    mask = 2**64 - 1

    def splitmix(value):
        value = (value + 0x9E3779B97F4A7C15) & mask
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
        return value ^ (value >> 31)

    assert splitmix(0) == 0xE220A8397B1DCDAF
    keys = [0, 1, 2**63, mask]
    assert mix_keys(np.array(keys, np.uint64), 5).tolist() == [splitmix(key ^ splitmix(5)) for key in keys]


def test_selection_is_the_smallest_mixed_keys():
    keys = np.arange(1000, dtype=np.uint64)
    chosen = select_rows(keys, Take(seed=9, count=10, skip=5))
    order = sorted(range(1000), key=lambda i: int(mix_keys(keys[i : i + 1], 9)[0]))
    assert chosen.tolist() == sorted(order[5:15])
