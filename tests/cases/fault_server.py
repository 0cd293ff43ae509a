"""A judge's server on this computer that fails as servers do, and counts what it would bill.

It answers chat completions. As real ones do, it bills when an answer is made, whether the client gets it or not, and a
request with an `Idempotency-Key` that it has answered before gets the same answer again for nothing.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODEL = "judge-1"
DRIP_SECONDS = 0.05


@dataclass
class Asked:
    """One request that arrived: its text, its key, which try of this key it is (from 0), and when it came."""

    text: str
    key: str
    trial: int
    body: dict
    time: float


@dataclass
class Server:
    """`fault` says what goes wrong with a request: a name of `FAULTS`, a status with headers, or None."""

    fault: Callable[[Asked], object] = lambda asked: None
    say: Callable[[Asked], str] = lambda asked: "Rating: [[2]]"
    url: str = ""
    requests: list[Asked] = field(default_factory=list)
    billed: dict[str, int] = field(default_factory=dict)
    """Answers that were made, by key: the second one to a key is the first one again."""
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def receive(self, body: dict, key: str) -> Asked:
        with self.lock:
            trial = sum(asked.key == key for asked in self.requests)
            asked = Asked(body["messages"][0]["content"], key, trial, body, time.monotonic())
            self.requests.append(asked)
            return asked

    def answer(self, asked: Asked, **values) -> dict:
        """Return the answer, billed if it is the first one to this key."""
        with self.lock:
            self.billed[asked.key] = 1
        said = self.say(asked)
        message = {"role": "assistant", "content": said, **values.pop("message", {})}
        choice = {"index": 0, "message": message, "finish_reason": values.pop("finish_reason", "stop")}
        usage = {"prompt_tokens": len(asked.text.split()), "completion_tokens": len(said.split()), "total_tokens": 0}
        return {"id": "1", "object": "chat.completion", "created": 1, "model": MODEL, "choices": [choice]} | {
            "usage": usage,
            **values,
        }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        state: Server = self.server.state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = state.receive(body, self.headers["Idempotency-Key"])
        with state.lock:
            state.at_once += 1
            state.most_at_once = max(state.most_at_once, state.at_once)
        try:
            fault = state.fault(asked)
            if isinstance(fault, int | tuple):
                status, headers = fault if isinstance(fault, tuple) else (fault, {})
                said = {"error": {"message": f"no, {self.headers['Authorization']} at {state.url}", "type": "fault"}}
                self.reply(json.dumps(said).encode(), status, headers)
            elif fault is not None:
                FAULTS[fault](self, state, asked)
            else:
                self.reply(json.dumps(state.answer(asked)).encode())
        except OSError:
            pass  # the client has gone
        finally:
            with state.lock:
                state.at_once -= 1

    def reply(self, body: bytes, status: int = 200, headers: dict | None = None, length: int | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def cut(self, body: bytes) -> None:
        """Announce all, send a part, hang up."""
        self.reply(body[: len(body) // 2], length=len(body))
        self.close_connection = True

    def drip(self, body: bytes) -> None:
        """Send a byte now and then: no single one is late."""
        self.reply(b"", length=len(body))
        for byte in body:
            self.wfile.write(bytes([byte]))
            time.sleep(DRIP_SECONDS)

    def log_message(self, *_) -> None:
        pass


def _hang(handler: Handler, state: Server, asked: Asked) -> None:
    time.sleep(3)
    handler.close_connection = True


def _send(change: Callable[[Server, Asked], bytes], way: str = "reply"):
    return lambda handler, state, asked: getattr(handler, way)(change(state, asked))


def _whole(state: Server, asked: Asked, **values) -> bytes:
    return json.dumps(state.answer(asked, **values)).encode()


FAULTS = {
    "time-out": _hang,
    "cut": _send(_whole, "cut"),
    "drip": _send(_whole, "drip"),
    "half a JSON": _send(lambda state, asked: _whole(state, asked)[:60]),
    "empty body": _send(lambda state, asked: b""),
    "page": _send(lambda state, asked: b"<html>busy</html>"),
    "no choices": _send(lambda state, asked: _whole(state, asked, choices=[])),
    "null choices": _send(lambda state, asked: _whole(state, asked, choices=None)),
    "choices by name": _send(lambda state, asked: _whole(state, asked, choices={"a": 1})),
    "no message": _send(lambda state, asked: _whole(state, asked, choices=[{"index": 0}])),
    "an error as an answer": _send(lambda state, asked: b'{"error": {"message": "busy", "code": 503}}'),
    "another JSON": _send(lambda state, asked: b'["what", 1]'),
    "hang up": lambda handler, state, asked: setattr(handler, "close_connection", True),
    # these are answers: they are paid for
    "wrong model": _send(lambda state, asked: _whole(state, asked, model="judge-0")),
    "says nothing": _send(lambda state, asked: _whole(state, asked, message={"content": ""})),
    "says null": _send(lambda state, asked: _whole(state, asked, message={"content": None})),
    "refuses": _send(lambda state, asked: _whole(state, asked, message={"refusal": "I do not judge."})),
    "filtered": _send(lambda state, asked: _whole(state, asked, finish_reason="content_filter")),
    "odd usage": _send(lambda state, asked: _whole(state, asked, usage={"prompt_tokens": "many"})),
    "usage is text": _send(lambda state, asked: _whole(state, asked, usage="some")),
    "no usage": _send(lambda state, asked: _whole(state, asked, usage=None)),
    "half a surrogate pair": _send(lambda state, asked: _whole(state, asked, message={"content": "\ud800 [[2]]"})),
}


@contextmanager
def serve(**values) -> Iterator[Server]:
    """Run a server on a free port until the block ends."""
    state = Server(**values)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close, server.state = True, False, state
    state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
