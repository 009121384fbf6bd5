"""The pages of reports: only reports are served, to this machine only, and names are harmless text."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from data_contracts import UsageError
from tasks.commands.serve import reports_app, serve


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("run1", "a <b>& 50%"):
        report = tmp_path / "data" / name / "report"
        report.mkdir(parents=True)
        (report / "report.html").write_text(f"<p>report of {len(name)}</p>", "utf-8")
        (report.parent / "secret.txt").write_text("secret")
    (tmp_path / "data" / "empty").mkdir()
    (tmp_path / "outside" / "report").mkdir(parents=True)
    (tmp_path / "outside" / "report" / "report.html").write_text("outside")
    return tmp_path / "data"


@pytest.fixture
def client(folder: Path) -> TestClient:
    return TestClient(reports_app(folder), base_url="http://127.0.0.1:8080")


def test_workspaces_with_a_report_are_listed_and_their_links_open_it(client: TestClient) -> None:
    page = client.get("/").text
    assert "empty" not in page and "a &lt;b&gt;&amp; 50%" in page and "<b>" not in page
    links = [part.split('"')[0] for part in page.split('href="')[1:]]
    assert [client.get(link).text for link in links] == ["<p>report of 10</p>", "<p>report of 4</p>"]


@pytest.mark.parametrize(
    "path",
    [
        "/run1/secret.txt", "/run1/report/", "/run1", "/nothing/report/report.html", "/../outside/report/report.html",
        "/..%2foutside/report/report.html", "/%2e%2e/report/report.html", "/run1/report/report.html/..",
    ],
)  # fmt: skip
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code in (403, 404)


def test_a_link_to_a_report_elsewhere_is_neither_followed_nor_listed(client: TestClient, folder: Path) -> None:
    (folder / "linked").symlink_to(folder.parent / "outside")
    assert client.get("/linked/report/report.html").status_code == 404
    assert "linked" not in client.get("/").text


def test_names_and_folders_that_cannot_be_read_leave_the_others(client: TestClient, folder: Path) -> None:
    (folder / "n\udc80" / "report").mkdir(parents=True)
    (folder / "n\udc80" / "report" / "report.html").write_text("x")
    (folder / "loop").symlink_to(folder / "loop")
    assert client.get("/").status_code == 200 and client.get("/").text.count("<li>") == 2
    assert client.get("/loop/report/report.html").status_code == 404
    assert client.get("/%00/report/report.html").status_code == 404
    assert client.get(f"/{'n' * 3000}/report/report.html").status_code == 404


def test_a_folder_without_reports_says_so_and_no_folder_is_refused(tmp_path: Path) -> None:
    client = TestClient(reports_app(tmp_path), base_url="http://localhost:1")
    assert "No workspace here has a report yet" in client.get("/").text
    with pytest.raises(UsageError, match="is no folder"):
        reports_app(tmp_path / "none")


def test_a_workspace_in_place_of_its_folder_is_said(folder: Path) -> None:
    with pytest.raises(UsageError, match=f"is a workspace; give the folder that it is in: {folder}"):
        reports_app(folder / "run1")


def test_requests_from_elsewhere_are_refused(client: TestClient) -> None:
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 403
    assert client.get("/", headers={"Origin": "http://evil.example"}).status_code == 403
    assert client.get("/").headers["X-Content-Type-Options"] == "nosniff"


def test_a_taken_port_is_one_line(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="cannot be used; choose another"):
            serve(folder, taken.getsockname()[1])
