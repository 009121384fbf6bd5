"""The rater's page on a free port, in a thread."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from tasks.commands.verify.server import RatingPage

KEY = "k-e-y"


@contextmanager
def served(page: RatingPage) -> Iterator[str]:
    """Yields the page's address while it is served."""
    app = page.app(KEY)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/{KEY}/"
        server.should_exit = True
        thread.join(timeout=20)
