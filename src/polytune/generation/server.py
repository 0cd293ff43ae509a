"""The engine in another process: any server of OpenAI's interface for completions, started and stopped in the job.

Prompts go as token ids, so that the server's model sees what ours would; a server that takes texts only gets the text,
and is refused where it counts other tokens than we do.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from http.client import SERVICE_UNAVAILABLE
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from polytune.errors import InputError, reason
from polytune.generation.engines import Request, Said, Sampling
from polytune.models.directory import ModelDirectory, read_object
from polytune.models.tokenizer import Tokenizer

COMMAND = "vllm serve {model} --host 127.0.0.1 --port {port}"
"""`{model}` is the directory of the weights; adapters are added in vLLM's words."""

START_SECONDS = 3600
"""How long loading may take; a server that ends is noticed at once."""

REQUESTS_AT_ONCE = 128
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class ServerEngine:
    """A model of a running server, under the name that it has there."""

    def __init__(self, address: str, process: subprocess.Popen, name: str, tokenizer: Tokenizer) -> None:
        from openai import OpenAI

        self.client = OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=5, timeout=3600)
        self.process, self.name, self.tokenizer, self.takes_ids = process, name, tokenizer, True

    def answer(self, requests: Iterable[Request], sampling: Sampling) -> Iterator[list[Said]]:
        """Yield answers as soon as they are finished. Raises `InputError` if the server ends or refuses."""
        first, *others = requests
        yield [self._ask(first, sampling)]  # alone, because it shows whether token ids are understood
        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            asked = [pool.submit(self._ask, request, sampling) for request in others]
            try:
                for done in as_completed(asked):
                    yield [done.result()]
            finally:
                for future in asked:
                    future.cancel()

    def _ask(self, request: Request, sampling: Sampling) -> Said:
        from openai import APIError, BadRequestError, UnprocessableEntityError

        try:
            try:
                found = self._complete(request, sampling)
            except (BadRequestError, UnprocessableEntityError):
                if not self.takes_ids:
                    raise
                self.takes_ids = False
                found = self._complete(request, sampling)
        except APIError as error:
            ended = "" if self.process.poll() is None else f"; it has ended with status {self.process.returncode}"
            raise InputError(f"the server gave no answer: {reason(error)}{ended}") from error
        choice, usage = found.choices[0], found.usage
        if usage.prompt_tokens != len(request.prompt):
            raise InputError(
                f"the server counts {usage.prompt_tokens} tokens in a prompt of {len(request.prompt)}: it reads them "
                "with another tokenizer; use one that takes token ids, or backend transformers"
            )
        ended = choice.finish_reason == "stop"
        text = choice.text.encode("utf-8", "replace").decode()  # JSON lets half a surrogate pair through
        return Said(request, text, usage.completion_tokens - ended, "end" if ended else "length")

    def _complete(self, request: Request, sampling: Sampling) -> Any:
        """Return the server's completion of a prompt."""
        prompt: list[int] | str = request.prompt
        if not self.takes_ids:
            own = request.prompt[:1] == [self.tokenizer.bos_token_id]  # the server puts it in front itself
            prompt = self.tokenizer.decode(request.prompt[own:])
        return self.client.completions.create(
            model=self.name,
            prompt=prompt,
            max_tokens=request.room,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            seed=request.stream,
        )


class ServerEngines:
    """Serves models in turn: the adapters of one base come from one server, which starts with the first of them."""

    def __init__(self, models: Sequence[ModelDirectory], command: str) -> None:
        self.models, self.command = models, command
        self.running, self.server, self.weights = ExitStack(), ("", None), None

    @contextmanager
    def open(self, model: ModelDirectory, tokenizer: Tokenizer) -> Iterator[ServerEngine]:
        """Yield the engine of a model; raises `InputError` if no server can be started for it."""
        if model.config.get("is_encoder_decoder"):
            raise InputError(
                f"{model.directory}: is an encoder-decoder, which servers do not complete; use backend transformers"
            )
        model.check_base()
        weights = model.weights.resolve()
        adapters = [one.adapter for one in self.models if one.adapter and one.weights.resolve() == weights]
        names = {adapter: f"adapter-{number}" for number, adapter in enumerate(adapters)}
        if self.weights != weights:
            self.close()
            self.server = self.running.enter_context(run_server(server_command(self.command, str(weights), names)))
            self.weights = weights
        yield ServerEngine(*self.server, names.get(model.adapter, str(weights)), tokenizer)

    def close(self) -> None:
        """Stop the server that runs."""
        self.running.close()
        self.weights = None


def server_command(command: str, weights: str, adapters: Mapping[Path, str]) -> list[str]:
    """Return the words that start a server of weights and adapters by name; `{port}` is still to be named.

    Raises `InputError` for a command without `{model}` or `{port}`.
    """
    for placeholder in ("{model}", "{port}"):
        if placeholder not in command:
            raise InputError(f"--server-command: {command!r} lacks {placeholder}, which stands for what is served")
    words = [word.replace("{model}", weights) for word in shlex.split(command)]
    if adapters:
        ranks = [read_object(adapter / "adapter_config.json").get("r", 0) for adapter in adapters]
        words += ["--enable-lora", "--max-lora-rank", str(max(ranks)), "--lora-modules"]
        words += [f"{name}={adapter}" for adapter, name in adapters.items()]
    return words


@contextmanager
def run_server(words: list[str]) -> Iterator[tuple[str, subprocess.Popen]]:
    """Start a server on a free port, wait until it answers, and yield its address; it ends with the block.

    What it says goes to standard error. Should this process be killed, the kernel ends the server. Raises `InputError`
    if it cannot be started, ends, or does not answer.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [word.replace("{port}", str(port)) for word in words]
    try:
        process = subprocess.Popen(words, stdout=2, stderr=2, start_new_session=True, preexec_fn=_end_with_parent)
    except OSError as error:
        raise InputError(f"--server-command: {words[0]}: cannot be started: {error.strerror}") from error
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(address, process, words[0])
        yield address, process
    finally:
        _stop(process)


def _end_with_parent() -> None:
    """Let the kernel send SIGTERM to this process when its parent dies, however it dies."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_for(address: str, process: subprocess.Popen, name: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise InputError(f"--server-command: {name} ended with status {process.returncode}; its words stand above")
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=10):
                return
        except HTTPError as error:  # a server without this address is there, too
            if error.code != SERVICE_UNAVAILABLE:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise InputError(f"--server-command: {name} did not answer within {START_SECONDS // 60} minutes")


def _stop(process: subprocess.Popen) -> None:
    """End the server and what it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(30)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
