"""The flows are made from the list of steps: typed forms with descriptions, and deployments that agree."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from prefect import Flow

from flows import stages
from flows.ablations import ablations
from flows.claims import claims
from flows.paper_table import paper_table
from flows.pipeline import pipeline
from flows.stages import STAGE_FLOWS
from flows.train_codec import train_codec
from flows.train_judge import train_judge
from tasks.config import PipelineConfig
from tasks.pipeline import STEPS, Step
from tests.conftest import REPOSITORY

DEPLOYMENTS = yaml.safe_load((REPOSITORY / "prefect.yaml").read_text("utf-8"))["deployments"]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_stages_form_has_its_settings_with_their_types_and_descriptions(step: Step) -> None:
    flow = STAGE_FLOWS[step.name]
    assert getattr(stages, step.name) is flow and flow.name == step.name
    form = flow.parameters
    before = ["workspace", *(["settings"] if step.group else []), "changes"]
    expected = [*before, *([] if step.single else ["retry"]), "verify_files", "wait_minutes"]
    assert list(form.properties) == expected
    assert all(parameter["description"] for parameter in form.properties.values())
    assert "required" not in form.model_dump(exclude_none=True) or not form.required
    if step.group:
        kind = PipelineConfig.model_fields[step.group].annotation
        assert kind is not None and kind.__name__ in form.definitions
        fields = form.definitions[kind.__name__]["properties"]
        assert set(fields) == set(kind.model_fields)
        assert step.example in form.properties["changes"]["description"]


def test_a_stages_flow_passes_on_what_the_form_gave(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def run(step: Step, workspace: str, **given: Any) -> None:
        seen.append((step.name, workspace, given))

    monkeypatch.setattr(stages, "run_stage_flow", run)
    settings = PipelineConfig().mine.model_validate({"parser": "rules"})
    STAGE_FLOWS["mine"].fn(workspace="w", settings=settings, changes=("workers=4",), retry=True)
    STAGE_FLOWS["report"].fn(verify_files=True, wait_minutes=5)
    retried = {"retry": True, "verify_files": False, "wait_minutes": 0}
    verified = {"retry": False, "verify_files": True, "wait_minutes": 5}
    assert seen == [
        ("mine", "w", {"settings": {"mine": {"parser": "rules"}}, "changes": ("workers=4",), **retried}),
        ("report", "workspace", {"settings": {}, "changes": (), **verified}),
    ]


def test_wrong_settings_are_refused_before_the_flow_runs() -> None:
    from prefect.exceptions import ParameterTypeError

    with pytest.raises(ParameterTypeError, match="settings"):
        STAGE_FLOWS["mine"].validate_parameters({"workspace": "w", "settings": {"parser": "magic"}})


def test_the_deployments_of_the_stages_are_the_list_of_steps() -> None:
    named = {deployment["name"]: deployment for deployment in DEPLOYMENTS}
    assert [name for name in named if name in STAGE_FLOWS] == [step.name for step in STEPS]
    for step in STEPS:
        deployment = named[step.name]
        assert deployment["entrypoint"] == f"flows/stages.py:{step.name}"
        assert deployment["tags"] == ["foleygenex", *step.tags]
        assert deployment["work_pool"]["name"] == step.pool


def test_every_deployment_is_described_as_its_flow_and_sends_the_stages_logs() -> None:
    flows: dict[str, Flow[Any, Any]] = {
        **STAGE_FLOWS,
        "pipeline": pipeline,
        "ablations": ablations,
        "claims": claims,
        "paper-table": paper_table,
        "train-codec": train_codec,
        "train-judge": train_judge,
    }
    assert {deployment["name"] for deployment in DEPLOYMENTS} == set(flows)
    for deployment in DEPLOYMENTS:
        described = flows[deployment["name"]].description or ""
        assert deployment["description"] == described.splitlines()[0]
        assert "PREFECT_LOGGING_EXTRA_LOGGERS" in deployment["work_pool"]["job_variables"]["env"]
