"""Pages on this machine answer only requests that were meant for them."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from tasks.commands.local_only import LocalOnly, refusal

OWN = "127.0.0.1:7860"


@pytest.mark.parametrize("host", [OWN, "localhost:7860", "localhost", "127.0.0.1"])
def test_requests_of_the_page_itself_pass(host: str) -> None:
    assert refusal(Headers({"host": host})) is None
    assert refusal(Headers({"host": host, "origin": f"http://{host}"})) is None


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "0.0.0.0:1"],
)
def test_a_foreign_name_is_refused_even_with_its_own_origin(host: str) -> None:
    assert "this machine only" in str(refusal(Headers({"host": host, "origin": f"http://{host}"})))


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:8000", "https://127.0.0.1:7860", "http://localhost:7860"],
)
def test_a_page_of_another_origin_is_refused(origin: str) -> None:
    assert "other pages" in str(refusal(Headers({"host": OWN, "origin": origin})))


def test_a_refused_request_reaches_nothing_behind_it() -> None:
    reached: list[str] = []

    async def answer(request: Request) -> PlainTextResponse:
        reached.append(request.method)
        return PlainTextResponse("here")

    app = Starlette(routes=[Route("/", answer, methods=["GET", "POST"])], middleware=[Middleware(LocalOnly)])
    client = TestClient(app, base_url=f"http://{OWN}")
    assert client.get("/").text == "here"
    refused = client.post("/", headers={"origin": "http://evil.example"})
    assert refused.status_code == 403 and "refused" in refused.text
    assert client.get("/", headers={"host": "evil.example"}).status_code == 403
    assert reached == ["GET"]
