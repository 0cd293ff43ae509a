"""Rows that are continued token by token: what each kind of model does with a prompt and with one more token.

Both kinds return what the untouched transformers model computes for a row alone, up to the order of floating-point
additions, whichever rows share the batch.
"""

from __future__ import annotations

from types import SimpleNamespace

import torch

from polytune.models.architectures import ARCHITECTURES
from polytune.models.layers import OwnModel
from polytune.models.nodes import additive_mask
from polytune.models.slots import Slots

Tokens = list[int]


def continue_rows(model) -> DecoderRows | EncoderDecoderRows:
    """Return what holds the rows of a model, without any place yet (`move`)."""
    return (EncoderDecoderRows if model.config.is_encoder_decoder else DecoderRows)(model)


class DecoderRows:
    """Rows of a decoder-only model. A prompt is remembered but for its last token, which is the first to be continued.

    That token's logits are computed with those of the rows that are there already: the output layer, most of the work
    where the vocabulary is large, is never called for a prompt alone.
    """

    def __init__(self, model) -> None:
        self.model, self.slots = model, Slots()
        architecture = ARCHITECTURES[model.config.model_type]
        self.by_own_mask = not isinstance(model, OwnModel) and not architecture.takes_masks
        self.mixed_windows = architecture.mixed_windows
        self.window = getattr(model.config, "sliding_window", None)

    @staticmethod
    def remembered(prompt: Tokens) -> int:
        """Return how many columns a prompt takes before its first step."""
        return len(prompt) - 1

    def first_token(self, prompt: Tokens) -> int:
        """Return the token that the first step continues."""
        return prompt[-1]

    def remember(self, prompts: list[Tokens], row: int, end: int) -> None:
        """Compute keys and values of prompts, the first of them in `row`; each then ends at column `end`."""
        longest = max(map(len, prompts)) - 1
        if longest == 0:
            return
        tokens = torch.tensor([[0] * (longest + 1 - len(prompt)) + prompt[:-1] for prompt in prompts])
        starts = torch.tensor([end + 1 - len(prompt) for prompt in prompts])
        device = self.model.get_output_embeddings().weight.device
        self._hidden(tokens.to(device), starts.to(device), slice(row, row + len(prompts)), end - longest, end)

    def step(self, tokens: torch.Tensor, starts: torch.Tensor, first: int, end: int) -> torch.Tensor:
        """Return the hidden states [rows, width] of one more token [rows] in the last column before `end`.

        `starts` [rows] is the column of each row's first token, `first` the smallest of them.
        """
        return self._hidden(tokens[:, None], starts, slice(0, len(tokens)), first, end)[:, -1]

    def fill(self, holes: list[int], rows: list[int], first: int, end: int) -> None:
        """Move `rows` into the places `holes`."""
        self.slots.fill(holes, rows, first, end)

    def move(self, rows: int, columns: int, kept: int, first: int, end: int, new_end: int) -> None:
        """Change the size, as `Slots.move`."""
        self.slots.move(rows, columns, kept, first, end, new_end)

    def _hidden(self, tokens: torch.Tensor, starts: torch.Tensor, rows: slice, first: int, end: int) -> torch.Tensor:
        """Return the hidden states [rows, new, width] of tokens in the last columns before `end`."""
        new = tokens.shape[1]
        self.slots.open(rows, first, end, new)
        columns = torch.arange(first, end, device=tokens.device)
        if self.by_own_mask:
            mask, options = (columns >= starts[:, None]).long(), {}
        else:
            positions = (columns - starts[:, None]).clamp_(min=0)  # [rows, columns]
            mask = self._mask(columns, starts, new, self.window)
            if self.mixed_windows:
                mask = {"full_attention": self._mask(columns, starts, new, None), "sliding_attention": mask}
            if isinstance(self.model, OwnModel):
                return self.model.extend(tokens, positions, mask, self.slots)
            options = {"position_ids": positions[:, -new:]}
        output = self.model.base_model(
            input_ids=tokens, attention_mask=mask, past_key_values=self.slots, use_cache=True, **options
        )
        return output.last_hidden_state

    def _mask(self, columns: torch.Tensor, starts: torch.Tensor, new: int, window: int | None) -> torch.Tensor:
        """Return what is added to the attention of the last `new` columns to each column, [rows, 1, new, columns].

        A token sees itself and those before it, of its own row, the last `window` if that is not None.
        """
        queries = columns[-new:, None]
        seen = (columns <= queries) & (columns >= starts[:, None, None])
        if window is not None:
            seen &= columns > queries - window
        return additive_mask(seen, self.model.dtype)[:, None]


class EncoderDecoderRows:
    """Rows of T5 and its like: a prompt is encoded, and kept as the keys and values that the decoder attends to."""

    def __init__(self, model) -> None:
        from transformers import DynamicCache, EncoderDecoderCache

        self.model, self.slots, self.sources = model, Slots(), Slots()
        self.lengths: list[int] = []  # tokens of each row's source
        self.cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        self.cache.self_attention_cache = self.slots
        self.cache.is_updated = dict.fromkeys(range(len(model.decoder.block)), True)

    @staticmethod
    def remembered(prompt: Tokens) -> int:
        """Return how many of the decoder's columns a prompt takes: none."""
        return 0

    def first_token(self, prompt: Tokens) -> int:
        """Return the token with which the decoder begins."""
        return self.model.config.decoder_start_token_id

    def remember(self, prompts: list[Tokens], row: int, end: int) -> None:
        """Encode prompts, the first of them for `row`."""
        longest, device = max(map(len, prompts)), self.model.device
        tokens = torch.tensor([prompt + [0] * (longest - len(prompt)) for prompt in prompts], device=device)
        mask = torch.tensor([[1] * len(prompt) + [0] * (longest - len(prompt)) for prompt in prompts], device=device)
        encoded = self.model.encoder(input_ids=tokens, attention_mask=mask).last_hidden_state
        del self.lengths[row:]
        if longest > self.sources.columns:
            known = max(self.lengths, default=0)
            self.sources.move(self.sources.rows, longest, row, 0, known, known)
        self.lengths += map(len, prompts)
        self.sources.open(slice(row, row + len(prompts)), 0, longest, longest)
        for number, block in enumerate(self.model.decoder.block):
            attention = block.layer[1].EncDecAttention
            split = (*encoded.shape[:2], -1, attention.key_value_proj_dim)
            keys, values = (project(encoded).view(split).transpose(1, 2) for project in (attention.k, attention.v))
            self.sources.update(keys, values, number)

    def step(self, tokens: torch.Tensor, starts: torch.Tensor, first: int, end: int) -> torch.Tensor:
        """Return the hidden states [rows, width], as the output layer takes them, of one more token [rows]."""
        rows = slice(0, len(tokens))
        columns = torch.arange(first, end, device=tokens.device)
        self.slots.open(rows, first, end, 1)
        longest = max(self.lengths[rows])
        self.sources.open(rows, 0, longest, 0)
        sources = [self.sources.read(number) for number in range(len(self.sources.layers))]
        self.cache.cross_attention_cache = SimpleNamespace(
            layers=[SimpleNamespace(keys=keys, values=values) for keys, values in sources]
        )
        lengths = torch.tensor(self.lengths[rows], device=tokens.device)
        known = torch.arange(longest, device=tokens.device) < lengths[:, None]
        masks = [additive_mask(seen, self.model.dtype)[:, None, None] for seen in (columns >= starts[:, None], known)]
        hidden = self.model.decoder(
            input_ids=tokens[:, None],
            attention_mask=masks[0],
            encoder_hidden_states=masks[1],  # is only asked whether it is there: keys and values are known
            encoder_attention_mask=masks[1],
            past_key_values=self.cache,
            use_cache=True,
        ).last_hidden_state[:, -1]
        # T5 with tied embeddings (not T5 v1.1, not mT5) scales what the output layer gets
        return (
            hidden * self.model.model_dim**-0.5
            if getattr(self.model.config, "scale_decoder_outputs", False)
            else hidden
        )

    def fill(self, holes: list[int], rows: list[int], first: int, end: int) -> None:
        """Move `rows` into the places `holes`."""
        self.slots.fill(holes, rows, first, end)
        self.sources.fill(holes, rows, 0, max(self.lengths))
        for hole, row in zip(holes, rows, strict=True):
            self.lengths[hole] = self.lengths[row]

    def move(self, rows: int, columns: int, kept: int, first: int, end: int, new_end: int) -> None:
        """Change the size, as `Slots.move`."""
        self.slots.move(rows, columns, kept, first, end, new_end)
        del self.lengths[kept:]
        known = max(self.lengths, default=0)
        self.sources.move(rows, known, kept, 0, known, known)
