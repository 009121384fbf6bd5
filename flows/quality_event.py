"""The event of a stage that ends because it is past a quality limit; an automation notifies of it."""

from __future__ import annotations

from typing import Final

from prefect import runtime
from prefect.events import emit_event

from data_contracts import QualityError
from flows.settings import TAG

QUALITY_EVENT: Final = "foleygenex.quality-limit"


def emit_quality_event(error: QualityError) -> None:
    """Emits the event for the flow run that this is called in. It has the tag of runs that a deployment has started."""
    tag = {"prefect.resource.id": f"prefect.tag.{TAG}", "prefect.resource.role": "tag"}
    emit_event(
        QUALITY_EVENT,
        resource={
            "prefect.resource.id": f"prefect.flow-run.{runtime.flow_run.id}",
            "prefect.resource.name": runtime.flow_run.name or "",
        },
        related=[tag] if runtime.deployment.id else [],
        payload={"message": str(error)},
    )
