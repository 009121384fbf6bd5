"""Doctor: each need is found met or not, with what mends it; a run refuses to start while one is not met."""

from __future__ import annotations

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from data_contracts import UsageError
from flows import cli
from tasks.commands import doctor
from tasks.commands.doctor import Check, examine, require
from tasks.config import PipelineConfig, require_corpus

RULES = ["mine.parser=rules", "llm.backend=rules"]


def checks(folder: Path, *settings: str, **options: Any) -> dict[str, Check]:
    config = PipelineConfig.load(None, ["ingest.corpus.kind=builtin", *RULES, f"workspace={folder}/w", *settings])
    return {check.name: check for check in examine(config, **{"disk": False, **options})}


def table(folder: Path, *names: str, header: str = "id,caption,audio") -> list[str]:
    (folder / "clips.csv").write_text("\n".join([header, *(f"{n},a dog barks loudly,{n}" for n in names)]) + "\n")
    return ["ingest.corpus.kind=table", f"ingest.corpus.path={folder}/clips.csv"]


def test_the_demo_needs_nothing(tmp_path: Path) -> None:
    found = checks(tmp_path)
    assert all(check.good for check in found.values()), found
    assert found["corpus"].found.startswith("built-in") and found["programs"].found == "none needed"
    assert found["corpus"].line().startswith("ok       corpus    built-in")


def test_recordings_are_counted_and_some_are_opened(tmp_path: Path) -> None:
    tone = np.sin(np.arange(16_000) / 9).astype(np.float32)
    for number in range(3):
        sf.write(tmp_path / f"{number}.wav", tone, 16_000)
    (tmp_path / "bad.wav").write_bytes(b"no audio")
    found = checks(tmp_path, *table(tmp_path, "0.wav", "1.wav", "2.wav", "bad.wav", "gone.wav"))
    assert found["corpus"].found == "table: 4 recordings, 1 file missing, the first is gone.wav"
    assert found["files"].found.startswith("3 of 4 sampled recordings can be read; bad.wav:")
    assert found["files"].found.count("bad.wav") == 1
    for name in ("corpus", "files"):  # a run can start
        assert found[name].good and found[name].line().startswith(f"warning  {name:<9} ")
        assert found[name].line().endswith("`foleygenex quarantine W ingest` names them all")
    found = checks(tmp_path, *table(tmp_path, "0.wav"))
    assert [found[name].status for name in ("corpus", "files")] == ["ok", "ok"]
    found = checks(tmp_path, *table(tmp_path, "bad.wav"))
    assert not found["files"].good and found["files"].mend == "look at that file"


@pytest.mark.parametrize(
    ("header", "rows", "says"),
    [("id,caption,wav", ["0.wav"], "audio"), ("id,caption,audio", ["gone.wav"], "0 recordings, 1 file missing")],
)
def test_a_corpus_that_cannot_be_used(header: str, rows: list[str], says: str, tmp_path: Path) -> None:
    found = checks(tmp_path, *table(tmp_path, *rows, header=header))
    assert not found["corpus"].good and says in found["corpus"].found
    assert "disk" not in checks(tmp_path, *table(tmp_path, *rows, header=header), disk=True)


def test_settings_without_a_corpus_are_not_the_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("workers: 1\n")
    for arguments in (["plan", str(config)], ["run", "all", str(config)], ["run", "ingest", str(config)]):
        assert cli.exit_code(arguments) == 2
        assert f"error: {config} names no corpus; set ingest.corpus" in capsys.readouterr().err
    assert not [check for check in examine(PipelineConfig(), stages=("ingest",)) if check.good]
    require_corpus(PipelineConfig.load(None, ["ingest.corpus.video_clips=4"]), "c")
    require_corpus(PipelineConfig.load(None, ["ingest.corpora=[{kind: builtin, name: a}]"]), "c")


def test_weights_parser_and_start_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("FOLEYGENEX_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    found = checks(tmp_path, "precompute.sync_encoder=synchformer", stages=("precompute",))
    assert found["weights"].line() == (
        "missing  weights   synchformer is not downloaded -> `foleygenex weights fetch synchformer`"
    )
    found = checks(tmp_path, f"precompute.sync_encoder=synchformer:{tmp_path}/s.pth", stages=("precompute",))
    assert not found["weights"].good and "s.pth does not exist" in found["weights"].found
    found = checks(tmp_path, "precompute.sync_encoder=nonsense", stages=("precompute",))
    assert not found["weights"].good and "no component is called nonsense" in found["weights"].found
    found = checks(tmp_path, f"train.init_from={tmp_path}/x.safetensors", stages=("train",))
    assert not found["weights"].good and "x.safetensors does not exist" in found["weights"].found
    assert checks(tmp_path, "train.init_from=builtin", stages=("train",))["weights"].good
    found = checks(tmp_path, "mine.parser=spacy", stages=("mine",))
    assert found["parser"].mend == "`foleygenex fetch-parser`"
    assert checks(tmp_path, "mine.parser=auto", stages=("mine",))["parser"].good


def test_judges_that_the_settings_name_are_looked_for_until_they_were_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLEYGENEX_WEIGHTS", str(tmp_path / "weights"))
    asked = "evaluate.judges=[corpus-cnn,panns]"
    config = PipelineConfig.load(None, [asked, f"workspace={tmp_path}/w"])
    missing = [check for check in examine(config, stages=("judge",), disk=False) if not check.good]
    assert [check.line() for check in missing] == [
        "missing  weights   judge panns is not downloaded -> `foleygenex weights fetch panns`, "
        "or leave panns out of evaluate.judges"
    ]
    assert all(check.good for check in examine(config, stages=("train",), disk=False))
    kept = {"panns": {"name": "panns", "weights_sha256": "a", "kinds": ["audio"]}}
    (tmp_path / "w" / "judge").mkdir(parents=True)
    (tmp_path / "w" / "judge" / "judges.json").write_text(json.dumps(kept))
    assert all(check.good for check in examine(config, stages=("judge",), disk=False))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("[corpus-cnn,nonsense]", "evaluate.judges: judge 'nonsense' is unknown; known are auto"),
        ("[corpus-cnn,{folder}/x.pt]", "evaluate.judges: judge '{folder}/x.pt' is unknown"),
        ("[panns:{folder}/x.pt]", "judge panns:{folder}/x.pt: no such file"),
    ],
)
def test_judges_that_cannot_be_asked_are_a_line_beside_the_others(asked: str, found: str, tmp_path: Path) -> None:
    asked, found = asked.format(folder=tmp_path), found.format(folder=tmp_path)
    config = PipelineConfig.load(None, [f"evaluate.judges={asked}", f"workspace={tmp_path}/w"])
    missing = [check for check in examine(config, stages=("judge", "train"), disk=False) if not check.good]
    assert len(missing) == 1 and missing[0].found.startswith(found)


def test_checkpoints_that_are_scored_beside_the_runs_own_are_looked_for_before_it_trains(tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "checkpoint.safetensors").touch()
    found = checks(tmp_path, f"evaluate.checkpoints=[trained,{tmp_path}/none.safetensors]", stages=("generate",))
    assert found["weights"].found == (
        f"evaluate.checkpoints: {tmp_path}/none.safetensors is no file; "
        "name `trained`, `builtin` or a checkpoint's path"
    )
    same = f"evaluate.checkpoints=[{tmp_path}/x/checkpoint.safetensors,{tmp_path}/y/checkpoint.safetensors]"
    assert "two are called 'checkpoint'" in checks(tmp_path, same, stages=("generate",))["weights"].found
    assert "weights" not in checks(tmp_path, same, stages=("train",))
    good = f"evaluate.checkpoints=[trained,builtin,{tmp_path}/x/checkpoint.safetensors]"
    assert checks(tmp_path, good, stages=("generate",))["weights"].good


def test_programs_that_the_settings_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    found = checks(tmp_path, "augment.backend=tool", stages=("augment",))["programs"]
    assert not found.good and "sox and ffmpeg not found" in found.found and "apt-get install" in found.mend


@pytest.mark.parametrize(
    ("gpus", "asked", "line"),
    [
        (0, "auto", "ok       device    the CPU (train.device: auto; torch sees no GPU)"),
        (0, "cpu", "ok       device    the CPU (train.device: cpu)"),
        (1, "auto", "ok       device    Big (train.device: auto)"),
        (1, "cuda:0", "ok       device    Big (train.device: cuda:0)"),
        (
            0,
            "cuda",
            "missing  device    device cuda is not there: this machine has 0 GPUs; use cpu or auto -> set ",
        ),
        (1, "cuda:1", "missing  device    device cuda:1 is not there: this machine has 1 GPU"),
    ],
)
def test_the_device_that_will_be_used(
    gpus: int, asked: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Big")
    assert checks(tmp_path, f"train.device={asked}", stages=("train",))["device"].line().startswith(line)


def test_settings_that_ask_for_the_same_device_share_a_line(tmp_path: Path) -> None:
    config = PipelineConfig.load(None, ["train.device=cpu", "evaluate.device=cpu"])
    stages = ("precompute", "train", "generate")
    found = [check.found for check in examine(config, stages=stages, disk=False) if check.name == "device"]
    assert len(found) == 2 and found[1] == "the CPU (train.device and evaluate.device: cpu)"


class Models(BaseHTTPRequestHandler):
    """Answers as the address says: `/401/v1/models` with 401."""

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        self.send_response(int(self.path.split("/")[1]))
        self.end_headers()


@pytest.mark.parametrize(
    ("status", "good", "mend"),
    [(200, True, ""), (404, True, ""), (501, True, ""), (401, False, "OPENAI_API_KEY"), (502, False, "log")],
)
def test_the_endpoint_is_asked_once(
    status: int, good: bool, mend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Models)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/{status}/v1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    settings = ("llm.backend=endpoint", "llm.model=m")
    found = checks(tmp_path, *settings, stages=("recaption",))["endpoint"]
    assert found.good == good and mend in found.mend
    server.shutdown()
    server.server_close()
    found = checks(tmp_path, *settings, stages=("recaption",))["endpoint"]
    assert not found.good and "does not answer" in found.found and "OPENAI_BASE_URL" in found.mend


def test_free_disk_is_compared_with_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = ("ingest.corpus.video_clips=2", "ingest.corpus.audio_clips=2", "train.ema_snapshot_every=400")
    free = type("Usage", (), {"free": 10**15})
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: free)
    good = checks(tmp_path, *small, disk=True)["disk"]
    assert good.good and good.found.startswith("1,000 TB free in ")
    free.free = 1000
    bad = checks(tmp_path, *small, disk=True)["disk"]
    assert not bad.good and "1 kB free" in bad.found and "--workspace" in bad.mend


def test_a_run_does_not_start_and_says_all_that_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    bad = [Check(name=str(n), good=False, found="gone", mend="get it") for n in range(2)]
    with pytest.raises(UsageError, match="0: gone; get it"):
        require([Check(name="x", good=True, found="there"), *bad], said.append)
    assert said == [bad[1].line()]
    require([], said.append)
    partly = Check(name="files", good=True, found="1 of 2", mend="look")
    require([partly], said.append)
    assert said[1:] == [partly.line()]
    arguments = ["run", "all", "demo", "-w", str(tmp_path / "w"), "--set", "precompute.codec=mmaudio-44k"]
    assert cli.exit_code([*arguments, "--set", "llm.backend=rules"]) == 2
    assert "`foleygenex weights fetch mmaudio-44k`" in capsys.readouterr().err
    assert not (tmp_path / "w").exists()


def test_the_command_is_green_or_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("ingest: {corpus: {kind: table, path: none.csv}}\nllm: {backend: rules}\nmine: {parser: rules}\n")
    assert cli.exit_code(["doctor", str(config)]) == 2
    shown = capsys.readouterr()
    assert "missing  corpus" in shown.out and "1 need of" in shown.err
    assert shutil.which("sh")  # the environment's own programs are untouched
