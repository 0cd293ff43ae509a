"""What `polytune plan` says of answers that trainings will cut."""

import numpy as np
import pytest

from polytune.costs.cut import show_cuts
from polytune.files import write_json
from tests.cases.fake_plan import FakePlan

LENGTHS = {"en": [20] * 100, "zh": [20] * 80 + [900] * 20, "af": [20] * 98 + [900] * 2}


def write_index(folder, answers, prompt=10):
    """Write the index, offsets and prompt lengths of a token store: rows of one prompt and these answers."""
    folder.mkdir(parents=True)
    np.save(folder / "offsets.npy", np.cumsum([0, *(prompt + answer for answer in answers)]))
    np.save(folder / "prompt_lengths.npy", np.full(len(answers), prompt, np.int32))
    write_json(folder / "index.json", {"rows": len(answers), "encoder_decoder": False})


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
        "too many answers cut: trainings on bactrian-x/zh will refuse to begin (data.largest_cut_share is 0.05)",
    ]
    plan.config["data"]["largest_cut_share"] = 0.5
    assert len(show_cuts(plan)) == 1


def test_a_prompt_that_fills_the_length_loses_the_whole_answer(plan, tmp_path):
    write_index(tmp_path / "results/tokens/bloom-bactrian-x/bactrian-x/en", [20] * 10, prompt=800)
    assert "bactrian-x/en of 10 answers 10 cut wholly and 0 partly (100.0%)" in show_cuts(plan)[0]
