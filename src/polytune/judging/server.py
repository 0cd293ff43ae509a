"""A judge behind an OpenAI-compatible server: a provider's, or `vllm serve` beside the job.

The key comes from the environment and goes into the header of requests only: where a server or a library repeats it, in
an error or an answer, it is blotted out before anything is said or kept.
"""

from __future__ import annotations

import asyncio
import email.utils
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from polytune.config.judges import Judge
from polytune.errors import InputError, reason, short
from polytune.judging.questions import Question
from polytune.judging.replies import Reply, Unanswered, seed_of
from polytune.judging.spend import estimate_tokens

if TYPE_CHECKING:
    import openai

NO_KEY = "none"  # the client wants one, servers of one's own ask for none
SHORTEST_SECRET = 8  # characters; "EMPTY" is what people give as a key where none is asked for, and a word
FILTERED = "content_filter"
HOPELESS = {
    401: "the key is not accepted",
    403: "the key may not use this model",
    404: "there is no such model, or no such address",
}
"""What would happen to every request, by HTTP status."""
AGAIN = (408, 409, 425, 429)
"""Statuses after which the same request may succeed, besides those from 500."""


class ServerJudge:
    """One model behind one address. A request carries its key in the journal as `Idempotency-Key`."""

    def __init__(self, judge: Judge) -> None:
        import openai

        self.judge = judge
        self.identity = judge.identity()
        url = _variable(judge, judge.url_variable)
        self._key = _variable(judge, judge.key_variable) if judge.key_variable else NO_KEY
        secrets = {url.rstrip("/"), urlsplit(url).netloc, self._key}
        self._secrets = sorted((secret for secret in secrets if len(secret) >= SHORTEST_SECRET), key=len, reverse=True)
        self._client = openai.AsyncOpenAI(
            api_key=self._key,
            base_url=url,
            organization="",  # not from variables that the entry does not name
            project="",
            max_retries=0,  # asking.py sends again, and counts
            timeout=judge.timeout_seconds,
        )

    async def ask(self, question: Question, text: str, key: str, attempt: int) -> Reply:
        """Return what the server replies within the judge's `timeout_seconds`."""
        import openai

        sampling = dict(self.judge.sampling)
        if "seed" in sampling:
            sampling["seed"] = seed_of(sampling["seed"], question.repeat, attempt)
        try:
            async with asyncio.timeout(self.judge.timeout_seconds):  # the client's own starts anew with each byte
                answer = await self._client.chat.completions.create(
                    model=self.judge.model,
                    messages=[{"role": "user", "content": text}],
                    **sampling,
                    extra_headers={"Idempotency-Key": f"{key}-{attempt}"},
                )
        except (TimeoutError, openai.APITimeoutError):
            raise Unanswered(f"no answer within {self.judge.timeout_seconds:g} s") from None
        except openai.APIStatusError as error:
            raise self._refused(error) from None
        except openai.APIConnectionError as error:
            raise Unanswered(f"no connection: {self._blot(reason(error.__cause__ or error))}") from None
        except (openai.APIError, ValueError) as error:
            raise Unanswered(f"not readable: {self._blot(reason(error))}") from None
        return self._reply(answer, text)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _refused(self, error: openai.APIStatusError) -> Exception:
        """Return what a status other than 200 means for this request, or for all."""
        status, said = error.status_code, self._blot(reason(error))
        if status in HOPELESS:
            return InputError(f"judge '{self.judge.name}': {HOPELESS[status]} (status {status}): {said}")
        again = status in AGAIN or status >= 500
        return Unanswered(f"status {status}: {said}", again, retry_after(error.response.headers) if again else None)

    def _reply(self, answer: Any, text: str) -> Reply:
        """Return an answer of the client as a reply; one without its parts counts as none."""
        try:
            choice = answer.choices[0]
            said, model = choice.message.content, answer.model
            refusal = getattr(choice.message, "refusal", None)
            stop = choice.finish_reason
        except (AttributeError, LookupError, TypeError):
            raise Unanswered("not readable: no choice in the server's answer") from None
        said = self._blot(said if isinstance(said, str) else "")
        usage = getattr(answer, "usage", None)
        counted = (getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens"))
        tokens = tuple(
            count if isinstance(count, int) else estimate_tokens(words)
            for count, words in zip(counted, (text, said), strict=True)
        )
        model, stop = self._blot(str(model)), self._blot(str(stop))
        wanted = self.judge.revision or self.judge.model
        if model != wanted:
            wrong = f"answered by '{short(model)}', not by '{wanted}'"
            return Reply(said, *tokens, "wrong-model", wrong, model, stop)
        if refusal or stop == FILTERED:
            return Reply(said, *tokens, "refusal", f"refused: {self._blot(str(refusal or stop))}", model, stop)
        return Reply(said, *tokens, "answer", "", model, stop)

    def _blot(self, text: str) -> str:
        """Return text without address and key, and with no half of a surrogate pair, which no file takes."""
        for secret in self._secrets:
            text = text.replace(secret, "[hidden]")
        return text.encode(errors="replace").decode()


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait (a number or a date), None if it asks for nothing readable."""
    value = headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _variable(judge: Judge, name: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise InputError(f"judge '{judge.name}': the variable {name} of the environment is not set; export it")
    return value
