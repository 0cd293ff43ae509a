"""The architectures that Polytune trains exactly, and what it has to know of each. Imports nothing heavy.

Whatever reads a model asks here: training (packs, LoRA's default modules), scoring (token trees), generation. A new
architecture is a row; where its attention is none of those that `training.architectures` installs, also a function
there. Scoring takes any other model of transformers, too: a row per request, as the harness does it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from polytune.errors import InputError, nearest


@dataclass(frozen=True)
class Architecture:
    """What one `model_type` of transformers needs."""

    query_key_value: tuple[str, ...]
    """The linear layers that compute queries, keys and values: where LoRA's adapters go unless a study names others."""
    other_linear: tuple[str, ...]
    """The other linear layers that adapters can go to: all but the output layer, of all shapes of the architecture."""
    encoder_decoder: bool = False
    takes_masks: bool = True
    """Whether transformers' class takes a mask per query and positions, and computes its logits by the output layer
    from the last hidden state and nothing else, so that token trees are exact."""
    mixed_windows: bool = False
    """Whether some layers look back over a window and others over the whole row, each sort by a mask of its own."""
    llama_blocks: bool = False
    """Whether a block is norm, attention, norm, feed-forward under Llama's names: the last one can be cut short."""
    positions: str | None = None
    """Key of config.json that says how many positions are learned; no row may be longer."""

    @property
    def linear(self) -> tuple[str, ...]:
        """Return the names of the linear layers that adapters can go to."""
        return (*self.query_key_value, *self.other_linear)


FUSED = "dense", "dense_h_to_4h", "dense_4h_to_h"
SEPARATE, GATED = ("q_proj", "k_proj", "v_proj"), ("o_proj", "gate_proj", "up_proj", "down_proj")
LLAMA = Architecture(SEPARATE, GATED, llama_blocks=True)
T5 = Architecture(("q", "k", "v"), ("o", "wi", "wi_0", "wi_1", "wo"), encoder_decoder=True, takes_masks=False)

ARCHITECTURES = {
    "bloom": Architecture(("query_key_value",), FUSED, takes_masks=False),
    "gpt2": Architecture(("c_attn",), ("c_proj", "c_fc"), positions="n_positions"),
    "gpt_neox": Architecture(("query_key_value",), FUSED),
    "llama": LLAMA,
    "mistral": LLAMA,
    "mixtral": replace(LLAMA, other_linear=("o_proj",)),  # its experts are no layers of their own
    "qwen3": LLAMA,
    "gemma3_text": Architecture(SEPARATE, GATED, mixed_windows=True),
    "t5": T5,
    "mt5": T5,
}


def find_architecture(config: dict[str, Any], file: object) -> Architecture:
    """Return the row of a model's configuration, read from `file`; raises `InputError` if training does not know it."""
    kind, found = config.get("model_type"), known_architecture(config)
    if kind is None:
        raise InputError(f"{file}: 'model_type' is missing")
    if found is None:
        raise InputError(
            f"{file}: model_type '{kind}' is not supported; supported are {', '.join(ARCHITECTURES)}"
            f"{nearest(kind, ARCHITECTURES)}"
        )
    return found


def is_encoder_decoder(model_type: str) -> bool:
    """Return whether a known architecture encodes a source and decodes a target."""
    return model_type in ARCHITECTURES and ARCHITECTURES[model_type].encoder_decoder


def known_architecture(config: dict[str, Any]) -> Architecture | None:
    """Return the row of a model's configuration, None for a model that only scoring takes."""
    kind = config.get("model_type")
    return ARCHITECTURES.get(kind) if isinstance(kind, str) else None
