"""Configurations of the tiny base models: architectures of the papers' bases, small enough for a laptop's CPU."""

from __future__ import annotations


def bloom_config(vocabulary: int, padding: int, end: int) -> dict:
    """Return the configuration of a BLOOM of 0.6 million parameters.

    Weights start five times larger than BLOOM's own (0.1): of all settings tried this one saved the most training time.
    """
    return {
        "architectures": ["BloomForCausalLM"],
        "model_type": "bloom",
        "vocab_size": vocabulary,
        "hidden_size": 96,
        "n_layer": 3,
        "n_head": 4,
        "initializer_range": 0.1,
        "hidden_dropout": 0.0,
        "attention_dropout": 0.0,
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": padding,
        "tie_word_embeddings": True,
        "seq_length": 512,
    }


def mt5_config(vocabulary: int, padding: int, end: int) -> dict:
    """Return the configuration of an mT5 of the same width, for the encoder-decoder path."""
    return {
        "architectures": ["MT5ForConditionalGeneration"],
        "model_type": "mt5",
        "vocab_size": vocabulary,
        "d_model": 96,
        "d_kv": 24,
        "d_ff": 192,
        "num_layers": 2,
        "num_decoder_layers": 2,
        "num_heads": 4,
        "feed_forward_proj": "gated-gelu",
        "dropout_rate": 0.0,
        "pad_token_id": padding,
        "eos_token_id": end,
        "decoder_start_token_id": padding,
        "tie_word_embeddings": False,
    }
