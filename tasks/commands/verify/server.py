"""The page of one rater: audio to compare, captions, three keys. Loopback only, one rater per server.

Every answer is on disk before the page shows the next row. Only the audio of the page's items is served, by the item's
number, and only to a page whose address has the session's key.
"""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import jinja2
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from data_contracts import UsageError
from tasks.commands.local_only import HOSTS, LocalOnly
from tasks.commands.verify.ratings import NOTE_LIMIT, Ratings

TEMPLATES: Final = Path(__file__).parent / "templates"
_ASSETS: Final = Path(__file__).parent / "assets"
_BODY_LIMIT: Final = 4096
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; "
    "media-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class PageItem:
    """One row of the page. `shown` is what the script displays; `audio` is served by name.

    `kept`: answer as the page has it -> answer as it is kept, where these differ: which of two sounds is whose is not
    for the page.
    """

    item_id: str
    shown: Mapping[str, str]
    audio: Mapping[str, Path]
    kept: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RatingPage:
    """A rater's page: its items in the order in which they are shown, the answers, and a table of the result so far.

    `template` fills the blocks of `rating.html.j2`. A page without a table has no `summary`.
    """

    items: Sequence[PageItem]
    ratings: Ratings
    template: Path
    summary: Callable[[], list[dict[str, Any]]] = list

    def app(self, key: str) -> Starlette:
        """Returns the web app. Every address starts with `key`, which other pages in the browser do not know."""
        routes = [
            Route(f"/{key}/", self._page),
            Route(f"/{key}/audio/{{number:int}}/{{name:str}}", self._audio),
            Route(f"/{key}/answer", self._answer, methods=["POST"]),
        ]
        return Starlette(routes=routes, middleware=[Middleware(LocalOnly)])

    def html(self, nonce: str) -> str:
        """Returns the page; captions and names are data, never markup."""
        loader = jinja2.FileSystemLoader([self.template.parent, TEMPLATES])
        environment = jinja2.Environment(
            loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
        )
        answers = self.ratings.answers
        rows = []
        for item in self.items:
            rating = answers.get(item.item_id)
            shown = {kept: answer for answer, kept in item.kept.items()}
            answer = shown.get(rating.answer, rating.answer) if rating else ""
            rows.append({**item.shown, "answer": answer, "note": rating.note if rating else ""})
        return environment.get_template(self.template.name).render(
            rater=self.ratings.rater,
            nonce=nonce,
            note_limit=NOTE_LIMIT,
            css=(_ASSETS / "verify.css").read_text("utf-8"),
            script=(_ASSETS / "verify.js").read_text("utf-8"),
            content={"rows": rows, "summary": self.summary()},
        )

    async def _page(self, _request: Request) -> Response:
        nonce = secrets.token_urlsafe(16)
        policy = {name: value.replace("{nonce}", nonce) for name, value in _HEADERS.items()}
        return HTMLResponse(self.html(nonce), headers=policy)

    async def _audio(self, request: Request) -> Response:
        item = self._item(request.path_params["number"])
        path = item.audio.get(request.path_params["name"]) if item else None
        if path is None:
            return PlainTextResponse("no such audio on this page", 404)
        if not path.is_file():
            return PlainTextResponse(f"{path.name} is missing", 404)
        return FileResponse(path, headers={"Cache-Control": "no-store"})

    async def _answer(self, request: Request) -> Response:
        body = await request.body()
        try:
            if len(body) > _BODY_LIMIT:
                raise UsageError("the answer is too long")
            content = json.loads(body)
            item = self._item(int(content["number"]))
            if item is None:
                raise UsageError("there is no row of that number on this page")
            answer = str(content["answer"])
            if item.kept and answer and answer not in item.kept:
                raise UsageError(f"answer {answer[:40]!r}; expected {', '.join(item.kept)}")
            self.ratings.set(item.item_id, item.kept.get(answer, answer), str(content.get("note", "")))
        except (UsageError, ValueError, KeyError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        except OSError as error:
            return JSONResponse({"error": f"the answer could not be saved: {error}"}, 500)
        return JSONResponse({"summary": self.summary()})

    def _item(self, number: int) -> PageItem | None:
        return self.items[number] if 0 <= number < len(self.items) else None


def rate_until_stopped(page: RatingPage, port: int, echo: Callable[[str], None]) -> None:
    """Serves the page on 127.0.0.1 until Ctrl-C and says its address; what is answered is kept for the next call.

    Raises UsageError when the port is taken.
    """
    ratings, key = page.ratings, secrets.token_urlsafe(12)
    echo(f"{len(ratings.answers)} of {len(page.items)} rows answered by {ratings.rater}; answers go to {ratings.path}")
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOSTS[0], port))
        except OSError as error:
            raise UsageError(f"port {port} cannot be used ({error.strerror}); choose another with --port") from error
        echo(f"open http://{HOSTS[0]}:{port}/{key}/   (Ctrl-C ends it)")
        config = uvicorn.Config(page.app(key), log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listener])
