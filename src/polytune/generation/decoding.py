"""Continuous batching: a row that ends leaves the batch, and a prompt that waits takes its place."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch

from polytune.errors import InputError
from polytune.generation.choosing import Choose
from polytune.generation.engines import Request
from polytune.machine import is_out_of_memory
from polytune.models.continuation import continue_rows

SPARE = 0.25
"""Columns beyond what the longest row needs, as a share of it: every so many steps all rows are moved to the left."""

WORTH_MOVING = 0.75
"""The batch is laid out anew, with more and shorter rows, when its rows need less than this share of its columns."""

ENTER_TOGETHER = 0.25
"""Share of the places that are free before prompts enter: short calls of the model waste more than empty places."""

PROMPT_TOKENS = {"cpu": 1024, "gpu": 2**15}
"""Tokens of prompts that enter in one call of the model, padding included."""


@dataclass
class Row:
    """A request that is being answered."""

    request: Request
    token: int
    """What the next step continues."""
    start: int
    """Column of its first token."""
    draw: np.random.Generator
    answer: list[int] = field(default_factory=list)


class ContinuousBatch:
    """Answers requests with a loaded model, at most `batch_tokens` tokens at a time, padding and room included."""

    def __init__(self, model, end_token: int, choose: Choose, batch_tokens: int) -> None:
        self.model, self.end_token, self.choose, self.batch_tokens = model, end_token, choose, batch_tokens
        self.device = model.get_output_embeddings().weight.device
        self.waiting: deque[Request] = deque()
        self.empty()

    def empty(self) -> None:
        """Forget all rows and their memory."""
        self.active: list[Row] = []
        self.places, self.rows, self.columns, self.end = None, 0, 0, 0

    @torch.inference_mode()
    def answer(self, requests: Iterable[Request]) -> Iterator[list[tuple[Request, list[int]]]]:
        """Yield requests with the tokens of their answers, without end of sequence, as soon as they are finished.

        Longest first, so that rows of a batch are alike and a lack of memory shows at once. Out of memory, the rows in
        work begin again in a batch of half the size. Raises `InputError` when a single row does not fit.
        """
        self.waiting = deque(sorted(requests, key=lambda request: (-request.width, request.number)))
        while self.waiting or self.active:
            try:
                self._enter()
                finished = self._step()
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(error)
            else:
                yield finished

    def _halve(self, error: Exception) -> None:
        """Begin again with the rows in work, in a batch of half the size."""
        if self.rows <= 1:
            raise InputError(
                f"out of memory with one row of at most {self.active[0].request.width} tokens; use a device with more "
                "memory, or a smaller max_new_tokens"
            ) from error
        self.batch_tokens //= 2
        print(f"out of memory; trying batches of {self.batch_tokens} tokens", file=sys.stderr, flush=True)
        self.waiting.extendleft(row.request for row in reversed(self.active))
        self.empty()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _enter(self) -> None:
        """Let waiting prompts into free places."""
        if not self.waiting:
            return
        if self.places is None:
            self.places = continue_rows(self.model)
        self._fit()
        free = self.rows - len(self.active)
        if self.active and free < ENTER_TOGETHER * self.rows:
            return
        entering = [self.waiting.popleft() for _ in range(min(free, len(self.waiting)))]
        longest = max(self.places.remembered(request.prompt) for request in entering)
        if self.end < longest:
            self._move(self.rows, self.columns, longest)
        begun = len(self.active)
        for request in entering:
            start = self.end - self.places.remembered(request.prompt)
            draw = np.random.Generator(np.random.Philox(request.stream))
            self.active.append(Row(request, self.places.first_token(request.prompt), start, draw))
        limit = min(PROMPT_TOKENS["cpu" if self.device.type == "cpu" else "gpu"], self.batch_tokens)
        while begun < len(self.active):
            rows = max(1, limit // len(self.active[begun].request.prompt))
            prompts = [row.request.prompt for row in self.active[begun : begun + rows]]
            self.places.remember(prompts, begun, self.end)
            begun += len(prompts)

    def _fit(self) -> None:
        """Lay the batch out for the longest row that there is, if that is worth it."""
        requests = [row.request for row in self.active] + [self.waiting[0]]
        spared = int(SPARE * max(request.room for request in requests)) + 1
        columns = max(self.places.remembered(request.prompt) + request.room for request in requests) + spared
        if WORTH_MOVING * self.columns <= columns <= self.columns:
            return
        rows = max(1, self.batch_tokens // (max(request.width for request in requests) + spared))
        self._move(max(rows, len(self.active)), columns, self.end - self._first())

    def _move(self, rows: int, columns: int, end: int) -> None:
        """Change the size of the batch; the newest tokens then stand in the column before `end`."""
        first = self._first()
        self.rows, self.columns = rows, columns
        self.places.move(rows, columns, len(self.active), first, self.end, end)
        for row in self.active:
            row.start += end - self.end
        self.end = end

    def _first(self) -> int:
        """Return the first column that a row uses."""
        return min((row.start for row in self.active), default=self.end)

    def _step(self) -> list[tuple[Request, list[int]]]:
        """Compute one token of every row; return the requests that are finished with their answers."""
        if self.end == self.columns:
            self._move(self.rows, self.columns, self.end - self._first())
        first, self.end = self._first(), self.end + 1
        tokens = torch.tensor([row.token for row in self.active], device=self.device)
        starts = torch.tensor([row.start for row in self.active], device=self.device)
        hidden = self.places.step(tokens, starts, first, self.end)
        chosen = self.choose(hidden, [row.draw for row in self.active])
        for row, token in zip(self.active, chosen, strict=True):
            row.token = token
            if token != self.end_token:
                row.answer.append(token)
        over = [row.token == self.end_token or len(row.answer) == row.request.room for row in self.active]
        if not any(over):
            return []
        finished = [(row.request, row.answer) for row, ended in zip(self.active, over, strict=True) if ended]
        self._close_up(over)
        return finished

    def _close_up(self, over: list[bool]) -> None:
        """Move rows from the end of the batch into the places of those that are over."""
        left = over.count(False)
        holes = [place for place in range(left) if over[place]]
        movers = [place for place in range(left, len(over)) if not over[place]]
        for hole, mover in zip(holes, movers, strict=True):
            self.active[hole] = self.active[mover]
        del self.active[left:]
        if holes:
            self.places.fill(holes, movers, self._first(), self.end)
