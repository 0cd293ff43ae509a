"""A judge in this process: any decoder of transformers from its directory, several questions in a batch.

For many questions a server (`vllm serve`) is faster by far; this needs none.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from polytune.config.judges import Judge
from polytune.errors import InputError
from polytune.files import digest
from polytune.judging.questions import Question
from polytune.judging.replies import Reply, seed_of
from polytune.machine import choose_device

MESSAGE = "\ue000"
"""Stands for the message in a chat template: a character of no script."""


@dataclass(frozen=True)
class Waiting:
    """A request that waits for its batch."""

    ids: list[int]
    seed: int
    reply: asyncio.Future


class LocalJudge:
    """A decoder with its chat template, or with the bare text if it has none. What is shown to it is text: an answer
    that spells the template's own tokens does not end the message. The key of a request has the digest of the model: an
    exchanged directory is another judge.
    """

    def __init__(self, judge: Judge, directory: Path | None) -> None:
        if directory is None:
            raise InputError(f"judge '{judge.name}': is a model in this process; name its directory: --model DIR")
        import torch
        from transformers import AutoTokenizer

        from polytune.models.directory import ModelDirectory
        from polytune.models.load import choose_precision, load_transformers
        from polytune.models.tokenizer import read_tokenizer

        self.judge = judge
        self._tokenizer = read_tokenizer(directory)
        self._chat = AutoTokenizer.from_pretrained(directory, local_files_only=True)
        device = choose_device("auto")
        model = load_transformers(directory, torch.float32)
        dtype = getattr(torch, choose_precision("auto", device, model.config.to_dict()))
        self._model = model.to(device, dtype).eval()
        own = model.generation_config.eos_token_id
        ends = (*(own if isinstance(own, list) else [own]), self._tokenizer.special.get("eos_token"))
        self._ends = {end for end in ends if end is not None}
        # the name of the entry does not say what lies in the directory
        content = {"directory": ModelDirectory.find(directory).digest, "ends": sorted(self._ends)}
        self.identity = {**judge.identity(), "content": digest(content)}
        self._waiting: list[Waiting] = []

    async def ask(self, question: Question, text: str, key: str, attempt: int) -> Reply:
        """Return what the model writes, in one batch with all that is asked at this moment."""
        loop = asyncio.get_running_loop()
        seed = seed_of(self.judge.sampling.get("seed", 0), question.repeat, attempt)
        waiting = Waiting(self._encode(text), seed, loop.create_future())
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            loop.call_soon(self._answer)  # after those that are about to ask
        return await waiting.reply

    async def close(self) -> None:
        """Nothing is open."""

    def _encode(self, text: str) -> list[int]:
        """Return the token ids of a message: the template's parts as they are meant, the text as text."""
        if not self._chat.chat_template:
            return self._tokenizer.encode([text], special_tokens=True)[0]
        around = self._chat.apply_chat_template(
            [{"role": "user", "content": MESSAGE}], tokenize=False, add_generation_prompt=True
        )
        before, after = (self._chat(part, add_special_tokens=False)["input_ids"] for part in around.split(MESSAGE))
        return [*before, *self._tokenizer.encode([text], special_tokens=False)[0], *after]

    def _answer(self) -> None:
        """Answer what waits: together if the most likely tokens are taken, alone if tokens are drawn by its seed."""
        batch, self._waiting = self._waiting, []
        alone = self.judge.sampling["temperature"] > 0
        for part in [[one] for one in batch] if alone else [batch]:
            try:
                replies = self._generate(part)
            except Exception as error:  # belongs to whoever waits for it
                for one in part:
                    one.reply.set_exception(error)
                continue
            for one, reply in zip(part, replies, strict=True):
                one.reply.set_result(reply)

    def _generate(self, batch: list[Waiting]) -> list[Reply]:
        import torch
        from transformers import GenerationConfig

        sampling, ends = self.judge.sampling, self._ends
        options = {"do_sample": False}
        if sampling["temperature"] > 0:
            options = {"do_sample": True, "temperature": float(sampling["temperature"])}
            options |= {"top_p": float(sampling.get("top_p", 1)), "top_k": 0}
            torch.manual_seed(batch[0].seed)
        config = GenerationConfig(
            max_new_tokens=sampling["max_tokens"], eos_token_id=sorted(ends) or None, pad_token_id=0, **options
        )
        width = max(len(one.ids) for one in batch)
        ids = torch.tensor([[0] * (width - len(one.ids)) + one.ids for one in batch])  # [questions, width]
        mask = torch.tensor([[0] * (width - len(one.ids)) + [1] * len(one.ids) for one in batch])
        device = self._model.device
        with torch.inference_mode():
            written = self._model.generate(ids.to(device), attention_mask=mask.to(device), generation_config=config)
        return [self._reply(one, row[width:].tolist()) for one, row in zip(batch, written, strict=True)]

    def _reply(self, one: Waiting, tokens: list[int]) -> Reply:
        end = next((place for place, token in enumerate(tokens) if token in self._ends), None)
        said = self._tokenizer.decode(tokens[:end], skip_special_tokens=True)
        stop = "length" if end is None else "stop"
        return Reply(said, len(one.ids), len(tokens[:end]), model=self.judge.model, stop=stop)
