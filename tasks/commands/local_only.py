"""Refuses requests to a page on this machine that come from elsewhere: by their Host and Origin headers.

The loopback address alone does not keep other web pages out: a foreign name that resolves to 127.0.0.1 (DNS rebinding)
has a foreign Host, a page of another site a foreign Origin.
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

HOSTS: Final = ("127.0.0.1", "localhost")


class LocalOnly:
    """ASGI middleware. A request whose headers are refused gets status 403 and the reason; nothing else sees it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or answers it."""
        problem = refusal(Headers(scope=scope)) if scope["type"] in ("http", "websocket") else None
        answer = self.app if problem is None else PlainTextResponse(problem, 403)
        await answer(scope, receive, send)


def refusal(headers: Headers) -> str | None:
    """Returns why a request is refused, None when it is not: its Host is this machine's, its Origin absent or equal."""
    host, origin = headers.get("host", ""), headers.get("origin")
    if host.partition(":")[0] not in HOSTS:
        return f"this page is for this machine only: open it at {' or '.join(HOSTS)}"
    if origin is not None and origin != f"http://{host}":
        return "requests from other pages are refused"
    return None
