"""What `polytune plan` says of answers that trainings will cut."""

import numpy as np
import pytest

from polytune.costs.cut import show_cuts
from polytune.data.cutting import Lengths, check_cut
from polytune.data.tokens import TokenStore
from polytune.errors import InputError
from polytune.files import write_json
from polytune.mixtures.manifest import Mixture, Part, Take
from tests.cases.fake_plan import FakePlan

LENGTHS = {"en": [20] * 100, "zh": [20] * 80 + [900] * 20, "af": [20] * 98 + [900] * 2}


def write_index(folder, answers, prompt=10):
    """Write the index, offsets and prompt lengths of a token store: rows of one prompt and these answers."""
    folder.mkdir(parents=True)
    np.save(folder / "offsets.npy", np.cumsum([0, *(prompt + answer for answer in answers)]))
    np.save(folder / "prompt_lengths.npy", np.full(len(answers), prompt, np.int32))
    np.save(folder / "keys.npy", np.arange(len(answers), dtype=np.uint64))
    write_json(folder / "index.json", {"rows": len(answers), "encoder_decoder": False, "data_digest": ""})


def build(plan, size, rows, incomplete=()):
    """Build a fake plan's mixture of some size: the given number of rows of each language."""
    name = f"bactrian-x-{size}"
    languages = plan.recipes[name].languages
    parts = tuple(Part("bactrian-x", code, Take(1, rows), rows, "") for code in languages)
    Mixture(name, "parallel", "bactrian-x", languages, parts, incomplete=incomplete).write(plan.paths.mixture(name))
    write_json(plan.spec(f"mixtures/{name}"), {})
    return Mixture.read(plan.paths.mixture(name))


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = FakePlan(sizes=(1, 3))
    made.config["data"] = {"largest_cut_share": 0.05}
    return made


def test_cut_answers_are_said_per_language_worst_first(plan, tmp_path):
    assert show_cuts(plan) == []  # nothing is tokenised yet
    for code, answers in LENGTHS.items():
        write_index(tmp_path / f"results/tokens/bloom-bactrian-x/bactrian-x/{code}", answers)
    assert show_cuts(plan) == [
        "answers cut at 768 tokens (bloom-bactrian-x): "
        "bactrian-x/zh of 100 answers 0 cut wholly and 20 partly (20.0%), "
        "bactrian-x/af of 100 answers 0 cut wholly and 2 partly (2.0%)",
        "too many answers cut: of all rows of bactrian-x/zh: trainings on 'bactrian-x-3' may refuse to begin "
        "(data.largest_cut_share is 0.05); once the mixtures are built (snakemake rows) it is told of the rows that "
        "they take",
    ]
    plan.config["data"]["largest_cut_share"] = 0.5
    assert len(show_cuts(plan)) == 1


def test_a_prompt_that_fills_the_length_loses_the_whole_answer(plan, tmp_path):
    write_index(tmp_path / "results/tokens/bloom-bactrian-x/bactrian-x/en", [20] * 10, prompt=800)
    assert "bactrian-x/en of 10 answers 10 cut wholly and 0 partly (100.0%)" in show_cuts(plan)[0]


@pytest.mark.parametrize("rows", [25, 85])
def test_of_a_built_mixture_the_rows_that_it_takes_decide_as_in_the_training(plan, tmp_path, rows):
    """English rows 0 to 9 are cut: 10 of 100, but of the mixture's rows as many as its sample happens to hold."""
    stores = {code: tmp_path / f"results/tokens/bloom-bactrian-x/bactrian-x/{code}" for code in ("en", "zh", "af")}
    for code, folder in stores.items():
        write_index(folder, [900] * 10 + [20] * 90 if code == "en" else [20] * 100)
    mixture, store = build(plan, 1, rows), TokenStore(stores["en"])
    cut = store.count_cut(Lengths(768), mixture.select(mixture.parts[0], store.keys))
    assert cut.rows == rows and 0 < cut.partly < 10 and cut.share != 0.1
    plan.config["data"]["largest_cut_share"] = cut.share
    lines = show_cuts(plan)
    check_cut({"bactrian-x/en": cut}, 768, cut.share, "mixture")
    assert not [line for line in lines if "will refuse" in line]
    plan.config["data"]["largest_cut_share"] = cut.share - 0.001
    [line] = [line for line in show_cuts(plan) if "will refuse" in line]
    with pytest.raises(InputError):
        check_cut({"bactrian-x/en": cut}, 768, cut.share - 0.001, "mixture")
    assert (
        "too many answers cut: bloom-7b1/full/bactrian-x-1/seed1 will refuse to begin: mixture 'bactrian-x-1': " in line
    )
    assert f"bactrian-x/en {cut}" in line and "zh" not in line


def test_a_mixture_of_complete_rows_is_not_listed_and_one_that_is_not_is_named(plan, tmp_path):
    for code in ("en", "zh", "af"):
        write_index(tmp_path / f"results/tokens/bloom-bactrian-x/bactrian-x/{code}", [900] * 10 + [20] * 90)
    build(plan, 3, 80, incomplete=tuple(range(10)))
    assert [line.split(" will")[0].split(" may")[0] for line in show_cuts(plan)] == [
        "answers cut at 768 tokens (bloom-bactrian-x): bactrian-x/en of 100 answers 0 cut wholly and 10 partly (10.0%)",
        "too many answers cut: of all rows of bactrian-x/en: trainings on 'bactrian-x-1'",
    ]
    build(plan, 1, 80)
    assert "bactrian-x/en of 80 answers" in show_cuts(plan)[0] and "in 'bactrian-x-1'" in show_cuts(plan)[0]


def test_a_mixture_that_was_asked_to_be_another_one_counts_as_not_built(plan, tmp_path):
    write_index(tmp_path / "results/tokens/bloom-bactrian-x/bactrian-x/en", [900] * 10 + [20] * 90)
    build(plan, 1, 80)
    (tmp_path / plan.spec("mixtures/bactrian-x-1")).unlink()
    assert "of 100 answers" in show_cuts(plan)[0]
