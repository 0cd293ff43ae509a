"""The study `linguistic`: what is planned at full scale and on the world, against the paper's numbers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from polytune.config.settings import load_config
from polytune.errors import InputError
from polytune.languages.codes import languages
from polytune.languages.selections import select_languages
from polytune.languages.vectors import build_vectors, feature_set
from polytune.readers.yaml import read_yaml
from polytune.study.plan import Plan

SEEDS = [66, 42, 10]
SETS = ["fam", "geo", "learn", "rnd", "sem", "typo"]
BASES = ["mgpt-1.3b", "mt5-xl", "bloom-1b7", "bloom-3b", "bloom-7b1"]
BACTRIAN_X = [code for code, entry in languages().items() if entry.bactrian_x]
TARGETS = {
    "figures": ["fig1", "fig2", "fig3", "fig4", "figa1", "map"],
    "tables": [f"table{number}" for number in range(3, 12)],
}


def plan(scale, *studies):
    return Plan(load_config({"studies": list(studies or ["linguistic"]), "scale": scale}))


@pytest.fixture(scope="module", params=["world", "full"])
def planned(request):
    return plan(request.param)


@pytest.fixture(scope="module")
def full():
    return plan("full")


def coordinates(made, run):
    """The coordinates of a run's mixture, and the run's base and seed."""
    return {**made.recipes[run.mixture].coordinates, "base": run.base.listed, "seed": run.seed}


def test_every_figure_and_table_of_the_paper_is_a_target(planned):
    (study,) = planned.studies.values()
    targets = set(planned.targets(["linguistic"]))
    for kind, names in TARGETS.items():
        ending = "pdf" if kind == "figures" else "tex"
        for name in names:
            assert f"{planned.paths.results}/studies/linguistic/{study.scale}/{kind}/{name}.{ending}" in targets


def test_seven_subsets_and_three_seeds_on_five_bases(planned):
    runs = [coordinates(planned, run) for run in planned.tuned.values()]
    main = Counter((run["base"], run["features"]) for run in runs if run["k"] in (14, 52))
    assert len({base for base, _ in main}) == 5
    assert main == Counter({(base, name): 3 for base, _ in main for name in [*SETS, "all"]})
    # the set of a seed is tuned with that seed: runs belong together by their number
    assert all(run["seed"] == run["selection_seed"] for run in runs if run.get("selection_seed"))
    assert {run["seed"] for run in runs} == set(SEEDS)


def test_the_full_study_is_the_papers(full):
    assert {run.base.listed for run in full.tuned.values()} == set(BASES)
    counted = Counter()
    for run in full.tuned.values():
        recipe, hyper = full.recipes[run.mixture], run.spec["hyperparameters"]
        ((kind, amount),) = recipe.amount.items()
        total = amount * recipe.size if kind == "rows" else amount
        assert total == 4786 * 14 == 67_004
        # 5,000 rows are held out: 4 epochs of floor(62,004 / 32) updates are the published 7,748 steps
        assert round(hyper["validation"]["share"] * total, -1) == 5000
        assert 4 * ((total - 5000) // 32) == 7748 and hyper["epochs"] == 4 and hyper["global_batch_rows"] == 32
        assert (hyper["learning_rate"], hyper["max_length_tokens"]) == (3e-4, 768)
        lora = hyper["lora"]
        assert (lora["r"], lora["alpha"], lora["dropout"]) == (64, 16, 0.05)
        assert hyper.get("max_source_length_tokens") == (256 if run.base.listed == "mt5-xl" else None)
        counted[run.base.listed, recipe.size] += recipe.coordinates["features"] in ("geo", "all")
    for base in ("mgpt-1.3b", "bloom-7b1"):  # section 7.3
        assert {size for (name, size), count in counted.items() if name == base and count == 3} == {
            *range(1, 15), 20, 26, 52,
        }  # fmt: skip
    (owed,) = {tuple(one.name for one in evaluations) for evaluations in full.owed.values()}
    assert set(owed) == {"xnli", "pawsx", "xcopa", "xstorycloze", "xwinograd"}


def test_typo_is_chosen_by_the_seed_and_the_other_sets_are_listed(full):
    (study,) = full.studies.values()
    recipes = [one for key in study.families for one in study.families[key] if one.size == 14]
    by_way = Counter((one.coordinates["features"], bool(one.selection)) for one in recipes)
    assert by_way == {(name, name == "typo"): 3 for name in SETS}
    for recipe in recipes:
        assert len(set(recipe.languages)) == (52 if recipe.selection else 14)


@pytest.mark.parametrize(
    ("k", "seed", "chosen"),
    [
        (10, 66, "af bn fr kk km ko lt ta tr ur"),
        (10, 42, "af et fr he hr id kk ko mr vi"),
    ],
)
def test_sets_of_other_numbers_are_the_authors(k, seed, chosen):
    """The lists in the job scripts of the authors' repository, of `bloom-7b1_10_1` and `_10_2`."""
    vectors = feature_set(build_vectors(), "geo")
    assert select_languages("geo", k, seed, BACTRIAN_X, vectors)["languages"] == chosen.split()


def test_the_world_is_a_part_of_it(full):
    world = plan("world")
    assert {run.base.listed for run in world.tuned.values()} == {
        "world-mgpt", "world-t5", "world-bloom", "world-bloom-small", "world-bloom-tiny",
    }  # fmt: skip
    assert len(world.tuned) < len(full.tuned)
    (study,) = world.studies.values()
    assert not {"sizes-42", "sizes-10"} & set(study.families)
    assert "sizes-42" not in study.figures["fig3"]["families"] and "sizes-66" in study.figures["fig3"]["families"]
    totals = set()
    for run in world.tuned.values():
        recipe = world.recipes[run.mixture]
        ((kind, amount),) = recipe.amount.items()
        totals.add(amount * recipe.size if kind == "rows" else amount)
    assert totals == {1988, 2000}  # 14 x 142


def test_bases_of_other_studies_are_pretrained_once():
    alone = {name: plan("world", name).pretraining.keys() for name in ("alpaca", "linguistic")}
    both = plan("world", "alpaca", "linguistic").pretraining.keys()
    assert both == alone["alpaca"] | alone["linguistic"]
    assert alone["linguistic"] - alone["alpaca"] == {"world-mgpt-w1", "world-t5-w1"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("left_out: [sizes-42,", "left_out: [sizes-43,", "world.left_out: the study has no mixtures 'sizes-43'; did"),
        ("  left_out: [", "  left_over: [", "unknown key 'world.left_over'"),
        ("fam: {66: [az,", "fam: {66: [axx,", r"sets-66.sets.fam.66\[0\]: no language 'axx'"),
        ("fam: {66: [az,", "fam: {x: [az,", "sets-66.sets.fam: 'x' is no seed"),
        ("pair_by: [seed]", "pair_by: [sed]", r"analysis.pair_by\[0\]: no coordinate 'sed'; did you mean 'seed'"),
        ("xwinograd: [ru]}", "xwinogrand: [ru]}", "figures.fig1.languages: no evaluation 'xwinogrand'"),
        ("xwinograd: [ru]}", "xwinograd: [r1]}", "figures.fig1.languages.xwinograd"),
        ("build: language_overlap, against: features", "build: language_overlap, against: feature",
         "no coordinate 'feature'; did you mean 'features'"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(project, tmp_path, old, new, message):
    text = (project / "config/studies/linguistic.yaml").read_text()
    assert old in text
    path = tmp_path / "study.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        plan("world", str(path))
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_it_is_one_of_all_studies(project):
    assert "linguistic" in read_yaml(project / "config/examples/all-studies.yaml")["studies"]
    example = read_yaml(Path(project / "config/examples/linguistic-full.yaml"))
    assert (example["studies"], example["scale"]) == (["linguistic"], "full")
