"""Generate and score on a small workspace (SPEC G1-G5, E2): an oracle wins, chance loses, kills change nothing."""

import dataclasses
import json
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from data_contracts import ClipScore, Generated, ManifestRow, MismatchError, Quarantine, read_table, write_table
from data_contracts.files import hash_file
from model.features import FeatureStore
from model.specs import CodecSpec
from tasks.engine import run_stage
from tasks.engine.workspace import Workspace
from tasks.evaluate import baselines, batch_generator, scorer
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.generate_stage import GenerateStage
from tasks.evaluate.metrics import MODEL
from tasks.evaluate.plan import plan_cases
from tasks.evaluate.score_stage import ScoreStage
from tasks.evaluate.stage import EvaluateStage
from tasks.media.audio import read_audio, write_flac
from tasks.media.video_writer import write_video
from tasks.precompute import stage as precompute
from tasks.precompute.config import PrecomputeConfig
from tests.tasks.evaluate.rows import manifest_row
from tests.tasks.evaluate.sounds import RATE_HZ, bursts
from tests.tasks.precompute.fakes import FAKES

CONFIG = EvaluateConfig(clips=3, adverb_pairs=2, batch_size=2, steps=2)
HOP = 640


@dataclass(frozen=True)
class PlainCodec:
    """Latents are the samples themselves, so a right latent is a right sound."""

    spec = CodecSpec(
        name="plain",
        sample_rate_hz=RATE_HZ,
        channels=1,
        hop=HOP,
        latent_dim=HOP,
        std_form="softplus",
        weights_sha256="5" * 64,
        placeholder=True,
    )

    def encode(self, audio_BT):
        mean_BNF = audio_BT.unflatten(1, (-1, HOP))
        return mean_BNF, torch.zeros_like(mean_BNF)

    def decode(self, latent_BNF):
        return latent_BNF.flatten(1)


PARTS = dataclasses.replace(FAKES, codec=PlainCodec())


@dataclass(frozen=True)
class Oracle:
    """Knows the plan and returns the true sound of each request; adverbs are obeyed by level and rate."""

    workspace: Workspace
    specs: object
    requests: list
    sampling: object = None  # set by the stage, as the variant says

    def generate(self, requests, *, steps, cfg_scale):
        assert (steps, cfg_scale) == (CONFIG.steps, CONFIG.cfg_scale)
        self.requests.extend(requests)
        rows = {row.item_id: row for row in manifest(self.workspace)}
        jobs = {(j.seed, j.prompt): j for j in plan_cases(list(rows.values()), CONFIG, 8.0)}
        return torch.stack([self.latent(request, rows, jobs) for request in requests])

    def latent(self, request, rows, jobs):
        if request.task == "tta":
            job = next(
                j for (seed, _), j in jobs.items() if seed == request.seed and self.text(j) == request.text_LD.sum()
            )
            sound = obeyed(job.direction, job.side)
        else:
            job = next(j for (seed, _), j in jobs.items() if seed == request.seed)
            sound, _ = read_audio(self.workspace.path(rows[job.parent_id].audio_path))
        frames = round(request.duration_s * RATE_HZ) // HOP
        return torch.from_numpy(sound[: frames * HOP]).unflatten(0, (frames, HOP))

    def text(self, job):
        return PARTS.text.encode([job.prompt]).sum()


def obeyed(direction, side):
    first = side in ("fast", "loud", "near", "crescendo")
    gap_s = 0.25 if first and direction == "speed" else 1.0
    level = 0.3 if first and direction in ("volume", "distance") else 0.02
    decay_s = 0.12 if side == "far" else 0.03
    sound = bursts(np.arange(0.3, 7.5, gap_s), level=level, decay_s=decay_s)
    ramp = np.geomspace(0.1, 1, len(sound)).astype(np.float32)
    if direction == "dynamics":
        sound = sound * (ramp if first else ramp[::-1])
    return np.ascontiguousarray(sound)


def manifest(workspace):
    return read_table(workspace.table("manifest", "manifest"), ManifestRow)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Six test films with different events, their features, and a checkpoint file."""
    patch = pytest.MonkeyPatch()
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    rows = []
    for number in range(6):
        rng = np.random.default_rng(number)
        times = tuple(float(t) for t in np.round(np.cumsum(rng.uniform(0.5, 1.1, 7)) + 0.1, 3))
        audio, video = (workspace.stage("ingest") / f"f{number}.{end}" for end in ("flac", "mp4"))
        write_flac(audio, bursts(times, decay_s=0.01 + 0.03 * (number % 3), seed=number), RATE_HZ)
        write_video(video, rng.integers(0, 256, (50, 32, 32, 3), dtype=np.uint8), 25.0)
        material = ("wood", "metal", "stone")[number % 3]
        sides = {"material": material, "speed": "fast" if number % 2 else "slow"}
        rows.append(
            manifest_row(
                f"f{number}",
                material=material,
                audio_path=workspace.relative(audio),
                audio_sha256=hash_file(audio),
                video_path=workspace.relative(video),
                event_times_s=times,
                attributes_json=json.dumps(sides),
            )
        )
    write_table(workspace.table("manifest", "manifest"), ManifestRow, rows)
    patch.setattr(precompute, "load_encoders", lambda config: PARTS)
    run_stage(precompute.PrecomputeStage(PrecomputeConfig()), workspace)
    patch.undo()
    (workspace.stage("train") / "checkpoint.safetensors").write_bytes(b"weights")
    return workspace


@pytest.fixture
def parts(monkeypatch):
    """Fake codec, text encoder and oracle in place of the real ones. Returns the requests that the oracle saw."""
    requests: list = []
    for module in (batch_generator, scorer):
        monkeypatch.setattr(module, "codec_of", lambda store: PARTS.codec)
    monkeypatch.setattr(batch_generator, "text_encoder_of", lambda store: PARTS.text)

    class Loader:
        @staticmethod
        def load(path):
            workspace = Workspace(path.parent.parent)
            return Oracle(workspace, FeatureStore.open(workspace.stage("precompute")).specs, requests)

    monkeypatch.setattr(batch_generator, "Generator", Loader)
    return requests


def table(workspace):
    return EvaluateStage().make(workspace)


def clip_scores(workspace):
    return read_table(workspace.table("score", "clip_scores"), ClipScore)


@pytest.fixture
def scored(prepared, parts):
    run_stage(GenerateStage(CONFIG), prepared)
    run_stage(ScoreStage(CONFIG), prepared)
    return {(s.task, s.metric, s.system): s for s in table(prepared)}


def test_e2_an_oracle_is_perfect_and_every_chance_row_is_not(scored):
    for task in ("vta", "tc-vta", "ac-vta", "fe"):
        assert scored[task, "EventF1@50ms", MODEL].value > 0.97
        assert scored[task, "EventF1@50ms", MODEL].n == CONFIG.clips
        assert scored[task, "EventF1@50ms", baselines.CODEC_UPPER_BOUND].value > 0.97
        for system in (baselines.SHUFFLED, baselines.RANDOM_EVENTS, baselines.NOISE, baselines.SILENCE):
            assert scored[task, "EventF1@50ms", system].value < 0.5
        assert scored[task, "EventF1@100ms", baselines.SILENCE].value == 0
        assert scored[task, "EventOffset_s", MODEL].value < 0.02
    assert scored["vta", "OnsetSyncAP", baselines.SILENCE].value == 1.0  # why it never stands alone
    assert scored["vta", "OnsetSyncAcc", baselines.SILENCE].value == 0.0
    assert scored["vta", "OnsetSyncAcc", MODEL].value > 0.97


def test_e2_the_reference_pasted_wins_timbre_and_loses_time(scored):
    assert scored["ac-vta", "MFCC-cos", baselines.PASTED].value > 0.5
    assert scored["ac-vta", "EventF1@50ms", baselines.PASTED].value < 0.5
    assert ("vta", "MFCC-cos", baselines.PASTED) not in scored


def test_adverbs_that_are_obeyed_score_one_in_every_direction(scored):
    for metric in ("speed: fast/slow", "volume: loud/quiet", "distance: near/far", "dynamics: crescendo/decrescendo"):
        score = scored["tta", f"AdverbCheck direction right: {metric.split(': ')[1]}", MODEL]
        assert (score.value, score.n) == (1.0, CONFIG.adverb_pairs)
    total = scored["tta", "AdverbCheck direction right", MODEL]
    assert (total.value, total.n, total.is_baseline) == (1.0, 4 * CONFIG.adverb_pairs, False)
    assert scored["tta", "AdverbCheck direction right", baselines.SHUFFLED].is_baseline


def test_g1_to_g5_each_task_sees_its_conditions_only(prepared, parts, tmp_path):
    workspace = copy_of(prepared, tmp_path)
    run_stage(GenerateStage(CONFIG), workspace)
    seen = {
        request.task: tuple(
            getattr(request, name) is not None
            for name in ("text_LD", "clip_VD", "sync_SD", "reference_NF", "reference_sync_SD")
        )
        for request in parts
    }
    assert seen == {
        "vta": (True, True, True, False, False),
        "tc-vta": (True, False, True, False, False),
        "ac-vta": (False, False, True, True, True),
        "fe": (False, True, True, True, False),
        "tta": (True, False, False, False, False),
    }
    by_task = {request.task: request for request in parts}
    assert by_task["ac-vta"].reference_NF.shape == (50, HOP)
    assert len(by_task["ac-vta"].reference_sync_SD) == 50
    assert len(by_task["ac-vta"].sync_SD) == 150
    assert by_task["fe"].reference_NF.shape == (75, HOP)
    rows = {row.task: row for row in read_table(workspace.table("generate", "generated"), Generated)}
    assert (rows["ac-vta"].duration_s, rows["fe"].scored_from_s, rows["fe"].scored_to_s) == (6.0, 3.0, 8.0)
    assert json.loads(rows["vta"].weights_json)["codec"]["placeholder"] is True


def copy_of(prepared, folder, names=("ingest", "manifest", "precompute", "train")):
    workspace = Workspace(folder)
    for name in names:
        target = workspace.stage(name)
        for path in prepared.stage(name).rglob("*"):
            if path.is_file():
                copy = target / path.relative_to(prepared.stage(name))
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
    return workspace


def test_a_killed_generation_and_scoring_end_with_the_same_tables(prepared, parts, scored, tmp_path, monkeypatch):
    workspace = copy_of(prepared, tmp_path)

    class Killed(BaseException):
        pass

    def die_after(count, function):
        left = [count]

        def run(*arguments, **options):
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return function(*arguments, **options)

        return run

    with monkeypatch.context() as patch:
        patch.setattr(batch_generator, "write_flac", die_after(4, batch_generator.write_flac))
        with pytest.raises(Killed):
            run_stage(GenerateStage(CONFIG), workspace)
    run_stage(GenerateStage(CONFIG), workspace, shard_size=2)
    with monkeypatch.context() as patch:
        patch.setattr(scorer, "score_clip", die_after(35, scorer.score_clip))
        with pytest.raises(Killed):
            run_stage(ScoreStage(CONFIG), workspace)
    run_stage(ScoreStage(CONFIG), workspace, shard_size=3)
    for stage, table, row_type in (("generate", "generated", Generated), ("score", "clip_scores", ClipScore)):
        assert read_table(workspace.table(stage, table), row_type) == read_table(prepared.table(stage, table), row_type)


def test_a_diverged_model_is_quarantined_and_scored_without(prepared, parts, tmp_path, monkeypatch):
    workspace = copy_of(prepared, tmp_path)
    original = Oracle.generate

    def diverged(self, requests, **options):
        latents = original(self, requests, **options)
        return torch.full_like(latents, float("nan")) if requests[0].task == "fe" else latents

    monkeypatch.setattr(Oracle, "generate", diverged)
    run_stage(GenerateStage(CONFIG), workspace)
    reasons = {row.reason for row in read_table(workspace.table("generate", "quarantine"), Quarantine)}
    assert reasons == {"nan_samples"}
    run_stage(ScoreStage(CONFIG), workspace)
    assert "fe" not in {score.task for score in table(workspace)}


def test_a_checkpoint_of_other_encoders_is_refused(prepared, parts, monkeypatch, tmp_path):
    workspace = copy_of(prepared, tmp_path)
    specs = dataclasses.replace(PARTS.specs, text=dataclasses.replace(PARTS.specs.text, weights_sha256="7" * 64))

    class Loader:
        @staticmethod
        def load(path):
            return Oracle(workspace, specs, [])

    monkeypatch.setattr(batch_generator, "Generator", Loader)
    with pytest.raises(MismatchError, match="text: the checkpoint uses fake"):
        run_stage(GenerateStage(CONFIG), workspace)


def test_a_model_of_the_wrong_length_is_refused(prepared, parts, monkeypatch, tmp_path):
    monkeypatch.setattr(Oracle, "generate", lambda self, requests, **_: torch.zeros(len(requests), 7, HOP))
    with pytest.raises(MismatchError, match=r"returned 7 frames for 8\.0 s; expected 200"):
        run_stage(GenerateStage(CONFIG), copy_of(prepared, tmp_path))


def test_scores_are_kept_per_sound_with_the_generated_rows_id(scored, prepared):
    rows = read_table(prepared.table("score", "clip_scores"), ClipScore)
    generated = {row.item_id for row in read_table(prepared.table("generate", "generated"), Generated)}
    assert {row.parent_id for row in rows} <= generated
    assert {"onset_rate_hz", "level_db"} <= {row.metric for row in rows if row.task == "tta"}
    assert {(s.task, s.metric, s.system) for s in table(prepared)} == set(scored)
