"""The page a rater works through: sounds before and after, captions, three keys. Loopback only, one rater per server.

Every answer is on disk before the page moves on. Nothing of the workspace is served but the sheet's own sounds, by
their number on the sheet, and only to a page that knows the session's key.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any, Final

import jinja2
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from data_contracts import UsageError
from tasks.commands.verify.accuracy import accuracy_table
from tasks.commands.verify.ratings import Ratings
from tasks.commands.verify.sheet import Entry
from tasks.engine.workspace import Workspace

HOSTS: Final = ("127.0.0.1", "localhost")
_BODY_LIMIT: Final = 4096
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; "
    "media-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class _Session:
    workspace: Workspace
    entries: Sequence[Entry]
    ratings: Ratings
    key: str


def verification_app(workspace: Workspace, entries: Sequence[Entry], ratings: Ratings, key: str) -> Starlette:
    """Returns the web app. `key` must be part of every address: other pages in the browser do not know it."""
    session = _Session(workspace, entries, ratings, key)

    async def page(request: Request) -> Response:  # noqa: ARG001
        nonce = secrets.token_urlsafe(16)
        policy = {name: value.replace("{nonce}", nonce) for name, value in _HEADERS.items()}
        return HTMLResponse(page_html(session.entries, session.ratings, nonce), headers=policy)

    async def sound(request: Request) -> Response:
        entry = _entry(session, request.path_params["number"])
        if entry is None:
            return PlainTextResponse("no such row on the sheet", 404)
        which = entry.audio_before if request.path_params["which"] == "before" else entry.audio_path
        path = session.workspace.path(which)
        if not path.is_file():
            return PlainTextResponse(f"{which} is missing", 404)
        return FileResponse(path, headers={"Cache-Control": "no-store"})

    async def answer(request: Request) -> Response:
        body = await request.body()
        try:
            if len(body) > _BODY_LIMIT:
                raise UsageError("the answer is too long")
            content = json.loads(body)
            entry = _entry(session, int(content["number"]))
            if entry is None:
                raise UsageError("no such row on the sheet")
            session.ratings.set(entry.item_id, str(content["answer"]), str(content.get("note", "")))
        except (UsageError, ValueError, KeyError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        except OSError as error:
            return JSONResponse({"error": f"the answer could not be saved: {error}"}, 500)
        return JSONResponse({"summary": summary(session.entries, session.ratings)})

    routes = [
        Route(f"/{key}/", page),
        Route(f"/{key}/sound/{{number:int}}/{{which:str}}", sound),
        Route(f"/{key}/answer", answer, methods=["POST"]),
    ]
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(HOSTS))])


def page_html(entries: Sequence[Entry], ratings: Ratings, nonce: str) -> str:
    """Returns the page; captions and names are data, never markup."""
    folder = files("tasks.commands.verify")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string((folder / "templates" / "verify.html.j2").read_text("utf-8"))
    answers = ratings.answers
    rows = [
        {
            "level": entry.level.replace("_", " "),
            "before": entry.caption_before,
            "after": entry.caption,
            "answer": answers[entry.item_id].answer if entry.item_id in answers else "",
            "note": answers[entry.item_id].note if entry.item_id in answers else "",
        }
        for entry in entries
    ]
    return template.render(
        rater=ratings.rater,
        nonce=nonce,
        css=(folder / "assets" / "verify.css").read_text("utf-8"),
        script=(folder / "assets" / "verify.js").read_text("utf-8"),
        content={"rows": rows, "summary": summary(entries, ratings)},
    )


def summary(entries: Sequence[Entry], ratings: Ratings) -> list[dict[str, Any]]:
    """Returns the rater's accuracy per stratum, as shown when the sheet is worked through."""
    table = accuracy_table(entries, {item_id: rating.answer for item_id, rating in ratings.answers.items()})
    return [asdict(row) for row in table]


def serve(app: Starlette, port: int, on_bound: Callable[[], None]) -> None:
    """Serves on 127.0.0.1 until Ctrl-C; calls `on_bound` once the port is ours. Raises UsageError when it is taken."""
    import socket

    import uvicorn

    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOSTS[0], port))
        except OSError as error:
            raise UsageError(f"port {port} cannot be used ({error.strerror}); choose another with --port") from error
        on_bound()
        config = uvicorn.Config(app, log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listener])


def _entry(session: _Session, number: int) -> Entry | None:
    return session.entries[number] if 0 <= number < len(session.entries) else None
