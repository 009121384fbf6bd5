"""Prefect automations: runs that are silent are marked Crashed; notifications, which ship switched off.

A notification calls one webhook with `{"text": ...}`, as Slack, Mattermost and others take it. `foleygenex deploy
--notify URL` sets its address, `prefect automation resume NAME` switches a notification on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
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

NOTIFICATIONS: Final = {
    "foleygenex-failed-run": ("A run failed", {"prefect.flow-run.Failed", "prefect.flow-run.Crashed"}),
    "foleygenex-late-run": ("A run is late, no worker has started it", {"prefect.flow-run.Late"}),
    "foleygenex-quality-limit": ("A stage is past a quality limit", {QUALITY_EVENT}),
}
"""Name, title and events of each notification."""
WEBHOOK: Final = "foleygenex-notify"
_NO_ADDRESS: Final = "https://webhook.invalid/"  # no such host by RFC 2606: nothing is sent before an address is given
_HEARTBEAT: Final = "prefect.flow-run.heartbeat"
_TAKEN: Final = frozenset(f"prefect.flow-run.{state}" for state in ("Pending", "Submitting", "InfrastructurePending"))
_RUNNING: Final = frozenset(f"prefect.flow-run.{state}" for state in ("Running", "Retrying", "Rerunning"))
_NOT_RUNNING: Final = frozenset(
    f"prefect.flow-run.{state}"
    for state in (
        "Completed", "Failed", "TimedOut", "Cancelled", "Crashed", "Paused", "Suspended", "Scheduled", "AwaitingRetry",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Marks a run as Crashed when nothing of `expected` follows one of the events `after` within `silent_s` seconds."""

    name: str
    after: frozenset[str]
    expected: frozenset[str]
    silent_s: float
    why: str


CRASHED: Final = Watch(
    name="foleygenex-crashed",
    after=frozenset({_HEARTBEAT}),
    expected=_NOT_RUNNING | {_HEARTBEAT},
    silent_s=180,  # a heartbeat comes every 30 s (`flows/settings.py`)
    why="no heartbeat for {:g} s, so its process has ended or is cut off",
)
UNSTARTED: Final = Watch(
    name="foleygenex-unstarted",
    after=_TAKEN,
    expected=_NOT_RUNNING | _RUNNING | {_HEARTBEAT},
    silent_s=600,  # a container's image may have to be fetched first
    why="a worker took it and did not start it within {:g} s, so the worker has ended or is cut off",
)
WATCHES: Final = (CRASHED, UNSTARTED)


def install_automations(
    client: SyncPrefectClient, shipped: Shipped, *, notify: str = "", reset: bool = False
) -> Iterator[str]:
    """Creates the automations, and the webhook that notifications call; yields a line for each that is new or kept.

    Existing notifications are kept as they are unless `reset`, and so are the times after which a silent run counts as
    crashed. Whether an automation is switched on is kept always. `notify` is the webhook's new address.
    """
    flows = [deployment.load().name for deployment in shipped.deployments]
    for watch in WATCHES:
        yield from _install_watch(client, watch, flows, reset=reset)
    webhook = _webhook(client, notify)
    for name, (title, events) in NOTIFICATIONS.items():
        automation = notification(name, title, events, webhook)
        found = _found(client, name)
        if found is None:
            client.create_automation(automation)
            yield f"automation {name}: created, switched off"
        elif reset:
            _replace(client, found, automation)


def _install_watch(client: SyncPrefectClient, watch: Watch, flows: Sequence[str], *, reset: bool) -> Iterator[str]:
    found = _found(client, watch.name)
    if found is None:
        client.create_automation(crash_automation(watch, flows))
        yield f"automation {watch.name}: created, switched on"
        return
    within = found.trigger.within if isinstance(found.trigger, EventTrigger) and not reset else None
    silent_s = within.total_seconds() if within else watch.silent_s
    _replace(client, found, crash_automation(replace(watch, silent_s=silent_s), flows))
    if silent_s != watch.silent_s:
        yield f"automation {watch.name}: kept {silent_s:g} s of silence (shipped: {watch.silent_s:g} s)"


def crash_automation(watch: Watch, flows: Sequence[str]) -> AutomationCore:
    """Returns the automation that marks a silent run of one of the flows as Crashed."""
    trigger = EventTrigger(
        posture=Posture.Proactive,
        after=set(watch.after),
        expect=set(watch.expected),
        match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
        match_related=ResourceSpecification({"prefect.resource.role": "flow", "prefect.resource.name": list(flows)}),
        for_each={"prefect.resource.id"},
        threshold=1,
        within=timedelta(seconds=watch.silent_s),
    )
    message = watch.why.format(watch.silent_s)
    action = ChangeFlowRunState(state=StateType.CRASHED, name="Crashed", message=message)
    described = f"Marks a run as Crashed: {message}."
    return AutomationCore(name=watch.name, description=described, enabled=True, trigger=trigger, actions=[action])


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
