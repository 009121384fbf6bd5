"""An OpenAI-compatible server whose replies a test decides: answers, refusals, broken, slow or missing replies."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SOON = {"retry-after-ms": "1"}  # the SDK's backoff would otherwise wait for half a second


@dataclass(frozen=True)
class Reply:
    """One HTTP reply."""

    body: bytes
    status: int = 200
    delay_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    drip_s: float = 0.0  # between any two bytes
    cut_at: int | None = None  # the connection ends after that many bytes of the body
    reset: bool = False  # the connection is reset without a reply


@dataclass
class FakeServer:
    """`behave` gets a request and its number and returns the reply; `requests` has all requests."""

    behave: Callable[[dict[str, Any], int], Reply]
    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)


def says(value: Any, *, finish: str = "stop") -> Reply:
    """A chat completion whose text is `value` as JSON, or `value` itself when it is text."""
    text = value if isinstance(value, str) else json.dumps(value)
    message = {"role": "assistant", "content": text}
    body = {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "fake",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }
    return Reply(json.dumps(body).encode())


def fails(status: int) -> Reply:
    """An error reply that may be retried at once."""
    return Reply(json.dumps({"error": {"message": f"status {status}"}}).encode(), status, headers=SOON)


def asked(request: dict[str, Any]) -> dict[str, Any]:
    """The JSON data of the last user message."""
    return json.loads(request["messages"][-1]["content"])


def _send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    body = reply.body if reply.cut_at is None else reply.body[: reply.cut_at]
    for start in range(0, len(body), 1 if reply.drip_s else len(body)):
        handler.wfile.write(body[start : start + 1] if reply.drip_s else body)
        handler.wfile.flush()
        time.sleep(reply.drip_s)
    if reply.cut_at is not None:
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def fake_server(behave: Callable[[dict[str, Any], int], Reply]) -> Iterator[FakeServer]:
    """Runs the server in a thread; `url` is the base URL."""
    fake = FakeServer(behave)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with lock:
                fake.requests.append(request)
                number = len(fake.requests)
            reply = fake.behave(request, number)
            time.sleep(reply.delay_s)
            if reply.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()
                return
            self.send_response(reply.status)
            for name, value in {"content-type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            try:
                _send(self, reply)
            except OSError:  # the client has closed the connection
                self.close_connection = True

        def log_message(self, *_args: Any) -> None:
            """Keeps the test output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
