"""What a checkpoint is asked for under each table's conditions (SPEC G1-G8)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_contracts import FoleyGenExError, GeneratedFile, UsageError, write_table
from tasks.commands.generate.batch import Summary
from tasks.commands.generate.options import GenerateOptions
from tasks.commands.generate.requests import GenerationRequest
from tasks.commands.paper_tables.generation import (
    TableGenerator,
    checkpoint_of,
    variant_of,
    why_not_generated,
)
from tasks.commands.paper_tables.inputs import Files, TableInputs, read_inputs
from tasks.commands.paper_tables.job import make_table
from tasks.evaluate.paper_tables.layout import paper_table
from tasks.media.arrays import write_exact_audio
from tasks.media.audio import decode_audio
from tests.tasks.commands.paper_tables.conftest import NAMES, config, sounds, workspace, write_sounds, write_videos
from tests.tasks.evaluate.fake_judges import FakeJudge

Asked = list[GenerateOptions]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What was asked for; each file gets a second of noise, except those of `clip01`."""
    found: Asked = []

    def run(requests: Sequence[GenerationRequest], session: object, folder: Path, **_: Any) -> Summary:
        failed, made = 0, []
        for number, request in enumerate(requests):
            assert request.options is not None
            found.append(request.options)
            if request.asked_name == "clip01":
                failed += 1
                continue
            rng = np.random.default_rng(number)
            write_exact_audio(request.options.out.with_suffix(".wav"), rng.standard_normal(16_000) * 0.1, 16_000)
            request.options.out.with_suffix(".wav").rename(request.options.out)
            made.append(generated(request.options.out))
        write_table(folder / "generated.parquet", GeneratedFile, made)
        return Summary(len(requests) - failed, 0, failed)

    monkeypatch.setattr("tasks.commands.paper_tables.generation.run_requests", run)
    monkeypatch.setattr("tasks.commands.paper_tables.generation.InferenceSession.of", lambda options: None)
    return found


def generated(path: Path) -> GeneratedFile:
    """Returns a row of the table that the batch writes, in which only the file's name matters here."""
    return GeneratedFile(
        item_id=path.stem, task="tta", asked_name=path.stem, path=path.name, sha256="", key="", text=None,
        duration_s=1.0, windows=1, sample_rate_hz=16_000, seed=0, steps=1, cfg_scale=1.0, checkpoint_sha256="",
        placeholders=(), settings_json="{}",
    )  # fmt: skip


def generate(
    folder: Path,
    number: int,
    name: str,
    files: dict[str, str],
    conditions: tuple[str, ...] = (),
    given: Files | None = None,
    **changes: Any,
) -> None:
    settings = config(folder, number, test_set=files, **changes)
    table = paper_table(number)
    generator = TableGenerator(
        table=table,
        inputs=read_inputs(table, settings.test_set),
        config=settings,
        folder=folder / "generated",
        given=given or {},
    )
    generator.generate(name, Path("builtin"), table.systems.get(name), conditions)


def test_table_1_generates_8_s_from_the_caption_alone(test_set: Path, asked: Asked) -> None:
    generate(test_set, 1, "FoleyGenEx", {"reference": "truth", "captions": "captions.csv"}, steps=3, cfg_scale=2.0)
    one = asked[0]
    assert (one.task, one.text, one.duration_s, one.video) == ("tta", "caption clip00", 8.0, None)
    assert (one.steps, one.cfg_scale, one.variant) == (3, 2.0, None)
    assert len({options.seed for options in asked}) == len(NAMES), "each clip has its own noise"


@pytest.mark.parametrize(("label_text", "text"), [(True, "caption clip00"), (False, None)])
def test_table_2_has_the_video_and_the_label_where_that_is_set(
    test_set: Path, asked: Asked, label_text: bool, text: str | None
) -> None:
    files = {"reference": "truth", "video": "video", "captions": "captions.csv"}
    generate(test_set, 2, "MMAudio", files, table_options={"label_text": label_text})
    assert (asked[0].task, asked[0].text, asked[0].video) == ("vta", text, test_set / "video" / "clip00.mkv")
    assert asked[0].duration_s is None, "the video is shorter than 8 s"


def test_table_3_has_video_and_text(test_set: Path, asked: Asked) -> None:
    generate(test_set, 3, "MMAudio", {"video": "video", "captions": "captions.csv"})
    assert (asked[0].task, asked[0].text) == ("tc-vta", "caption clip00")


@pytest.mark.parametrize(
    ("number", "name", "variant", "own_video"),
    [
        (4, "FoleyGenEx", None, False),
        (4, "MMAudio-S1", "mmaudio-s1", False),
        (4, "MMAudio-S3", "mmaudio-s3", True),
        (7, "FoleyGenEx (w/o summation)", "no-sum", False),
    ],
)  # fmt: skip
def test_tables_4_and_7_have_the_reference_and_the_rows_variant(
    tmp_path: Path, asked: Asked, number: int, name: str, variant: str | None, own_video: bool
) -> None:
    write_videos(tmp_path / "targets", ["t_1.0"])
    write_sounds(tmp_path / "references", sounds(["r_2.0"]))
    (tmp_path / "amt.json").write_text(json.dumps({"t_1.0": ["r_2.0"]}))
    files = {"list_file": "amt.json", "reference": "targets", "references": "references"}
    generate(tmp_path, number, name, files)
    reference = tmp_path / "references" / "r_2.0.wav"
    assert (asked[0].task, asked[0].video, asked[0].variant) == ("ac-vta", tmp_path / "targets" / "t_1.0.mkv", variant)
    assert (asked[0].reference_audio, asked[0].reference_video) == (reference, reference if own_video else None)


@pytest.mark.parametrize(
    ("conditions", "task", "text", "start_s", "duration_s", "context"),
    [
        (("Vt",), "vta", None, 3.0, 5.0, None),
        (("Vt", "Text"), "vta", "caption clip00", 3.0, 5.0, None),
        (("Vt", "Vr"), "vta", None, 0.0, 8.0, None),
        (("Vt", "Ar"), "fe", None, 0.0, 8.0, "crop"),
        (("Vt", "Ar", "Vr"), "fe", None, 0.0, 8.0, None),
        (("Vt", "Text", "Ar", "Vr"), "fe", "caption clip00", 0.0, 8.0, None),
    ],
)
def test_table_5_gives_what_each_row_ticks(
    test_set: Path, asked: Asked, conditions: tuple[str, ...], task: str, text: str | None, start_s: float,
    duration_s: float, context: str | None,
) -> None:  # fmt: skip
    files = {"reference": "truth", "video": "video", "captions": "captions.csv"}
    given = {name: test_set / "given" / f"{name}.wav" for name in NAMES}
    generate(test_set, 5, "M-2", files, conditions, given=given)
    one = asked[0]
    assert (one.task, one.text, one.variant) == (task, text, "m-2")
    assert (one.video_from_s, one.duration_s, one.context_video) == (start_s, duration_s, context)
    assert one.reference_audio == (given["clip00"] if task == "fe" else None)
    assert one.video == test_set / "video" / "clip00.mkv"


@pytest.mark.parametrize(
    ("name", "setting", "context"),
    [("MMAudio", "variant", "blank"), ("M-1", "variant", "crop"), ("FoleyGenEx", "variant", "crop"),
     ("MMAudio", "repeat", "repeat"), ("FoleyGenEx", "blank", "blank")],
)  # fmt: skip
def test_without_vr_a_checkpoint_sees_its_rows_surrogate_or_the_one_that_is_set(
    test_set: Path, asked: Asked, name: str, setting: str, context: str
) -> None:
    files = {"reference": "truth", "video": "video"}
    given = dict.fromkeys(NAMES, test_set / "given.wav")
    options = {"extension_context": setting}
    generate(test_set, 5, name, files, ("Vt", "Ar"), given=given, table_options=options)
    assert {one.context_video for one in asked} == {context}


def test_conditions_that_no_task_has_are_said() -> None:
    captioned = TableInputs(captions={"a": "a dog", "b": ""}, truth={}, videos={})
    silent = TableInputs(captions={"a": ""}, truth={}, videos={})
    assert why_not_generated(("Vt", "Text", "Ar", "Vr"), captioned) is None
    assert why_not_generated((), silent) is None and why_not_generated(("Vt", "Ar"), silent) is None
    assert "needs Vt; name a folder" in (why_not_generated(("Ar", "Vr"), captioned) or "")
    assert "no captions; set evaluate.test_set.captions" in (why_not_generated(("Vt", "Text"), silent) or "")


def test_table_5_of_a_checkpoint_has_every_row_that_can_be_made_and_says_why_not(
    tmp_path: Path, asked: Asked, judges: dict[str, FakeJudge]
) -> None:
    write_sounds(tmp_path / "truth", sounds(NAMES[:3], duration_s=8.0))
    write_videos(tmp_path / "video", NAMES[:3], duration_s=8.0)
    files = {"reference": "truth", "video": "video", "allow": ["missing", "short"]}
    systems = {"FoleyGenEx": "builtin", "MMAudio": "mmaudio-small-16k"}
    table = make_table(config(tmp_path, 5, systems=systems, test_set=files), workspace(tmp_path))
    place = [f"{head.system} {head.name}" for head in table.heads].index("FoleyGenEx CA")
    made = {row.head for row in table.rows if row.cells[place].ours}
    assert made == {"ALL, Vt", "ALL, Vt+Ar", "ALL, Vt+Ar+Vr"}
    given = {options.reference_audio for options in asked if options.task == "fe"}
    assert all(path is not None and decode_audio(path).duration_s == 3.0 for path in given)
    text = "FoleyGenEx (1000, Vt+Text+Ar+Vr), FoleyGenEx (ALL, Vt+Text+Ar+Vr): not computed: Text is given"
    assert any(line.startswith(text) for line in table.lines)
    assert any(line.startswith("MMAudio: not computed: mmaudio-small-16k needs") for line in table.lines)


def test_a_checkpoint_without_labels_is_said_to_get_the_video_alone(
    test_set: Path, asked: Asked, judges: dict[str, FakeJudge]
) -> None:
    files = {"reference": "truth", "video": "video", "allow": ["missing"]}
    table = make_table(config(test_set, 2, systems={"FoleyGenEx": "builtin"}, test_set=files), workspace(test_set))
    assert {options.text for options in asked} == {None}
    assert "the clips have no captions or labels: checkpoints get the video alone" in table.lines


def test_a_generated_clip_that_failed_is_missing_for_all(
    test_set: Path, asked: Asked, judges: dict[str, FakeJudge], caplog: pytest.LogCaptureFixture
) -> None:
    files = {"reference": "truth", "captions": "captions.csv", "allow": ["missing"]}
    settings = config(test_set, 1, systems={"FoleyGenEx": "builtin", "MMAudio": "good"}, test_set=files)
    table = make_table(settings, workspace(test_set))
    counts = {cell.measured.n for row in table.rows for cell in row.cells if cell.measured is not None}
    assert counts == {len(NAMES) - 1}
    assert "1 failed; " in caplog.text


def test_a_file_of_an_earlier_run_is_not_taken_for_a_clip_that_fails_now(
    test_set: Path, asked: Asked, judges: dict[str, FakeJudge]
) -> None:
    files = {"reference": "truth", "captions": "captions.csv"}
    old = test_set / "workspace" / "tables" / "table-1" / "generated" / "FoleyGenEx" / "1-seed-7" / "clip01.flac"
    write_sounds(old.parent, sounds(["clip01"]))
    old.with_suffix(".wav").rename(old)
    settings = config(test_set, 1, systems={"FoleyGenEx": "builtin"}, test_set=files)
    with pytest.raises(FoleyGenExError, match=r"1 missing in evaluate\.systems\.FoleyGenEx \(e\.g\. clip01\)"):
        make_table(settings, workspace(test_set))


def test_a_checkpoint_that_makes_nothing_is_an_error(
    test_set: Path, monkeypatch: pytest.MonkeyPatch, asked: Asked
) -> None:
    monkeypatch.setattr(
        "tasks.commands.paper_tables.generation.run_requests", lambda requests, *_, **__: Summary(0, 0, len(requests))
    )
    with pytest.raises(FoleyGenExError, match=r"no clip could be generated; .*failures\.csv says why"):
        generate(test_set, 1, "FoleyGenEx", {"reference": "truth"})


def test_a_checkpoint_is_builtin_trained_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").touch()
    assert checkpoint_of("x", str(tmp_path / "a.safetensors"), workspace(tmp_path)) == tmp_path / "a.safetensors"
    assert Path(checkpoint_of("x", "builtin", workspace(tmp_path))).is_file()
    with pytest.raises(UsageError, match=r"evaluate\.systems\.x: none is neither a folder .* nor a checkpoint"):
        checkpoint_of("x", "none", workspace(tmp_path))
    with pytest.raises(FoleyGenExError, match="run the train stage"):
        checkpoint_of("x", "trained", workspace(tmp_path))


def test_a_published_network_that_is_not_here_leaves_its_row_empty_with_licence_and_command(
    test_set: Path, asked: Asked, judges: dict[str, FakeJudge], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.weights.checkpoints.ensure", lambda *given: pytest.fail("something was fetched"))
    files = {"reference": "truth", "captions": "captions.csv"}
    systems = {"MMAudio": "mmaudio-small-16k", "mine": "mmaudio-large-44k-v2", "FoleyGenEx": "good"}
    table = make_table(config(test_set, 1, systems=systems, test_set=files), workspace(test_set))
    (line,) = [line for line in table.lines if "mmaudio-small-16k" in line]
    assert line.startswith("MMAudio [13]: not computed: mmaudio-small-16k needs about ")
    assert "CC BY-NC 4.0" in line and "foleygenex weights fetch mmaudio-net-small-16k mmaudio-16k" in line
    assert any(line.startswith("mine (not in the paper): not computed: mmaudio-large-44k-v2") for line in table.lines)
    assert not asked
    assert any(cell.ours for row in table.rows for cell in row.cells), "the other rows are computed"


def test_a_published_network_that_is_here_is_converted_to_what_its_row_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str | None]] = []

    def resolved(name: Path, *, named: str | None) -> Path:
        seen.append((str(name), named))
        return tmp_path / "converted.safetensors"

    monkeypatch.setattr("tasks.commands.paper_tables.generation.why_absent", lambda name: "")
    monkeypatch.setattr("tasks.commands.paper_tables.generation.resolved_checkpoint", resolved)
    system = paper_table(5).systems["MMAudio"]
    found = checkpoint_of("MMAudio", "mmaudio-small-16k", workspace(tmp_path), variant_of(system))
    assert found == tmp_path / "converted.safetensors"
    assert seen == [("mmaudio-small-16k", "mmaudio-s1")]


def test_a_folder_of_a_published_networks_name_is_a_folder(tmp_path: Path) -> None:
    assert config(tmp_path, 1, systems={"a": "mmaudio-small-16k"}).systems == {"a": "mmaudio-small-16k"}
    (tmp_path / "mmaudio-small-16k").mkdir()
    assert config(tmp_path, 1, systems={"a": "mmaudio-small-16k"}).systems == {"a": str(tmp_path / "mmaudio-small-16k")}


def test_how_checkpoints_are_sampled_is_said(test_set: Path, asked: Asked, judges: dict[str, FakeJudge]) -> None:
    files = {"reference": "truth", "captions": "captions.csv", "allow": ["missing"]}
    changes: dict[str, Any] = {"systems": {"FoleyGenEx": "builtin"}, "test_set": files, "steps": 3}
    table = make_table(config(test_set, 1, sampling={"sum_reference": "path"}, **changes), workspace(test_set))
    (line,) = [line for line in table.lines if line.startswith("audio of checkpoints: evaluate.seed = 7 (not said")]
    assert "evaluate.steps = 3, evaluate.cfg_scale = 4.5 (the paper: 25 and 4.5)" in line
    assert line.endswith("evaluate.sampling: sum_reference = path")


def test_each_seed_of_the_settings_is_a_run_of_a_checkpoint(
    test_set: Path, asked: Asked, judges: dict[str, FakeJudge]
) -> None:
    files = {"reference": "truth", "captions": "captions.csv", "allow": ["missing"]}
    systems = {"FoleyGenEx": "builtin", "MMAudio": "good"}
    table = make_table(config(test_set, 6, systems=systems, test_set=files, seeds=[4, 5]), workspace(test_set))
    noise = {options.out.stem: set[int]() for options in asked}
    for options in asked:
        noise[options.out.stem].add(options.seed)
    assert {len(seeds) for seeds in noise.values()} == {2}
    assert len({options.out.parent for options in asked}) == 2
    runs = {cell.measured.runs for row in table.rows for cell in row.cells if cell.measured is not None}
    assert runs == {1, 2}, "the folder is one run"
    assert any(line.startswith("audio of checkpoints: evaluate.seeds = 4, 5 (not said") for line in table.lines)


def test_runs_of_systems_with_like_names_have_folders_of_their_own(
    test_set: Path, asked: Asked, judges: dict[str, FakeJudge]
) -> None:
    files = {"reference": "truth", "captions": "captions.csv", "allow": ["missing"]}
    systems = {"a": ["builtin", "builtin"], "a-1": "builtin", "a-seed-5": "builtin"}
    make_table(config(test_set, 6, systems=systems, test_set=files, seeds=[4, 5]), workspace(test_set))
    assert len({options.out.parent for options in asked}) == 8
    assert len({options.out for options in asked}) == len(asked)


def test_what_is_generated_is_progress(test_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int, str]] = []

    def run(requests: Sequence[GenerationRequest], session: object, folder: Path, *, on_done: Any, **_: Any) -> Summary:
        folder.mkdir(parents=True)
        for request in requests[:2]:
            on_done(f"{request.asked_name}: -20 dBFS")
        write_table(folder / "generated.parquet", GeneratedFile, [])
        return Summary(2, 0, len(requests) - 2)

    monkeypatch.setattr("tasks.commands.paper_tables.generation.run_requests", run)
    monkeypatch.setattr("tasks.commands.paper_tables.generation.InferenceSession.of", lambda options: None)
    table = paper_table(1)
    settings = config(test_set, 1, test_set={"reference": "truth", "captions": "captions.csv"})
    TableGenerator(
        table=table,
        inputs=read_inputs(table, settings.test_set),
        config=settings,
        folder=test_set / "generated",
        on_progress=lambda done, total, note: seen.append((done, total, note)),
    ).generate("mine", Path("builtin"), None)
    assert seen == [(1, len(NAMES), "generate mine"), (2, len(NAMES), "generate mine")]
