"""Putting questions to a judge: at a stated pace, each as often as its entry says, and nothing twice that is known."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import tenacity

from polytune.config.judges import Judge
from polytune.errors import InputError
from polytune.files import digest
from polytune.judging.journal import Entry, Journal
from polytune.judging.protocols import Verdict
from polytune.judging.questions import Question
from polytune.judging.replies import UNANSWERED, Backend, Reply, Unanswered
from polytune.progress import track

GIVE_UP_AFTER = 10  # questions in a row without an answer: then it is not these questions
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 60.0
LONGEST_ASKED_WAIT_SECONDS = 600.0  # what a server may ask for


@dataclass(frozen=True)
class Request:
    """A question as it is sent, and the key that it has in the journal."""

    question: Question
    text: str
    key: str

    @classmethod
    def write(cls, question: Question, identity: dict) -> Request:
        """Return the request of a question to a judge."""
        text = question.render()
        place = [question.language, question.item, question.turn, question.order]
        return cls(question, text, digest({"judge": identity, "text": text, "place": place, "repeat": question.repeat}))


def settle(entries: Sequence[Entry], question: Question) -> tuple[Verdict, Entry | None]:
    """Return the verdict that the journal's entries of a request hold, and the entry that it was read from.

    The first answer with a verdict counts. Without one: the last reply and what is wrong with it.
    """
    verdict, last = Verdict(None, "not asked"), None
    for entry in entries:
        last = entry
        if entry["outcome"] == "answer":
            verdict = question.protocol.read(entry["text"])
            if verdict.value is not None:
                return verdict, entry
        else:
            verdict = Verdict(None, entry["reason"])
    return verdict, last


def count_replies(entries: Sequence[Entry]) -> int:
    """Return how often something came back for a request, whatever it is worth: what was paid for."""
    return sum(entry["outcome"] != UNANSWERED for entry in entries)


class Pace:
    """At most so many requests a minute, and none while the server asks to wait."""

    def __init__(self, requests_per_minute: float | None) -> None:
        self._gap = 60.0 / requests_per_minute if requests_per_minute else 0.0
        self._next = 0.0

    async def turn(self) -> None:
        """Wait until a request may be sent."""
        while (wait := self._next - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        self._next = time.monotonic() + self._gap

    def pause(self, seconds: float) -> None:
        """Let nobody send anything for some time."""
        self._next = max(self._next, time.monotonic() + seconds)


class Asking:
    """One process's questions to one judge. `max_spend` is the price at which the judge's whole journal is full."""

    def __init__(self, judge: Judge, backend: Backend, journal: Journal, max_spend: float | None) -> None:
        self.judge, self.backend, self.journal, self.max_spend = judge, backend, journal, max_spend
        self.pace = Pace(judge.requests_per_minute)
        self.sent = 0
        """Requests that were sent, each try counted."""
        self._unanswered_in_a_row = 0
        self._fault: Exception | None = None

    def run(self, requests: Sequence[Request], concurrency: int) -> None:
        """Ask what is not known yet; whatever goes wrong is raised when all that is under way is back and kept."""
        asyncio.run(self._ask_all(requests, concurrency))
        if self._fault:
            raise self._fault

    async def _ask_all(self, requests: Sequence[Request], concurrency: int) -> None:
        known = {request.key: request for request in requests}  # the same words in two runs are one request
        progress = track(known.values(), "judging", total=len(known), unit="request")
        queue = iter(progress)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(concurrency, len(known))):
                    group.create_task(self._work(queue))
        finally:
            progress.close()
            await self.backend.close()

    async def _work(self, queue: Iterator[Request]) -> None:
        for request in queue:
            try:
                await self._answer(request)
            except Exception as error:  # raised by `run`, when what the other workers wait for has come back
                self._fault = self._fault or error
            if self._fault:
                return

    async def _answer(self, request: Request) -> None:
        """Ask until there is a verdict, or until it was asked often enough."""
        while True:
            entries = self.journal.entries(request.key)
            attempt = count_replies(entries)
            if settle(entries, request.question)[0].value is not None or attempt > self.judge.asked_again:
                return
            if self.max_spend is not None and self.journal.spent >= self.max_spend:
                raise InputError(
                    f"--max-spend: {self.journal.spent:.4g} of {self.max_spend:g} is spent; what was answered is kept, "
                    "a higher limit goes on from there"
                )
            sending = tenacity.AsyncRetrying(
                retry=tenacity.retry_if_exception(lambda error: isinstance(error, Unanswered) and error.again),
                stop=tenacity.stop_after_attempt(1 + self.judge.retries),
                wait=self._wait,
                reraise=True,
            )
            try:
                reply = await sending(self._send, request, attempt)
            except Unanswered as error:
                self._keep(request, Reply("", 0, 0, UNANSWERED, str(error)), sending)
                self._give_up_on_a_server(error)
                return
            self._unanswered_in_a_row = 0
            self._keep(request, reply, sending)

    async def _send(self, request: Request, attempt: int) -> Reply:
        await self.pace.turn()
        self.sent += 1
        return await self.backend.ask(request.question, request.text, request.key, attempt)

    def _keep(self, request: Request, reply: Reply, sending: tenacity.AsyncRetrying) -> None:
        entry = {"key": request.key, **asdict(reply), "tries": sending.statistics["attempt_number"]}
        entry["price"] = self.judge.price(reply.prompt_tokens, reply.completion_tokens)
        self.journal.append(entry | {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())})

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Return the seconds to the next try: what the server asks for, else twice as long each time."""
        asked = state.outcome.exception().wait_seconds
        if asked is None:
            return tenacity.wait_exponential_jitter(
                FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, jitter=FIRST_WAIT_SECONDS
            )(state)
        asked = min(asked, LONGEST_ASKED_WAIT_SECONDS)
        self.pace.pause(asked)
        return asked

    def _give_up_on_a_server(self, error: Unanswered) -> None:
        self._unanswered_in_a_row += 1
        if self._unanswered_in_a_row >= GIVE_UP_AFTER:
            raise InputError(
                f"judge '{self.judge.name}': {GIVE_UP_AFTER} questions in a row got no answer, the last: {error}; "
                "what was answered is kept, start again when the judge can be reached"
            )
