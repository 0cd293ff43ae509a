"""Tiny models, a tokenizer and benchmark data for the tests of evaluation, written to directories."""

from __future__ import annotations

import json
from pathlib import Path

SENTENCES = (
    "the man broke his toe because he dropped a hammer on his foot",
    "es dejó caer un martillo en el pie y por eso se rompió el dedo",
    "мужчина сломал палец потому что уронил молоток на ногу",
    "she could not fit the trophy in the suitcase because it was too big",
)
KINDS = (
    "bloom",
    "bloom-odd",
    "gpt2",
    "gpt_neox",
    "llama",
    "llama-odd",
    "llama-scaled",
    "mistral",
    "mixtral",
    "qwen3",
    "gemma3_text",
    "opt",
    "t5",
    "mt5",
)
KINDS += ("bart",)
"""`bloom-odd` has a number of heads that is no power of two and residuals after the norm, `llama-odd` biases, wider
heads, one group and a tied output layer; `llama-scaled` has rotary positions that are scaled; `opt` and `bart` are
architectures that evaluation has no tree attention or shared encoding for."""


def write_tokenizer(directory: Path, texts: tuple[str, ...] = SENTENCES, vocabulary: int = 400) -> int:
    """Write a byte-level BPE tokenizer trained on `texts`; return the size of its vocabulary."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<pad>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    names = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(directory)
    return tokenizer.get_vocab_size()


def build_model(kind: str, vocabulary: int, positions: int = 512, seed: int = 0):
    """Return a tiny random transformers model, its weights large enough for attention to matter."""
    import torch
    import transformers as tr

    llama_like = {
        "vocab_size": vocabulary, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "max_position_embeddings": positions,
    }  # fmt: skip
    t5_like = {"vocab_size": vocabulary, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4}
    odd = {"n_head": 6, "hidden_size": 36, "apply_residual_connection_post_layernorm": True}
    special = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    builders = {
        "bloom": lambda: tr.BloomForCausalLM(
            tr.BloomConfig(vocab_size=vocabulary, hidden_size=32, n_layer=3, n_head=4)
        ),
        "bloom-odd": lambda: tr.BloomForCausalLM(tr.BloomConfig(vocab_size=vocabulary, n_layer=2, **odd)),
        "gpt2": lambda: tr.GPT2LMHeadModel(
            tr.GPT2Config(vocab_size=vocabulary, n_embd=32, n_layer=2, n_head=4, n_positions=positions, **special)
        ),
        "gpt_neox": lambda: tr.GPTNeoXForCausalLM(tr.GPTNeoXConfig(**llama_like)),
        "llama": lambda: tr.LlamaForCausalLM(tr.LlamaConfig(**llama_like, num_key_value_heads=2)),
        "llama-odd": lambda: tr.LlamaForCausalLM(tr.LlamaConfig(
            **llama_like, num_key_value_heads=1, head_dim=12, attention_bias=True, mlp_bias=True, rms_norm_eps=1e-3,
            tie_word_embeddings=True, rope_parameters={"rope_type": "default", "rope_theta": 700.0})),
        "llama-scaled": lambda: tr.LlamaForCausalLM(
            tr.LlamaConfig(**llama_like, rope_parameters={"rope_type": "linear", "rope_theta": 1e4, "factor": 3.0})
        ),
        "mistral": lambda: tr.MistralForCausalLM(
            tr.MistralConfig(**llama_like, num_key_value_heads=2, sliding_window=None)
        ),
        "mixtral": lambda: tr.MixtralForCausalLM(
            tr.MixtralConfig(**llama_like, num_key_value_heads=2, num_local_experts=3, sliding_window=None)
        ),
        "qwen3": lambda: tr.Qwen3ForCausalLM(tr.Qwen3Config(**llama_like, num_key_value_heads=2, head_dim=12)),
        "gemma3_text": lambda: tr.Gemma3ForCausalLM(
            tr.Gemma3TextConfig(**llama_like, num_key_value_heads=2, head_dim=12, query_pre_attn_scalar=12,
                                sliding_window=16, layer_types=["sliding_attention", "full_attention"], **special)
        ),
        "opt": lambda: tr.OPTForCausalLM(
            tr.OPTConfig(vocab_size=vocabulary, hidden_size=32, ffn_dim=48, num_hidden_layers=2, num_attention_heads=4,
                         max_position_embeddings=positions, word_embed_proj_dim=32)
        ),
        "t5": lambda: tr.T5ForConditionalGeneration(tr.T5Config(**t5_like, decoder_start_token_id=0)),
        "mt5": lambda: tr.MT5ForConditionalGeneration(tr.MT5Config(**t5_like, decoder_start_token_id=0)),
        "bart": lambda: tr.BartForConditionalGeneration(
            tr.BartConfig(vocab_size=vocabulary, d_model=32, encoder_layers=2, decoder_layers=2, encoder_ffn_dim=48,
                          decoder_ffn_dim=48, encoder_attention_heads=4, decoder_attention_heads=4,
                          max_position_embeddings=positions, forced_eos_token_id=None, **special)
        ),
    }  # fmt: skip
    torch.manual_seed(seed)
    model = builders[kind]()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1 and kind not in ("t5", "mt5"):  # T5's initial weights are large as they are
                parameter.mul_(2 if len(parameter) == vocabulary else 15)
            elif parameter.dim() == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def write_model(directory: Path, kind: str = "bloom", positions: int = 512, **tokenizer) -> Path:
    """Write a tiny model with its tokenizer; return the directory."""
    vocabulary = write_tokenizer(directory, **tokenizer)
    build_model(kind, vocabulary, positions).save_pretrained(directory)
    return directory


def write_xcopa(root: Path, languages: tuple[str, ...] = ("et", "tr"), items: int = 6) -> Path:
    """Write generated questions in XCOPA's layout below a data root; return the root."""
    folder = root / "cambridgeltl" / "xcopa"
    folder.mkdir(parents=True)
    header = ["---", "configs:"]
    for language in languages:
        header += [f"- config_name: {language}", "  data_files:", "  - split: test", f"    path: test.{language}.jsonl"]
        rows = [
            {
                "premise": f"{SENTENCES[number % 4]} {language} {number}.",
                "choice1": f"He fell {number} times",
                "choice2": f"Il a dormi {number}",
                "question": ("cause", "effect")[number % 2],
                "label": number % 2,
            }
            for number in range(items)
        ]
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"test.{language}.jsonl").write_text(lines, encoding="utf-8")
    (folder / "README.md").write_text("\n".join([*header, "---", ""]), encoding="utf-8")
    return root


def read_first_rows(benchmark, data: Path, tasks: dict, count: int) -> dict:
    """Return the first `count` rows of each language: what the harness takes with its `limit`."""
    from polytune.evaluation.documents import Documents
    from polytune.evaluation.tasks import read_rows

    rows = read_rows(benchmark, data, tasks)
    return {language: Documents(documents[:count], documents.features) for language, documents in rows.items()}
