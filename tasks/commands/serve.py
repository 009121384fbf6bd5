"""The reports of the workspaces in a folder as pages on this machine: what the links in Prefect's UI open."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from data_contracts import UsageError
from tasks.commands.local_only import HOSTS, LocalOnly
from tasks.report import REPORT

PORT: Final = 8080
_HEADERS: Final = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"}


def reports_app(folder: Path) -> Starlette:
    """Returns the pages: a list of the workspaces that have a report, and their reports. Nothing else is served.

    Raises UsageError when `folder` is no folder.
    """
    root = folder.resolve()
    if not root.is_dir():
        raise UsageError(f"{folder} is no folder; give the folder that your workspaces are in")
    if root.joinpath(*REPORT).is_file():
        raise UsageError(f"{folder} is a workspace; give the folder that it is in: {root.parent}")

    def is_served(workspace: str) -> bool:
        path = root.joinpath(workspace, *REPORT)
        try:
            return path.is_file() and path.resolve().is_relative_to(root)
        except OSError:  # another user's folder
            return False

    def overview(_request: Request) -> Response:
        names = sorted(path.name for path in root.iterdir() if _is_utf8(path.name) and is_served(path.name))
        items = "".join(f'<li><a href="/{quote(name)}/{"/".join(REPORT)}">{escape(name)}</a></li>' for name in names)
        listed = f"<ul>{items}</ul>" if names else "<p>No workspace here has a report yet.</p>"
        head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Reports</title>'
        return HTMLResponse(f"{head}<h1>Reports in {escape(str(root))}</h1>{listed}</html>", headers=_HEADERS)

    def report(request: Request) -> Response:
        if not is_served(request.path_params["workspace"]):
            return PlainTextResponse("there is no such report", 404)
        path = root.joinpath(request.path_params["workspace"], *REPORT)
        return FileResponse(path, media_type="text/html; charset=utf-8", headers=_HEADERS)

    routes = [Route("/", overview), Route(f"/{{workspace:str}}/{'/'.join(REPORT)}", report)]
    return Starlette(routes=routes, middleware=[Middleware(LocalOnly)])


def _is_utf8(name: str) -> bool:
    """Whether a file's name can be part of an address."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def serve(folder: Path, port: int) -> None:
    """Serves until the process is stopped. Raises UsageError when the port is taken."""
    import uvicorn

    app = reports_app(folder)
    try:
        uvicorn.run(app, host=HOSTS[0], port=port, log_level="warning")
    except SystemExit as error:  # uvicorn's answer to a port that is taken
        raise UsageError(f"port {port} of this machine cannot be used; choose another with --port") from error
