"""An endpoint for `benchmarks.chaos` that answers as a good model would and fails at random: HTTP 500, 429, cut
connections, half a reply."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from data_contracts.adverbs import DEGREES, changes_for
from tasks.language.cues import CuedCaption
from tasks.language.finder import find_cues, find_mined
from tasks.paraphrase.writer import by_rule
from tasks.recaption.request import request_fields
from tasks.recaption.rules import rewrites


@dataclass
class Endpoint:
    """An OpenAI-compatible server that answers by the rules and, at `/chaos`, fails at random."""

    fail: float
    seed: int = 1
    url: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    _known: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, request: dict[str, Any]) -> str:
        """Returns the answer's text; the same for the same prompt, and acceptable to the validators."""
        for message in reversed(request["messages"]):
            try:
                data = json.loads(message["content"])
            except ValueError:
                continue
            if isinstance(data, dict) and "caption" in data:
                return json.dumps(self._reply(data))
        raise AssertionError("no data in the prompt")

    def _reply(self, data: dict[str, Any]) -> dict[str, Any]:
        key = json.dumps(data, sort_keys=True)
        if key not in self._known:
            self._known[key] = _caption(data) if "change" in data else _paraphrases(data)
        return self._known[key]

    @contextmanager
    def serving(self) -> Iterator[Endpoint]:
        """Serves on loopback."""
        endpoint, chance, lock = self, random.Random(self.seed), threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if len(body) < int(self.headers["content-length"]):
                    return  # the client was killed
                request = json.loads(body)
                chaos = self.path.startswith("/chaos")
                with lock:
                    luck, kind = chance.random(), chance.randrange(4)
                    endpoint.asked[("failed" if luck < endpoint.fail else "answered") if chaos else "clean"] += 1
                text = endpoint.answer(request)
                if chaos and luck < endpoint.fail:
                    self._fail(kind, text)
                else:
                    self._send(200, _completion(text))

            def _fail(self, kind: int, text: str) -> None:
                if kind == 2:  # the connection is cut
                    self.close_connection = True
                    return
                if kind == 3:  # half a reply
                    body = _completion(text)
                    self.send_response(200)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body[: len(body) // 2])
                    self.close_connection = True
                    return
                self._send((500, 429)[kind], b'{"error":{"message":"chaos"}}')

            def _send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("retry-after-ms", "5")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Keeps the output quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """A killed client resets its connections: nothing to report."""

        server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


def _caption(data: dict[str, Any]) -> dict[str, Any]:
    """Returns a valid caption, as a good model would: the rules have one."""
    text = data["caption"]
    cases = (
        (CuedCaption(text=text, cue=cue).with_degrees(), change.level, degree)
        for cue in find_mined(text)
        for change in changes_for(cue.side)
        for degree in DEGREES
    )
    asked = next(case for case in cases if request_fields(*case).items() <= data.items())
    return {"caption": rewrites(*asked, limit=1)[0].text}


def _paraphrases(data: dict[str, Any]) -> dict[str, Any]:
    text = data["caption"]
    written = by_rule(CuedCaption(text=text, cue=find_cues(text)[0]), len(data["write"]))
    texts = dict(zip(data["write"], (text for text, _ in written.paraphrases), strict=False))
    return {"key_tokens": list(written.key_tokens), "paraphrases": texts}


def _completion(text: str) -> bytes:
    message = {"role": "assistant", "content": text}
    return json.dumps(
        {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": "chaos",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
    ).encode()
