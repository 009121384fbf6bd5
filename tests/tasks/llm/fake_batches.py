"""A provider's files and batches: uploads, batches that end as a test says, results in any order, all over HTTP."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.tasks.llm.fake_server import Reply

Respond = Callable[[dict[str, Any]], Reply]
"""What a model says to one request's body."""


@dataclass
class End:
    """How a batch ends: its status, and which of its requests are answered, by position."""

    status: str = "completed"
    answers: Callable[[int], bool] = lambda _: True
    looks: int = 1  # polls before the end
    errors: tuple[dict[str, str], ...] = ()


@dataclass
class FakeProvider:
    """`ends` gives each batch, by number from 0, its end. `calls` counts ordinary chat calls."""

    respond: Respond
    ends: Callable[[int], End]
    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    looked: dict[str, int] = field(default_factory=dict)
    calls: int = 0
    fail_next: dict[str, int] = field(default_factory=dict)  # "POST /v1/batches": status of the next such request
    lose_reply: set[str] = field(default_factory=set)  # the request is carried out, the reply is lost
    lock: threading.Lock = field(default_factory=threading.Lock)

    def asked(self) -> int:
        """How many prompts were submitted in all batches."""
        return sum(len(self.files[batch["input_file_id"]].splitlines()) for batch in self.batches.values())

    def handle(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Returns status and body."""
        if method == "POST" and path == "/v1/files":
            name = f"file-{len(self.files)}"
            self.files[name] = _uploaded(body)
            return 200, _json(
                {
                    "id": name,
                    "object": "file",
                    "bytes": 1,
                    "created_at": 0,
                    "filename": "x",
                    "purpose": "batch",
                    "status": "processed",
                }
            )
        if method == "POST" and path == "/v1/batches":
            return 200, _json(self._make(json.loads(body)))
        if method == "GET" and path == "/v1/batches":
            return 200, _json({"object": "list", "data": list(reversed(self.batches.values())), "has_more": False})
        if found := re.fullmatch(r"/v1/batches/([\w-]+)", path):
            return 200, _json(self._look(found[1]))
        if found := re.fullmatch(r"/v1/files/([\w-]+)/content", path):
            return 200, self.files[found[1]]
        if path == "/v1/chat/completions":
            self.calls += 1
            reply = self.respond(json.loads(body))
            return reply.status, reply.body
        return 404, _json({"error": {"message": f"no {path}"}})

    def _make(self, request: dict[str, Any]) -> dict[str, Any]:
        name = f"batch-{len(self.batches)}"
        self.batches[name] = {"id": name, "object": "batch", "status": "in_progress", "created_at": 0, **request}
        return self.batches[name]

    def _look(self, name: str) -> dict[str, Any]:
        self.looked[name] = self.looked.get(name, 0) + 1
        batch = self.batches[name]
        end = self.ends(int(name.removeprefix("batch-")))
        if batch["status"] == "in_progress" and self.looked[name] > end.looks:
            batch["status"] = end.status
            if end.errors:
                batch["errors"] = {"object": "list", "data": list(end.errors)}
            self._results(batch, end)
        return batch

    def _results(self, batch: dict[str, Any], end: End) -> None:
        good, bad = [], []
        for number, line in enumerate(self.files[batch["input_file_id"]].splitlines()):
            request = json.loads(line)
            reply = self.respond(request["body"])
            if not end.answers(number):
                bad.append(
                    {
                        "custom_id": request["custom_id"],
                        "response": None,
                        "error": {"code": "batch_expired", "message": "too late"},
                    }
                )
            elif reply.status != 200:
                bad.append(
                    {
                        "custom_id": request["custom_id"],
                        "response": {"status_code": reply.status, "body": json.loads(reply.body)},
                        "error": None,
                    }
                )
            else:
                good.append(
                    {
                        "custom_id": request["custom_id"],
                        "response": {"status_code": 200, "body": json.loads(reply.body)},
                        "error": None,
                    }
                )
        if end.status == "failed":
            return
        for kind, lines in (("output", good), ("error", bad)):
            if lines:
                name = f"file-{kind}-{batch['id']}"
                text = "\n".join(
                    [json.dumps(line) for line in reversed(lines)] + ["", "not json", '{"custom_id": "foreign"}']
                )
                self.files[name] = text.encode()
                batch[f"{kind}_file_id"] = name


def _uploaded(body: bytes) -> bytes:
    """The file's part of a multipart form."""
    boundary = body.split(b"\r\n", 1)[0]
    for part in body.split(boundary):
        head, _, content = part.partition(b"\r\n\r\n")
        if b"filename=" in head:
            return content.removesuffix(b"\r\n")
    raise AssertionError("no file in the form")


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


@contextmanager
def fake_provider(respond: Respond, ends: Callable[[int], End] = lambda _: End()) -> Iterator[FakeProvider]:
    """Runs the provider in a thread; `url` is the base URL."""
    provider = FakeProvider(respond, ends)

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            path = self.path.split("?")[0]
            what = f"{self.command} {path}"
            with provider.lock:
                status = provider.fail_next.pop(what, 0)
                code, data = (status, b"{}") if status else provider.handle(self.command, path, body)
            if what in provider.lose_reply:
                provider.lose_reply.discard(what)
                self.close_connection = True
                self.connection.close()
                return
            self.send_response(code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _serve

        def log_message(self, *_args: Any) -> None:
            """Keeps the test output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
