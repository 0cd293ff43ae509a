"""A Hugging Face hub on 127.0.0.1 with the two calls that prefetching needs: what a repository holds, and its files."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

COMMIT = "a" * 40
CHUNK = 1 << 20


@dataclass
class Hub:
    """What the server has and does; `repositories` maps `model/{name}` or `dataset/{name}` to `{path: content}`."""

    repositories: dict[str, dict[str, bytes]]
    url: str = ""
    sent_instead: dict[str, bytes] = field(default_factory=dict)  # path: other content than announced
    seconds_per_chunk: float = 0.0
    breaks_after: dict[str, int] = field(default_factory=dict)  # path: bytes, then the connection breaks, once
    commit: str = COMMIT  # of every repository's newest state
    environment: dict[str, str] = field(default_factory=dict)  # of the client
    ranges: list[tuple[str, str | None]] = field(default_factory=list)  # path and Range header of each download
    revisions: list[str | None] = field(default_factory=list)  # that the API was asked for; None: the newest

    def describe(self, key: str) -> dict:
        """Return what the hub's API says about a repository; files of more than 100 bytes are LFS files."""
        siblings = []
        for path, content in self.repositories[key].items():
            entry = {"rfilename": path, "size": len(content)}
            entry["blobId"] = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            if len(content) > 100:
                entry["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
            siblings.append(entry)
        name = key.partition("/")[2]
        return {"id": name, "modelId": name, "sha": self.commit, "private": False, "siblings": siblings, "tags": []}


@contextmanager
def serve(hub: Hub) -> Iterator[Hub]:
    """Serve `hub` at `hub.url` while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            if match := re.fullmatch(r"/api/(model|dataset)s/([^/]+/[^/?]+)(/revision/([^?]+))?\?blobs=.*", self.path):
                key = f"{match[1]}/{match[2]}"
                hub.revisions.append(match[4] and unquote(match[4]))
                if key not in hub.repositories:
                    return self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
                return self.answer(200, json.dumps(hub.describe(key)).encode(), {"Content-Type": "application/json"})
            match = re.fullmatch(rf"/(datasets/)?([^/]+/[^/]+)/resolve/{hub.commit}/([^?]+)", self.path)
            if not match:  # the client has questions of its own
                return self.answer(404, b"{}")
            key = f"{'dataset' if match[1] else 'model'}/{match[2]}"
            path, wanted = match[3], self.headers.get("Range")
            hub.ranges.append((path, wanted))
            content = hub.sent_instead.get(path, hub.repositories[key][path])
            if not wanted:
                return self.answer(200, content, path=path)
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
            span = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
            return self.answer(206, content[start:], span, path)

        def answer(self, status: int, content: bytes, headers: dict[str, str] | None = None, path: str = ""):
            self.send_response(status)
            for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            breaks_after = hub.breaks_after.pop(path, None) if path else None
            for start in range(0, len(content), CHUNK):
                if breaks_after is not None and start >= breaks_after:
                    self.close_connection = True
                    return
                self.wfile.write(content[start : start + CHUNK])
                self.wfile.flush()
                time.sleep(hub.seconds_per_chunk)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
