"""What `auto` is, is decided once per workspace: another environment changes no finished stage and no writer."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest

from data_contracts import Augmented, Caption, Clip, ServiceError, UsageError, WeightsError, read_table, write_table
from flows.status import status_text
from tasks import choices, inputs
from tasks.choices import CHOOSABLE, choose, with_choices
from tasks.config import PipelineConfig
from tasks.engine.choices import FILE, Choice, choices_text, keep, read_choices
from tasks.engine.workspace import Workspace
from tasks.pipeline import STEPS, Step, find_step
from tasks.steps import run_step, step_state
from tests.conftest import REPOSITORY
from tests.tasks.llm.fake_server import fails, fake_server, says
from tests.tasks.rows import augmented_row, clip_row

AUTO = PipelineConfig.model_validate({"llm": {"max_retries": 0, "retry_wait_s": 0.001, "breaker_probes": 0}})


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("tasks.language.parse.has_parser", lambda: False)
    return Workspace(tmp_path / "w")


def write_augmented(space: Workspace, count: int) -> None:
    said = {
        "caption": "A dog barks quickly",
        "cue_words": "quickly",
        "cue_start": 12,
        "cue_end": 19,
        "cue_pos": "adverb",
    }
    rows = [augmented_row(clip_row(f"c{n}"), "speed", "fast", "very_fast", **said) for n in range(count)]
    write_table(space.table("augment", "augmented"), Augmented, rows)


def writers(space: Workspace) -> set[str]:
    return {row.writer for row in read_table(space.table("recaption", "captions"), Caption)}


def test_finished_captions_stay_finished_without_the_endpoint_and_new_ones_are_one_line(
    space: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_augmented(space, 2)
    step = find_step("recaption")
    with (
        fake_server(lambda *_: says({"caption": "A dog barks very quickly."})) as server,
        caplog.at_level(logging.INFO),
    ):
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_MODEL", "big")
        run_step(step, AUTO, space)
    assert "llm.backend is endpoint from now on in this workspace" in caplog.text
    before = writers(space)
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.setenv("OPENAI_MODEL", "another")
    assert step_state(step, AUTO, space).finished
    assert run_step(step, AUTO, space).new == 0
    write_augmented(space, 3)
    assert step_state(step, AUTO, space).pending == 1
    with pytest.raises(UsageError, match=r"OPENAI_BASE_URL is not set; set it .* --set llm.backend=rules") as error:
        run_step(step, AUTO, space)
    assert "\n" not in str(error.value)
    rules = PipelineConfig.model_validate({"llm": {"backend": "rules"}})
    assert run_step(step, rules, space).done == 3
    assert writers(space) != before and read_choices(space)["llm.backend"].value == "endpoint"


def test_a_kept_endpoint_that_is_down_stops_the_stage_as_a_named_one_does(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_augmented(space, 12)
    with fake_server(lambda *_: fails(500)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_MODEL", "big")
        with pytest.raises(ServiceError, match="the language model is down"):
            run_step(find_step("recaption"), AUTO, space)


def test_a_workspace_of_the_rules_does_not_take_an_endpoint_that_appears(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_augmented(space, 2)
    run_step(find_step("recaption"), AUTO, space)
    assert {name: one.value for name, one in read_choices(space).items()} == {"llm.backend": "rules"}
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_MODEL", "big")
    assert step_state(find_step("recaption"), AUTO, space).finished


def test_a_miner_that_was_chosen_is_kept_or_missed_in_one_line(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(space.table("ingest", "clips"), Clip, [clip_row("a")])
    step = find_step("mine")
    run_step(step, AUTO, space)
    assert read_choices(space)["mine.parser"].value == "rules"
    monkeypatch.setattr("tasks.language.parse.has_parser", lambda: True)
    assert step_state(step, AUTO, space).finished  # a parser that was fetched since then changes nothing
    spacy = Choice(value="spacy", reason="")
    (space.root / FILE).write_text(json.dumps({"mine.parser": spacy.model_dump()}))
    assert step_state(step, AUTO, space).pending == 1
    with pytest.raises(WeightsError, match=r"mine.parser=spacy .* go on without it: --set mine.parser=rules"):
        run_step(step, AUTO, space)


def test_the_page_lists_every_setting_that_is_decided_once() -> None:
    page = (REPOSITORY / "docs" / "operations.md").read_text("utf-8")
    section = page.split("## What `auto` means in a workspace\n")[1].split("\n## ")[0]
    first = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    named = {name for cell in first for name in re.findall(r"`(\w+\.\w+)`", cell)}
    assert named == {*(one.setting for one in CHOOSABLE), "train.precision", "evaluate.precision"}


def test_only_what_a_stage_needs_is_chosen_and_given_settings_count_as_given(space: Workspace) -> None:
    assert choose("train", AUTO, space) == AUTO and not (space.root / FILE).exists()
    chosen = choose("mine", AUTO, space)
    assert chosen.mine.parser == "rules" and chosen.llm.backend == "auto"
    assert set(read_choices(space)) == {"mine.parser"}
    given = AUTO.model_copy(update={"mine": AUTO.mine.model_copy(update={"parser": "spacy"})})
    assert with_choices(given, space).mine.parser == choose("mine", given, space).mine.parser == "spacy"
    assert read_choices(space)["mine.parser"].value == "rules"


def test_every_choosable_setting_is_open_by_default_but_the_model(space: Workspace) -> None:
    named_by_default = ["llm.model", "evaluate.judges"]  # the judge that is part of the package
    assert [one.setting for one in CHOOSABLE if not one.is_open(AUTO)] == named_by_default
    endpoint = PipelineConfig.model_validate({"llm": {"backend": "endpoint"}})
    assert all(one.is_open(endpoint) for one in CHOOSABLE if one.name == "model")
    for judges, is_open in (("auto", True), (["panns, auto"], True), ([], True), ("panns", False), ("none", False)):
        config = PipelineConfig.model_validate({"evaluate": {"judges": judges}})
        assert [one.is_open(config) for one in CHOOSABLE if one.name == "judges"] == [is_open]
    with pytest.raises(UsageError, match="OPENAI_BASE_URL"):
        choose("recaption", endpoint, space)


def test_the_judges_of_auto_are_those_of_the_first_machine(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    auto = PipelineConfig.model_validate({"evaluate": {"judges": "auto"}})
    monkeypatch.setattr("tasks.evaluate.judging.available", lambda name: name in ("corpus-cnn", "panns"))
    chosen = choose("generate", auto, space).evaluate.judges
    assert set(",".join(chosen).split(",")) >= {"corpus-cnn", "panns"} and "passt" not in ",".join(chosen)
    assert "absent: " in read_choices(space)["evaluate.judges"].reason
    assert ", synchformer, vggish" in read_choices(space)["evaluate.judges"].reason
    monkeypatch.setattr("tasks.evaluate.judging.available", lambda name: True)
    assert with_choices(auto, space).evaluate.judges == choose("judge", auto, space).evaluate.judges == chosen


def test_the_choice_is_made_once(space: Workspace) -> None:
    made = iter((Choice(value="a", reason="first"), Choice(value="b", reason="second")))
    assert [keep(space, "x.y", lambda: next(made)) for _ in range(2)] == ["a", "a"]
    assert json.loads((space.root / FILE).read_text()) == {"x.y": {"value": "a", "reason": "first"}}


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("[]", "is damaged (Input should be a valid dictionary)"),
        ('{"x": 1}', "is damaged at x ("),
        (
            '{"mine.parser": {"value": "", "reason": ""}}',
            "is damaged at mine.parser.value (String should have",
        ),
        ('{"x": {"value": "1"}}', "is damaged at x.reason (Field required)"),
        ("{", "is not valid JSON ("),
    ],
)
def test_a_damaged_file_is_one_line_with_what_is_wrong_and_what_to_do(
    space: Workspace, content: str, wrong: str
) -> None:
    space.root.mkdir()
    path = space.root / FILE
    path.write_text(content)
    with pytest.raises(UsageError) as error:
        choices.with_choices(AUTO, space)
    assert str(error.value).startswith(f"{path} {wrong}")
    assert '"SETTING": {"value": "...", "reason": "..."}' in str(error.value)
    assert "or remove it: then the next run chooses anew" in str(error.value) and "\n" not in str(error.value)


def test_a_value_that_a_setting_cannot_have_is_one_line(space: Workspace) -> None:
    space.root.mkdir()
    (space.root / FILE).write_text(json.dumps({"llm.backend": {"value": "oracle", "reason": ""}}))
    with pytest.raises(UsageError, match=r"llm\.backend cannot be 'oracle'; correct it there, or remove its entry"):
        with_choices(AUTO, space)


def test_the_choices_are_one_line_of_the_status(space: Workspace) -> None:
    assert choices_text(space) == ""
    choose("mine", AUTO, space)
    assert choices_text(space) == "chosen: mine.parser=rules (choices.json)"
    assert status_text(space.root).splitlines()[-1] == choices_text(space)


def settings_of_all(space: Workspace) -> dict[str, object]:
    """Returns the settings that each stage's keys have, as far as they can be listed without its inputs."""
    return {
        step.name: [step.make(with_choices(AUTO, space)).settings(), known_inputs(step, space)]
        for step in STEPS
        if step.name not in ("precompute", "generate", "score", "judge")  # their weights are named, and hashed
    }


def known_inputs(step: Step, space: Workspace) -> object:
    return inputs.known_inputs(step.group, step.outside, with_choices(AUTO, space), space)


def test_once_chosen_nothing_ambient_is_in_a_key(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for stage in ("mine", "recaption", "paraphrase"):
        choose(stage, AUTO, space)
    before = settings_of_all(space)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_MODEL", "big")
    monkeypatch.setenv("OPENAI_API_KEY", "a-secret-key")
    monkeypatch.setattr("tasks.language.parse.has_parser", lambda: True)
    monkeypatch.setattr("tasks.llm.backend.available", lambda _: True)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 8)
    assert settings_of_all(space) == before
