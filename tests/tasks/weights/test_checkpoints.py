"""A published network by its name: licence, fetch from a hub server, check, conversion, cache."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
import pytest
import torch

from data_contracts import UsageError, WeightsError
from flows import cli
from model.checkpoint import load_checkpoint
from model.weights.catalogue import COMPONENTS
from tasks.weights import fetch as fetching
from tasks.weights.checkpoints import is_published, resolved_checkpoint
from tests.model.mmaudio.reference import Weights, state_dict
from tests.tasks.commands.generate.toys import sidecar

NAME = "mmaudio-large-44k-v2"
NETWORK = "mmaudio-net-large-44k-v2"
NEEDED = (NETWORK, "mmaudio-44k", "clip-dfn5b", "synchformer")


@dataclasses.dataclass
class HubServer:
    """Serves files as the model hub does; `asked` has the paths of all downloads."""

    files: dict[str, bytes]
    asked: list[str] = dataclasses.field(default_factory=list)
    url: str = ""


@pytest.fixture
def weights() -> Weights:
    """A network of MMAudio's layout, published feature sizes, and a small width."""
    return state_dict(
        width=48, depth=4, fused=2, hidden=256, channels=40, clip=1024, sync=768, text=1024, tokens=77, second=True
    )


@pytest.fixture
def hub(weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A server on this machine with the four components; the catalogue has the hashes of its files."""
    made = HubServer({})
    torch.save(weights, tmp_path / "network.pth")
    for name in NEEDED:
        files = []
        for file in COMPONENTS[name].files:
            assert file.hub is not None
            content = (tmp_path / "network.pth").read_bytes() if name == NETWORK else file.path.encode()
            made.files[f"/{file.hub.repo}/resolve/{file.hub.revision}/{file.hub.path}"] = content
            md5 = hashlib.md5(content).hexdigest()
            files.append(dataclasses.replace(file, md5=md5, sha256=None, size_exact=False))
        monkeypatch.setitem(COMPONENTS, name, dataclasses.replace(COMPONENTS[name], files=tuple(files)))  # type: ignore[arg-type]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            content = made.files.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.send_header("X-Repo-Commit", "c" * 40)
            self.send_header("ETag", f'"{hashlib.md5(content or b"").hexdigest()}"')
            self.end_headers()

        def do_GET(self) -> None:
            made.asked.append(self.path)
            self.do_HEAD()
            self.wfile.write(made.files.get(self.path, b""))

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        made.url = f"http://127.0.0.1:{server.server_port}"
        download = partial(huggingface_hub.hf_hub_download, endpoint=made.url)
        monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
        monkeypatch.setattr(fetching, "hub_reachable", lambda _: True)
        yield made
        server.shutdown()
        thread.join()


def test_a_named_network_is_fetched_checked_converted_and_kept(hub: HubServer, weights: Weights, cache: Path) -> None:
    notes: list[str] = []
    path = resolved_checkpoint(
        Path(NAME), accepts_licence=True, on_progress=lambda done, total, note: notes.append(note)
    )
    assert path.parent == cache / "checkpoints" and len(hub.asked) == len(hub.files) == len(notes)
    network, info = load_checkpoint(path)
    assert info.network.version == "v2" and info.training["converted_from"]["file"] == "mmaudio_large_44k_v2.pth"
    assert torch.equal(network.state_dict()["latent_mean"], weights["latent_mean"])
    before = path.stat().st_mtime_ns
    hub.files.clear()
    assert resolved_checkpoint(Path(NAME)) == path  # all is there: no licence is asked for, nothing fetched or made
    assert path.stat().st_mtime_ns == before
    plain = resolved_checkpoint(Path(NAME.replace("-", "_")), named="mmaudio-s2")
    assert plain != path and load_checkpoint(plain)[1].training["variant"] == "mmaudio-s2"


def test_nothing_is_fetched_before_the_licences_are_accepted(hub: HubServer, cache: Path) -> None:
    with pytest.raises(UsageError) as caught:
        resolved_checkpoint(Path(NAME))
    for words in ("--accept-licence", "CC BY-NC 4.0", "no commercial use", "apple-amlr", " GB", NAME):
        assert words in str(caught.value)
    assert "\n" not in str(caught.value) and hub.asked == [] and not (cache / "checkpoints").exists()


def test_a_file_that_is_not_the_published_one_is_refused(hub: HubServer, cache: Path) -> None:
    path = next(path for path in hub.files if path.endswith("v2.pth"))
    hub.files[path] += b"x"
    with pytest.raises(WeightsError, match=r"is not fetched.*MD5.*it is not the published file"):
        resolved_checkpoint(Path(NAME), accepts_licence=True)
    assert not (cache / "checkpoints").exists()


def test_paths_and_the_built_in_checkpoint_are_no_published_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).touch()  # a file of that name is the file
    for path in (Path("builtin"), Path("gone.safetensors"), Path("folder") / "gone", tmp_path / "gone", Path(NAME)):
        assert not is_published(path) and resolved_checkpoint(path) == path


@pytest.mark.parametrize("name", ["mmaudio-huge", "mmaudio-44k", "vggish"])
def test_an_unknown_name_lists_the_known_ones(name: str) -> None:
    with pytest.raises(UsageError, match=rf"--checkpoint {name} is no file.*known: builtin, mmaudio-small-16k.*{NAME}"):
        is_published(Path(name))


def test_generate_takes_the_name(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tasks.commands.generate import session
    from tests.tasks.commands.generate.published_toys import PublishedCodec, PublishedText

    monkeypatch.setattr(session, "load_codec", lambda _: PublishedCodec())
    monkeypatch.setattr(session, "load_text_encoder", lambda *_: PublishedText())
    out = tmp_path / "o.wav"
    command = ["generate", "tta", "--text", "rain", "--duration", "1", "--steps", "1", "--checkpoint", NAME]
    assert cli.exit_code([*command, "--out", str(out)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--accept-licence" in line and not out.exists()
    assert cli.exit_code([*command, "--out", str(out), "--accept-licence"]) == 0
    assert sidecar(out)["checkpoint"].startswith(f"{NETWORK}-full-")
