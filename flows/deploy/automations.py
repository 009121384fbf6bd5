"""Prefect automations: runs whose heartbeats have stopped are marked Crashed; notifications, which ship switched off.

A notification calls one webhook with `{"text": ...}`, as Slack, Mattermost and others take it. `foleygenex deploy
--notify URL` sets its address, `prefect automation resume NAME` switches a notification on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final, cast
from uuid import UUID

from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import CallWebhook, ChangeFlowRunState
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound
from prefect.types import SecretDict
from pydantic import SecretStr

from flows.deploy.shipped import Shipped
from flows.quality_event import QUALITY_EVENT
from flows.settings import TAG

CRASHED: Final = "foleygenex-crashed"
SILENT_AFTER_S: Final = 180
"""Seconds without a heartbeat (one every 30 s, `flows/settings.py`) after which a run is marked Crashed."""
NOTIFICATIONS: Final = {
    "foleygenex-failed-run": ("A run failed", {"prefect.flow-run.Failed", "prefect.flow-run.Crashed"}),
    "foleygenex-late-run": ("A run is late, no worker has started it", {"prefect.flow-run.Late"}),
    "foleygenex-quality-limit": ("A stage is past a quality limit", {QUALITY_EVENT}),
}
"""Name, title and events of each notification."""
WEBHOOK: Final = "foleygenex-notify"
_NO_ADDRESS: Final = "https://webhook.invalid/"  # no such host by RFC 2606: nothing is sent before an address is given
_HEARTBEAT: Final = "prefect.flow-run.heartbeat"
_NOT_RUNNING: Final = (
    "Completed", "Failed", "TimedOut", "Cancelled", "Crashed", "Paused", "Suspended", "Scheduled", "AwaitingRetry",
)  # fmt: skip


def install_automations(
    client: SyncPrefectClient, shipped: Shipped, *, notify: str = "", reset: bool = False
) -> Iterator[str]:
    """Creates the automations, and the webhook that notifications call; yields a line for each that is new or kept.

    Existing notifications are kept as they are unless `reset`, and so is the time after which a silent run counts as
    crashed. Whether an automation is switched on is kept always. `notify` is the webhook's new address.
    """
    flows = [deployment.load().name for deployment in shipped.deployments]
    yield from _install_crash(client, flows, reset=reset)
    webhook = _webhook(client, notify)
    for name, (title, events) in NOTIFICATIONS.items():
        automation = notification(name, title, events, webhook)
        found = _found(client, name)
        if found is None:
            client.create_automation(automation)
            yield f"automation {name}: created, switched off"
        elif reset:
            _replace(client, found, automation)


def _install_crash(client: SyncPrefectClient, flows: Sequence[str], *, reset: bool) -> Iterator[str]:
    found = _found(client, CRASHED)
    if found is None:
        client.create_automation(crash_automation(flows))
        yield f"automation {CRASHED}: created, switched on"
        return
    kept = found.trigger.within if isinstance(found.trigger, EventTrigger) and not reset else None
    silent_after_s = kept.total_seconds() if kept else SILENT_AFTER_S
    _replace(client, found, crash_automation(flows, silent_after_s))
    if silent_after_s != SILENT_AFTER_S:
        yield f"automation {CRASHED}: kept {silent_after_s:g} s without a heartbeat (shipped: {SILENT_AFTER_S} s)"


def crash_automation(flows: Sequence[str], silent_after_s: float = SILENT_AFTER_S) -> AutomationCore:
    """Returns the automation that marks a run of one of the flows as Crashed when its heartbeats stop."""
    trigger = EventTrigger(
        posture=Posture.Proactive,
        after={_HEARTBEAT},
        expect={_HEARTBEAT, *(f"prefect.flow-run.{state}" for state in _NOT_RUNNING)},
        match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
        match_related=ResourceSpecification({"prefect.resource.role": "flow", "prefect.resource.name": list(flows)}),
        for_each={"prefect.resource.id"},
        threshold=1,
        within=timedelta(seconds=silent_after_s),
    )
    message = f"no heartbeat for {silent_after_s:g} s, so its process has ended or is cut off"
    action = ChangeFlowRunState(state=StateType.CRASHED, name="Crashed", message=message)
    described = f"Marks a run as Crashed after {silent_after_s:g} s without a heartbeat."
    return AutomationCore(name=CRASHED, description=described, enabled=True, trigger=trigger, actions=[action])


def notification(name: str, title: str, events: set[str], webhook: UUID) -> AutomationCore:
    """Returns an automation, switched off, that calls the webhook for such an event of a deployment's run."""
    trigger = EventTrigger(
        posture=Posture.Reactive,
        expect=events,
        match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
        match_related=ResourceSpecification({"prefect.resource.id": f"prefect.tag.{TAG}"}),
        threshold=1,
        within=timedelta(0),
    )
    why = "event.payload.message or flow_run.state.message or flow_run.state.name"
    text = f'"{title}: " ~ flow_run.name ~ ": " ~ ({why})'
    payload = f'{{"text": {{{{ ({text} ~ " " ~ ((flow_run | ui_url) or "")) | tojson }}}}}}'
    action = CallWebhook(block_document_id=webhook, payload=payload)
    return AutomationCore(name=name, description=f"{title}.", enabled=False, trigger=trigger, actions=[action])


def _found(client: SyncPrefectClient, name: str) -> Automation | None:
    return next(iter(client.read_automations_by_name(name)), None)


def _replace(client: SyncPrefectClient, found: Automation, automation: AutomationCore) -> None:
    client.update_automation(found.id, automation.model_copy(update={"enabled": found.enabled}))


def _webhook(client: SyncPrefectClient, address: str) -> UUID:
    """Returns the id of the webhook; one that exists keeps its address unless one is given."""
    if not address:
        try:
            return client.read_block_document_by_name(WEBHOOK, "webhook", include_secrets=False).id
        except ObjectNotFound:
            address = _NO_ADDRESS
    headers = SecretDict({"Content-Type": "application/json"})
    return cast(UUID, Webhook(url=SecretStr(address), headers=headers).save(WEBHOOK, overwrite=True))
