"""A small synthetic workspace with every table, real FLAC audio and real MP4 video, to build reports from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_contracts import (
    Augmented,
    Caption,
    Clip,
    ClipScore,
    FeatureRow,
    Generated,
    Judgement,
    ManifestRow,
    Mined,
    Paraphrase,
    Quarantine,
    Row,
    Score,
    TrainMetric,
    to_json,
    write_table,
)
from data_contracts.generation import TASKS
from tasks.augment.room import draw_room
from tasks.engine.workspace import Workspace, write_json
from tasks.media.audio import write_flac
from tasks.media.video_writer import write_video
from tests.tasks.report.sample_media import RATE, falling_bar, strikes
from tests.tasks.report.sample_scores import clip_scores, judgements, scores

ROOM = draw_room(1, near_m=0.5, far_m=(7.0, 7.0), t60_s=(0.5, 0.65)).to_values()
LEVELS = {
    "very_fast": ("speed", "fast", "speed", {"factor": 1.3}, "very fast"),
    "fast": ("speed", "fast", "original", {}, "fast"),
    "medium": ("speed", "fast", "speed", {"factor": 0.7}, "at a medium pace"),
    "slow": ("speed", "slow", "original", {}, "slowly"),
    "very_slow": ("speed", "slow", "speed", {"factor": 0.7}, "very slowly"),
    "far": ("distance", "near", "distance", ROOM, "in the distance"),
    "crescendo": ("volume", "loud", "dynamics", {"direction": "crescendo", "span_db": 20.0}, "louder and louder"),
    "decrescendo": ("volume", "loud", "dynamics", {"direction": "decrescendo", "span_db": 20.0}, "fading away"),
}


def make_workspace(
    root: Path, *, captions: list[str] | None = None, clip_s: float = 6.0, per_level: int = 2
) -> Workspace:
    """Writes all stages' tables and files. `captions` replace the first clips' captions (and prompts)."""
    workspace = Workspace(root)
    clips = _clips(workspace, captions or [], clip_s)
    augmented = _augmented(workspace, clips, per_level)
    _captions(workspace, augmented, captions or [])
    manifest = _manifest(workspace, clips, augmented)
    _train(workspace, manifest)
    generated = _generated(workspace, manifest, clip_s, captions or [])
    _scores(workspace, generated)
    return workspace


def _save(
    workspace: Workspace,
    stage: str,
    row_type: type[Row],
    rows: Sequence[Any],
    quarantined: Sequence[tuple[str, str, str]] = (),
) -> None:
    write_table(workspace.table(stage, row_type.TABLE), row_type, rows)
    bad = [Quarantine(stage=stage, item_id=i, reason=r, message=m) for i, r, m in quarantined]
    write_table(workspace.table(stage, "quarantine"), Quarantine, bad)
    summary = {"stage": stage, "done": len(rows), "new": 0, "quarantined": len(bad), "rows": len(rows), "reasons": {}}
    write_json(workspace.path(stage, "stage.json"), {"fingerprint": "f", "summary": summary})


def _clips(workspace: Workspace, captions: Sequence[str], clip_s: float) -> list[Clip]:
    rows = []
    tools = to_json({"ffmpeg": "5.1.9", "libsndfile": "1.2.2"})
    for number in range(8):
        subset = "vta" if number < 5 else "tta"
        times = tuple(float(t) for t in np.arange(0.4 + 0.05 * number, clip_s - 0.3, 0.35 + 0.12 * (number % 4)))
        name = f"clip-{number:03d}"
        audio = workspace.path("ingest", "audio", f"{name}.flac")
        write_flac(audio, strikes(times, clip_s, pitch_hz=300 + 160 * number, seed=number), RATE)
        video = None
        if subset == "vta":
            video = workspace.path("ingest", "video", f"{name}.mp4")
            video.parent.mkdir(parents=True, exist_ok=True)
            write_video(video, falling_bar(times, clip_s), 25.0)
        materials = ("wood", "glass", "metal", "stone")
        caption = f"A stick strikes {materials[number % 4]} fast and loudly, close to the microphone."
        rows.append(
            Clip(
                item_id=name, source="builtin", source_path=f"{name}.flac", source_start_s=0.0, group_id=f"g{number}",
                subset=subset, split=("train", "train", "test", "val")[number % 4],
                caption=captions[number] if number < len(captions) else caption,
                audio_path=workspace.relative(audio), audio_sha256="0" * 64, sample_rate_hz=RATE, source_channels=1,
                duration_s=clip_s, video_path=workspace.relative(video) if video else None,
                video_sha256="1" * 64 if video else None, event_times_s=times, attributes_json="{}",
                licence="CC0-1.0", seed=number, tools_json=tools,
            )
        )  # fmt: skip
    quarantined = [
        ("bad/empty.wav", "empty_file", "empty.wav: the file holds 0 bytes"),
        ("bad/cut.mp3", "truncated", "cut.mp3: 1.20 s of 8.00 s can be decoded"),
        ("bad/zero.flac", "silent", "zero.flac: peak 0.00e+00 of full scale; at most 0.0001 counts as silence"),
    ]
    _save(workspace, "ingest", Clip, rows, quarantined)
    mined = [
        Mined(item_id=f"{row.item_id}-fast", parent_id=row.item_id, caption=row.caption, dimension="speed", side="fast",
              words="fast", start=0, end=1, pos="adverb")
        for row in rows
    ]  # fmt: skip
    _save(workspace, "mine", Mined, mined)
    return rows


def _augmented(workspace: Workspace, clips: Sequence[Clip], per_level: int) -> list[Augmented]:
    rows = []
    for index, (level, (dimension, side, operation, recipe, _)) in enumerate(LEVELS.items()):
        for turn in range(per_level):
            clip = clips[(index + 3 * turn) % len(clips)]
            factor = recipe.get("factor", 1.0)
            times = tuple(t / factor for t in clip.event_times_s)
            duration = min(8.0, clip.duration_s / factor)
            times = tuple(t for t in times if t < duration - 0.2)
            sign = {"crescendo": 1, "decrescendo": -1}.get(level, 0)
            audio = strikes(
                times, duration, pitch_hz=(300 + 160 * (index % 8)) * factor, seed=index,
                gain=lambda t, s=sign, d=duration: 10 ** (s * (t / d - 0.5)) if s else 1.0,
            )  # fmt: skip
            path = workspace.path("augment", "audio", f"{level}-{turn}.flac")
            write_flac(path, audio * (0.2 if level == "far" else 1.0), RATE)
            measured = {
                "speed": {"onset_rate_before_hz": 2.1, "onset_rate_after_hz": 2.1 * factor, "ratio": factor},
                "distance": {"level_change_db": -14.2, "direct_to_reverberant_change_db": -18.6},
                "volume": {"slope_before_db": 0.2, "slope_after_db": 18.4 * sign, "peak_change_db": 0.0},
            }[dimension]
            rows.append(
                Augmented(
                    item_id=f"{clip.item_id}-{level}-{turn}", parent_id=f"{clip.item_id}-fast", clip_id=clip.item_id,
                    split=clip.split, caption=clip.caption, dimension=dimension, side=side, operation=operation,
                    cue_words=clip.caption, cue_start=0, cue_end=len(clip.caption), cue_pos="phrase",
                    level=level, recipe_json=to_json(recipe), measured_json=to_json(measured),
                    audio_path=workspace.relative(path), audio_sha256="2" * 64, sample_rate_hz=RATE,
                    duration_s=duration, event_times_s=times, seed=index, tools_json=to_json({"sox": "14.4.2"}),
                )
            )  # fmt: skip
    _save(workspace, "augment", Augmented, rows, [("clip-006-far", "too_short", "0.02 s; at least 0.5 s are needed")])
    return rows


def _captions(workspace: Workspace, augmented: Sequence[Augmented], replacements: Sequence[str]) -> None:
    rows, paraphrases = [], []
    sources = ("llm", "llm_retry", "llm", "rule", "llm", "original")
    for index, row in enumerate(augmented):
        words = LEVELS[row.level][4]
        source = sources[index % len(sources)]
        caption = row.caption.replace("fast and loudly", words)
        if source == "original":
            caption = row.caption
        if row.caption in replacements:
            caption = f"{row.caption} {words}"
        writer = "qwen2.5-0.5b-instruct-q4" if source.startswith("llm") else "rules-v1"
        rows.append(
            Caption(item_id=f"{row.item_id}-cap", parent_id=row.item_id, caption_before=row.caption, caption=caption,
                    cue_start=0, cue_end=len(caption),
                    level=row.level, source=source, writer=writer, prompt_version="1", attempts=1, rejected_json="[]")
        )  # fmt: skip
        paraphrases += [
            Paraphrase(item_id=f"{row.item_id}-cap-p{n}", parent_id=f"{row.item_id}-cap", caption=f"{text} {caption}",
                       key_tokens=("stick",), source="llm" if n else "rule", writer=writer, prompt_version="1")
            for n, text in enumerate(("We hear it:", "There it is:", "In the recording,"))
        ]  # fmt: skip
    _save(workspace, "recaption", Caption, rows)
    _save(workspace, "paraphrase", Paraphrase, paraphrases)


def _manifest(workspace: Workspace, clips: Sequence[Clip], augmented: Sequence[Augmented]) -> list[ManifestRow]:
    rows = [
        ManifestRow(
            item_id=f"{row.item_id}-m", parent_id=row.item_id, clip_id=row.item_id, group_id=row.group_id,
            subset=row.subset, split=row.split, caption=row.caption, paraphrases=(), caption_source="original",
            audio_path=row.audio_path, audio_sha256=row.audio_sha256, sample_rate_hz=RATE, duration_s=row.duration_s,
            video_path=row.video_path, event_times_s=row.event_times_s, attributes_json="{}", dimension=None,
            level=None, recipe_json="{}", licence=row.licence, seed=row.seed, lineage_json="{}",
        )
        for row in clips
    ] + [
        ManifestRow(
            item_id=f"{row.item_id}-m", parent_id=row.item_id, clip_id=row.clip_id, group_id=row.clip_id, subset="aa",
            split=row.split, caption=row.caption, paraphrases=(), caption_source="rule", audio_path=row.audio_path,
            audio_sha256=row.audio_sha256, sample_rate_hz=RATE, duration_s=row.duration_s, video_path=None,
            event_times_s=row.event_times_s, attributes_json="{}", dimension=row.dimension, level=row.level,
            recipe_json=row.recipe_json, licence="CC0-1.0", seed=row.seed, lineage_json="{}",
        )
        for row in augmented
    ]  # fmt: skip
    _save(workspace, "manifest", ManifestRow, rows)
    return rows


def _train(workspace: Workspace, manifest: Sequence[ManifestRow]) -> None:
    features = [
        FeatureRow(item_id=r.item_id, subset=r.subset, split=r.split, latent_row=i, video_row=None, text_rows=(i,),
                   duration_s=r.duration_s, truth_peak=0.8)
        for i, r in enumerate(manifest)
    ]  # fmt: skip
    _save(workspace, "precompute", FeatureRow, features)
    write_json(workspace.path("precompute", "features.json"), {"specs": SPECS})
    rng = np.random.default_rng(0)
    metrics = [
        TrainMetric(
            step=step, loss=float(0.4 + 1.4 * np.exp(-step / 180) + 0.05 * rng.standard_normal()),
            val_loss=float(0.45 + 1.35 * np.exp(-step / 180)) if step % 100 == 0 else None, grad_norm=0.5,
            lr=1e-3 * min(1.0, step / 50), samples_per_s=float(41 + rng.standard_normal()), data_wait_share=0.02,
            steps_per_s=2.6, mfu=None, peak_memory_gib=1.2,
            loss_by_t=tuple(float(0.9 - 0.5 * np.sin(np.pi * (i + 0.5) / 10)) for i in range(10)),
        )
        for step in range(10, 810, 10)
    ]  # fmt: skip
    write_table(workspace.table("train", TrainMetric.TABLE), TrainMetric, metrics)


SPECS = {
    "codec": {"name": "embedded_16k", "weights_sha256": "a" * 64, "placeholder": True},
    "text": {"name": "minilm", "weights_sha256": "b" * 64, "placeholder": True},
    "clip": {"name": "efficientnet_lite0", "weights_sha256": "c" * 64, "placeholder": True},
    "sync": {"name": "motion", "weights_sha256": "", "placeholder": True},
}


def _generated(
    workspace: Workspace, manifest: Sequence[ManifestRow], clip_s: float, replacements: Sequence[str]
) -> list[Generated]:
    videos = [row for row in manifest if row.video_path]
    rows = []
    for task in (name for name in TASKS if name != "edit"):
        for number in range(4):
            parent = videos[number % len(videos)] if task != "tta" else manifest[5 + number // 2]
            rng = np.random.default_rng(number)
            times = [max(0.0, t + rng.normal(0, 0.03)) for t in parent.event_times_s]
            if task == "tta":
                times = list(np.arange(0.3, clip_s - 0.3, 0.3 if number % 2 else 0.9))
            name = f"{task}-{number:03d}"
            path = workspace.path("generate", "audio", f"{name}.flac")
            write_flac(path, strikes(times, clip_s, pitch_hz=520 + 40 * number, seed=99 + number), RATE)
            prompt = parent.caption if task in ("vta", "fe") else "" if task == "ac-vta" else "A stick strikes glass."
            if task == "tta":
                prompt = f"Someone knocks on wood {'fast' if number % 2 else 'slowly'}."
            if task == "tc-vta" and number < len(replacements):
                prompt = replacements[number]
            rows.append(
                Generated(
                    item_id=name, case_id=name, case_group=task, checkpoint="trained",
                    parent_id=parent.item_id, task=task, prompt=prompt,
                    reference_id=videos[(number + 1) % len(videos)].item_id if task == "ac-vta" else None,
                    audio_path=workspace.relative(path), audio_sha256="3" * 64, sample_rate_hz=RATE,
                    duration_s=clip_s, scored_from_s=3.0 if task == "fe" else 0.0, scored_to_s=clip_s, cfg_scale=4.5,
                    steps=25, seed=7 + number // 2, checkpoint_sha256="d" * 64, weights_json=to_json(SPECS),
                )
            )  # fmt: skip
    _save(workspace, "generate", Generated, rows)
    return rows


def _scores(workspace: Workspace, generated: Sequence[Generated]) -> None:
    _save(workspace, "judge", Judgement, judgements(generated))
    _save(workspace, "score", ClipScore, clip_scores(generated))
    write_table(workspace.table("evaluate", Score.TABLE), Score, scores())
