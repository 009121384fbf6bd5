"""A small prepared workspace and a perfect model, for the tests of generation and scoring."""

from __future__ import annotations

import json

import numpy as np
import pytest

from data_contracts import ManifestRow, Score, write_table
from data_contracts.files import hash_file
from model.generate import Request
from tasks.engine import run_stage
from tasks.engine.workspace import Workspace
from tasks.evaluate import batch_generator, judge_stage, scorer
from tasks.evaluate.generate_stage import GenerateStage
from tasks.evaluate.judge_stage import JudgeStage
from tasks.evaluate.score_stage import ScoreStage
from tasks.evaluate.stage import EvaluateStage
from tasks.media.audio import write_flac
from tasks.media.video_writer import write_video
from tasks.precompute import stage as precompute
from tasks.precompute.config import PrecomputeConfig
from tests.tasks.evaluate.oracle import CONFIG, ENCODERS, Oracle
from tests.tasks.evaluate.sounds import RATE_HZ, bursts
from tests.tasks.rows import manifest_row

Scores = dict[tuple[str, str, str], Score]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Six test clips of three objects with different events, their features, and a checkpoint file."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    rows = []
    for number in range(6):
        rng = np.random.default_rng(number)
        times = tuple(float(t) for t in np.round(np.cumsum(rng.uniform(0.5, 1.1, 7)) + 0.1, 3))
        audio, video = (workspace.stage("ingest") / f"f{number}.{end}" for end in ("flac", "mp4"))
        write_flac(audio, bursts(times, decay_s=0.01 + 0.03 * (number % 3), seed=number), RATE_HZ)
        write_video(video, rng.integers(0, 256, (50, 32, 32, 3), dtype=np.uint8), 25.0)
        material = ("wood", "metal", "stone")[number % 3]
        rows.append(
            manifest_row(
                f"f{number}",
                material=material,
                audio_path=workspace.relative(audio),
                audio_sha256=hash_file(audio),
                video_path=workspace.relative(video),
                event_times_s=times,
                attributes_json=json.dumps({"material": material, "speed": "fast" if number % 2 else "slow"}),
            )
        )
    write_table(workspace.table("manifest", "manifest"), ManifestRow, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(precompute, "load_encoders", lambda config: ENCODERS)
        run_stage(precompute.PrecomputeStage(PrecomputeConfig()), workspace)
    (workspace.stage("train") / "checkpoint.safetensors").write_bytes(b"weights")
    return workspace


@pytest.fixture
def oracle(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """Puts the perfect model in place of the real one. Returns the requests that it gets."""
    requests: list[Request] = []
    for module in (batch_generator, judge_stage, scorer):
        monkeypatch.setattr(module, "codec_of", lambda store, device: ENCODERS.codec)
    monkeypatch.setattr(batch_generator, "text_encoder_of", lambda store, device: ENCODERS.text)

    class Loader:
        @staticmethod
        def load(path, device):  # type: ignore[no-untyped-def]
            return Oracle.of(Workspace(path.parent.parent), requests)

    monkeypatch.setattr(batch_generator, "Generator", Loader)
    return requests


@pytest.fixture
def scored(prepared: Workspace, oracle: list[Request]) -> Scores:
    """The score table of the perfect model, by task, metric and system. Generates and scores once in a session."""
    run_stage(GenerateStage(CONFIG), prepared)
    run_stage(JudgeStage(CONFIG), prepared)
    run_stage(ScoreStage(CONFIG), prepared)
    rows = EvaluateStage(config=CONFIG).make(prepared)
    return {(s.task, s.metric, s.system): s for s in rows if s.value is not None}
