"""A judge in this process: a model directory, one question after the other.

For many questions a server (`vllm serve`) is faster by far; this needs none.
"""

from __future__ import annotations

from pathlib import Path

from polytune.config.judges import Judge
from polytune.errors import InputError
from polytune.judging.questions import Question
from polytune.judging.replies import Reply
from polytune.judging.server import seed_of
from polytune.machine import choose_device


class LocalJudge:
    """A decoder of transformers with its chat template, or with the bare text if it has none."""

    def __init__(self, judge: Judge, directory: Path | None) -> None:
        if directory is None:
            raise InputError(f"judge '{judge.name}': is a model in this process; name its directory: --model DIR")
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.judge = judge
        self.identity = judge.identity()
        device = choose_device("auto")
        self._tokenizer = AutoTokenizer.from_pretrained(directory)
        dtype = torch.float32 if device == "cpu" else torch.bfloat16
        self._model = AutoModelForCausalLM.from_pretrained(directory, dtype=dtype).to(device).eval()

    async def ask(self, question: Question, text: str, key: str, attempt: int) -> Reply:
        """Return what the model writes."""
        import torch

        sampling = self.judge.sampling
        ids = self._encode(text)
        options = {"do_sample": False}
        if sampling["temperature"] > 0:
            options = {"do_sample": True, "temperature": float(sampling["temperature"])}
            options |= {"top_p": float(sampling["top_p"]), "top_k": 0}
        torch.manual_seed(seed_of(sampling["seed"], question.repeat, attempt))
        with torch.inference_mode():
            written = self._model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=sampling["max_tokens"], **options
            )[0, ids.shape[1] :]
        said = self._tokenizer.decode(written, skip_special_tokens=True)
        stop = "length" if len(written) == sampling["max_tokens"] else "stop"
        return Reply(said, ids.shape[1], len(written), model=self.judge.model, stop=stop)

    async def close(self) -> None:
        """Nothing is open."""

    def _encode(self, text: str):
        """Return the ids [1, tokens] of a user's message."""
        if self._tokenizer.chat_template:
            text = self._tokenizer.apply_chat_template(
                [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True
            )
        ids = self._tokenizer(text, return_tensors="pt", add_special_tokens=not self._tokenizer.chat_template)
        return ids["input_ids"].to(self._model.device)
