"""Tiny models whose answers do not hang by a hair, prompt sets and specs for the tests of generation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from polytune.prompts.prompt import Prompt, write_prompts
from tests.cases.evaluation_cases import build_model, write_tokenizer

QUESTIONS = ("who dropped a hammer", "why", "qué rompió el dedo en el pie", "почему мужчина", "what is </s> in HTML?",
             "how could she fit the trophy in the suitcase because it was too big and his foot broke")  # fmt: skip
END = 2
"""End of sequence of the tokenizer of `evaluation_cases`."""


def sharp_model(kind: str, vocabulary: int, positions: int = 512, seed: int = 0):
    """Return a tiny random model with distinct likely tokens, for which the end of sequence is likely now and then."""
    import torch

    model = build_model(kind, vocabulary, positions, seed)
    generator = torch.Generator().manual_seed(11 + seed)
    with torch.no_grad():
        output = model.get_output_embeddings().weight
        if kind in ("t5", "mt5"):  # as they are drawn, each token follows itself for ever
            for name, weight in model.named_parameters():
                if weight.dim() > 1:
                    scale = (
                        1
                        if "relative" in name
                        else 0.3
                        if weight.shape[0] == vocabulary
                        else 5 / weight.shape[1] ** 0.5
                    )
                    weight.copy_(scale * torch.randn(weight.shape, generator=generator))
        else:
            output.copy_(output.std() * torch.randn(output.shape, generator=generator))
        output[END] *= 2
    model.tie_weights()
    return model


def write_sharp_model(directory: Path, kind: str = "bloom", seed: int = 0, positions: int = 512) -> Path:
    """Write such a model with its tokenizer; return the directory."""
    sharp_model(kind, write_tokenizer(directory), positions, seed).save_pretrained(directory)
    return directory


def write_questions(
    folder: Path, language: str, questions: Sequence[str] = QUESTIONS, second: Sequence[int] = ()
) -> Path:
    """Write one language of a prompt set; the items in `second` have a second turn."""
    prompts = [
        Prompt(item, f"q{item}", "", (text, f"and {text}") if item in second else (text,), ())
        for item, text in enumerate(questions)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    write_prompts(prompts, folder / f"{language}.parquet")
    return folder


def write_spec(path: Path, *entries: dict, run: str = "bloom/base/none/seed0") -> Path:
    """Write a spec of entries whose usual values need not be said."""
    usual = {"name": "questions", "prompts": "set", "languages": ["en"], "items": None, "template": "world",
             "max_new_tokens": 12, "temperature": 0.0, "top_p": 1.0, "seed": 1, "backend": "transformers"}  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"run": run, "responses": [usual | entry for entry in entries or ({},)]}))
    return path
