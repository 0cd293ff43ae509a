"""Bases as they come: weights in bfloat16, heads tied and untied, a padding token beside the end-of-sequence token."""

import pytest
import torch

from polytune.files import read_json
from polytune.models.directory import ModelDirectory
from polytune.models.load import load_scorer
from polytune.training import train
from tests.cases.training_cases import Case, random_rows, tiny_config


@pytest.mark.parametrize(("tied", "method"), [(True, "lora"), (False, "lora"), (True, "full")])
def test_the_first_update_has_the_loss_of_plain_transformers(tied, method, tmp_path):
    """Row by row, over answers, with the untouched model; what is saved is loaded, of the size that was trained."""
    from transformers import AutoModelForCausalLM

    lora = {"lora": {"r": 2, "alpha": 4}} if method == "lora" else {}
    case = Case(tmp_path, "llama", method, {"epochs": 1, "global_batch_rows": 20, **lora}).write()
    config = tiny_config("llama")
    config.tie_word_embeddings, config.pad_token_id, config.eos_token_id = tied, 0, 1
    torch.manual_seed(5)
    AutoModelForCausalLM.from_config(config).bfloat16().save_pretrained(case.root / "base")
    assert read_json(case.root / "base/config.json")["dtype"] == "bfloat16"

    model = AutoModelForCausalLM.from_pretrained(case.root / "base", dtype=torch.float32)
    assert (model.lm_head.weight is model.model.embed_tokens.weight) == tied
    total = count = 0
    for prompt, answer in [row for seed in (0, 1) for row in random_rows(10, seed)]:
        labels = [-100] * len(prompt) + list(answer)
        with torch.no_grad():
            loss = model(torch.tensor([[*prompt, *answer]]), labels=torch.tensor([labels])).loss
        scored = len(answer) - (not prompt)  # nothing predicts the first token of a row
        total, count = total + float(loss) * scored, count + scored

    train.command(**case.options())
    manifest = read_json(case.root / "model/manifest.json")
    assert manifest["updates"] == 1
    assert manifest["final_loss"] == pytest.approx(total / count, abs=2e-6)
    base = case.root / "base" if method == "lora" else None
    scorer = load_scorer(ModelDirectory.find(case.root / "model", base), "cpu", "float32")
    assert scorer.num_parameters() == model.num_parameters()
