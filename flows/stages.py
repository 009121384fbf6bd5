"""One Prefect flow per stage of the pipeline, made from the list of stages (`tasks/pipeline.py`).

Each can be run alone: it reads earlier stages' tables and the workspace's settings. In the UI a run shows its shards as
task runs, a progress artifact, and a summary with the quarantine.
"""

from __future__ import annotations

from inspect import Parameter, Signature
from typing import Any, Final

from prefect import Flow, flow

from flows.runner import run_stage_flow
from flows.runs import given_fields, run_name
from tasks.config import PipelineConfig
from tasks.engine.settings import StageConfig
from tasks.pipeline import STEPS, Step

StageFlow = Flow[Any, dict[str, Any]]
_WORKSPACE: Final = "The run's folder, as the machine that works sees it."
_SETTINGS: Final = (
    "Fields given here replace those stored in the workspace. This form sends all of them: leave it None and use "
    "`changes` for single ones."
)
_CHANGES: Final = "Single settings, as with --set, e.g. {}workers=4. The others stay as they are stored."
_RETRY: Final = "Process the quarantined items again, besides those that are unfinished."
_VERIFY: Final = "Read every file, also those of single items, and make damaged ones again."
_WAIT: Final = "Minutes to wait while another run uses the workspace; with 0 this run ends at once and names the other."


def stage_flow(step: Step) -> StageFlow:
    """The flow of a stage. Prefect makes the UI's form from its signature and its docstring, so both are set."""

    def run(
        workspace: str = "workspace",
        settings: StageConfig | None = None,
        changes: tuple[str, ...] = (),
        retry: bool = False,
        verify_files: bool = False,
        wait_minutes: float = 0,
    ) -> dict[str, Any]:
        given = given_fields(step.group, settings)
        return run_stage_flow(
            step,
            workspace,
            settings=given,
            changes=changes,
            retry=retry,
            verify_files=verify_files,
            wait_minutes=wait_minutes,
        )

    parameters = list(_parameters(step))
    described = "\n".join(f"    {parameter.name}: {text}" for parameter, text in parameters)
    run.__signature__ = Signature(  # type: ignore[attr-defined]
        [parameter for parameter, _ in parameters], return_annotation=dict[str, Any]
    )
    run.__annotations__ = {parameter.name: parameter.annotation for parameter, _ in parameters}
    run.__doc__ = f"{step.description}\n\nArgs:\n{described}\n"
    run.__name__ = run.__qualname__ = step.name
    return flow(name=step.name, flow_run_name=run_name)(run)


def _parameters(step: Step) -> list[tuple[Parameter, str]]:
    """Returns the parameters of a stage's flow with what the form says about each."""

    def parameter(name: str, kind: Any, default: Any, text: str) -> tuple[Parameter, str]:
        return Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=kind), text

    settings = PipelineConfig.model_fields[step.group].annotation if step.group else None
    example = f"{step.example} or " if step.example else ""
    return [
        parameter("workspace", str, "workspace", _WORKSPACE),
        *([parameter("settings", settings | None, None, _SETTINGS)] if settings else []),
        parameter("changes", tuple[str, ...], (), _CHANGES.format(example)),
        *([] if step.single else [parameter("retry", bool, False, _RETRY)]),
        parameter("verify_files", bool, False, _VERIFY),
        parameter("wait_minutes", float, 0, _WAIT),
    ]


STAGE_FLOWS: Final[dict[str, StageFlow]] = {step.name: stage_flow(step) for step in STEPS}
globals().update(STAGE_FLOWS)  # a deployment names its flow as `flows/stages.py:<stage>`
