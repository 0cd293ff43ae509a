"""What a user of the study `alpaca` has: model directories, translated Alpaca and OpenAssistant-50, as published."""

from __future__ import annotations

import json
from pathlib import Path

LANGUAGES = ("en", "bg", "cs", "zh", "de", "fi", "fr", "ru", "es")
ROWS = 24  # of each language
FAMILIES = {
    "bloom": ("bloom-560m", "bloom-1b1", "bloom-1b7", "bloom-3b", "bloom-7b1"),
    "gpt_neox": ("pythia-70m", "pythia-160m", "pythia-410m", "pythia-1b", "pythia-1.4b", "pythia-2.8b", "pythia-6.9b",
                 "pythia-12b"),
    "llama": ("llama-7b", "openllama-7b", "baichuan2-7b"),
}  # fmt: skip
"""The bases of the study by their architecture."""


def write_directories(folder: Path) -> dict:
    """Write everything below `folder`; return `locations` of the configuration for it, without the prompts."""
    write_alpaca(folder / "alpaca")
    bases = {}
    for kind, names in FAMILIES.items():
        write_model(folder / kind, kind)
        bases |= dict.fromkeys(names, str(folder / kind))
    return {"bases": bases, "sources": {"alpaca-mt": str(folder / "alpaca")}}


def write_alpaca(folder: Path, count: int = ROWS) -> None:
    """Write the cleaned Alpaca in nine languages: JSON lists of instruction, input and output, the same by position."""
    folder.mkdir(parents=True)
    for code in LANGUAGES:
        rows = [
            {
                "instruction": f"{code}: name the number after {number}",
                "input": "" if number % 3 else "in words",
                "output": f"{code} {number + 1}",
            }
            for number in range(count)
        ]
        (folder / f"alpaca_data_cleaned.{code}.json").write_text(json.dumps(rows, ensure_ascii=False, indent=2))


def write_questions(folder: Path) -> None:
    """Write a stand-in of OpenAssistant-50: JSON lines of id and prompt, a file for each language."""
    folder.mkdir(parents=True)
    for code in ("en", "bg", "bn", "cs", "es", "fi", "fr", "hi", "no", "ru", "zh"):
        lines = [json.dumps({"id": f"q{number}", "prompt": f"{code}: what is {number}?"}) for number in range(50)]
        (folder / f"test_{code}.jsonl").write_text("\n".join(lines) + "\n")


def write_model(folder: Path, kind: str) -> None:
    """Write a tiny model of random weights and a byte-level tokenizer, as `save_pretrained` writes them."""
    import torch
    import transformers

    size = {"vocab_size": 600, "hidden_size": 16, "eos_token_id": 2, "pad_token_id": 3}
    layers = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config, model = {
        "bloom": (transformers.BloomConfig(**size, n_layer=2, n_head=2), transformers.BloomForCausalLM),
        "gpt_neox": (transformers.GPTNeoXConfig(**size, **layers), transformers.GPTNeoXForCausalLM),
        "llama": (transformers.LlamaConfig(**size, **layers), transformers.LlamaForCausalLM),
        "mixtral": (
            transformers.MixtralConfig(**size, **layers, num_key_value_heads=1),
            transformers.MixtralForCausalLM,
        ),
        "mt5": (
            transformers.MT5Config(
                vocab_size=600,
                d_model=16,
                d_kv=8,
                d_ff=32,
                num_layers=2,
                num_heads=2,
                tie_word_embeddings=False,
                pad_token_id=3,
                eos_token_id=2,
                decoder_start_token_id=3,
            ),
            transformers.MT5ForConditionalGeneration,
        ),
    }[kind]
    torch.manual_seed(0)
    model(config).save_pretrained(folder)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=byte_tokenizer(), bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>"
    )
    tokenizer.save_pretrained(folder)


def byte_tokenizer():
    """Return a byte-level `tokenizers.Tokenizer` of at most 600 entries."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<unk>", "<s>", "</s>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([f"name the number after {number}" for number in range(200)], trainer)
    return tokenizer
