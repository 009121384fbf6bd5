"""Automations on a real Prefect server: a silent run is marked Crashed, a notification calls the webhook once on."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.events import emit_event
from prefect.states import Completed, Failed, Late, Pending, Running, Submitting

from data_contracts import QualityError
from flows import quality_event
from flows.deploy.automations import (
    CRASHED,
    NOTIFICATIONS,
    UNSTARTED,
    WATCHES,
    WEBHOOK,
    crash_automation,
    install_automations,
)
from flows.deploy.shipped import Shipped, ShippedDeployment
from flows.quality_event import emit_quality_event
from flows.settings import SHIPPED as SETTINGS
from flows.settings import TAG

pytestmark = pytest.mark.server
WAIT_S = 120


@flow(name="night of tests")
def night() -> None:
    """A flow."""


DEPLOYMENT = ShippedDeployment(
    name="night", entrypoint="", description="", tags=(TAG,), work_pool="cpu", load=lambda: night
)
SHIPPED = Shipped(deployments=(DEPLOYMENT,), pull_steps=[])


@pytest.fixture(scope="module")
def client(prefect_backend: None) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as found:
        yield found
        for name in (*(watch.name for watch in WATCHES), *NOTIFICATIONS):
            for automation in found.read_automations_by_name(name):
                found.delete_automation(automation.id)


@pytest.fixture
def hook() -> Iterator[tuple[str, list[Any]]]:
    """An address, and the JSON of each request that it gets."""
    got: list[Any] = []

    class Hook(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/json"
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", got
    server.shutdown()


def wait_for(ready: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WAIT_S
    while not (found := ready()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def new_run(client: SyncPrefectClient, state: Any, **given: Any) -> UUID:
    """Makes the record of a run, without any process."""
    return client.create_flow_run(night, state=state, **given).id


def heartbeat(client: SyncPrefectClient, run: UUID) -> None:
    """Sends what Prefect's engine sends for a run every 30 s."""
    flow_id = client.read_flow_run(run).flow_id
    emit_event(
        "prefect.flow-run.heartbeat",
        resource={"prefect.resource.id": f"prefect.flow-run.{run}"},
        related=[
            {
                "prefect.resource.id": f"prefect.flow.{flow_id}",
                "prefect.resource.role": "flow",
                "prefect.resource.name": night.name,
            }
        ],
    )


def test_a_run_is_silent_only_after_several_heartbeats() -> None:
    assert 3 * int(SETTINGS["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]) <= CRASHED.silent_s


def test_they_are_created_once_and_kept_as_an_operator_has_them(client: SyncPrefectClient) -> None:
    made = list(install_automations(client, SHIPPED))
    assert made == [
        "automation foleygenex-crashed: created, switched on",
        "automation foleygenex-unstarted: created, switched on",
        *(f"automation {name}: created, switched off" for name in NOTIFICATIONS),
    ]
    assert list(install_automations(client, SHIPPED)) == []
    first, late, _ = NOTIFICATIONS
    theirs = client.read_automations_by_name(first)[0]
    client.resume_automation(theirs.id)
    edited = crash_automation(replace(CRASHED, silent_s=600), ["old"]).model_copy(update={"enabled": False})
    client.update_automation(client.read_automations_by_name(CRASHED.name)[0].id, edited)
    assert list(install_automations(client, SHIPPED)) == [
        "automation foleygenex-crashed: kept 600 s of silence (shipped: 180 s)"
    ]
    crash = client.read_automations_by_name(CRASHED.name)[0]
    assert not crash.enabled and crash.trigger.within.total_seconds() == 600
    assert "night of tests" in json.dumps(crash.trigger.model_dump(mode="json")["match_related"])  # the flows of now
    assert list(install_automations(client, SHIPPED, reset=True)) == []
    assert client.read_automations_by_name(CRASHED.name)[0].trigger.within.total_seconds() == CRASHED.silent_s
    names = (*(watch.name for watch in WATCHES), *NOTIFICATIONS)
    enabled = {name: client.read_automations_by_name(name)[0].enabled for name in names}
    assert enabled == {
        CRASHED.name: False, UNSTARTED.name: True, first: True, late: False, "foleygenex-quality-limit": False,
    }  # fmt: skip
    client.pause_automation(theirs.id)


def test_the_address_of_notifications_is_kept_and_changed_on_demand(client: SyncPrefectClient) -> None:
    def address() -> str:
        return str(client.read_block_document_by_name(WEBHOOK, "webhook").data["url"])

    list(install_automations(client, SHIPPED))
    assert address() == "https://webhook.invalid/"  # no host has this name
    list(install_automations(client, SHIPPED, notify="https://hooks.example.com/x"))
    list(install_automations(client, SHIPPED, reset=True))
    assert address() == "https://hooks.example.com/x"


def test_a_run_without_heartbeats_or_that_no_worker_starts_is_marked_crashed_and_no_other(
    client: SyncPrefectClient,
) -> None:
    list(install_automations(client, SHIPPED))
    for watch in WATCHES:
        quick = crash_automation(replace(watch, silent_s=10), [night.name])  # the least that Prefect allows
        client.update_automation(client.read_automations_by_name(watch.name)[0].id, quick)
    silent, alive, done, unknown = (new_run(client, Running()) for _ in range(4))
    for run in (silent, alive, done):
        heartbeat(client, run)
    client.set_flow_run_state(done, Completed())
    taken, submitted, started, again = (new_run(client, Pending()) for _ in range(4))
    client.set_flow_run_state(submitted, Submitting())
    client.set_flow_run_state(started, Running())
    client.set_flow_run_state(again, Running(name="Retrying"))

    def crashed() -> bool:
        if datetime.now(UTC).second % 3 == 0:
            heartbeat(client, alive)
        return all(client.read_flow_run(run).state.type == StateType.CRASHED for run in (silent, taken, submitted))

    wait_for(crashed)
    assert client.read_flow_run(silent).state.message.startswith("no heartbeat for 10 s")
    for run in (taken, submitted):
        assert client.read_flow_run(run).state.message.startswith("a worker took it and did not start it within 10 s")
    types = [client.read_flow_run(run).state.type for run in (alive, done, unknown, started, again)]
    assert types == [StateType.RUNNING, StateType.COMPLETED, *[StateType.RUNNING] * 3]


def test_a_notification_that_is_switched_on_says_which_run_and_why(
    client: SyncPrefectClient, hook: tuple[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, got = hook
    list(install_automations(client, SHIPPED, notify=address))
    for name in NOTIFICATIONS:
        client.resume_automation(client.read_automations_by_name(name)[0].id)
    time.sleep(1)  # the server reads what is switched on in the background
    new_run(client, Failed(message="not of a deployment"), name="a person's")
    new_run(client, Failed(message='disk "full"\n</x>'), name="pipeline of run1", tags=[TAG])
    new_run(client, Late(), name="pipeline of run2", tags=[TAG])
    run = new_run(client, Running(), name="mine of run3", tags=[TAG])
    monkeypatch.setattr(quality_event.runtime.flow_run, "id", str(run), raising=False)
    for deployment in (None, "of a deployment"):
        monkeypatch.setattr(quality_event.runtime.deployment, "id", deployment, raising=False)
        emit_quality_event(QualityError(f"8 of 10 items were written by the rules ({deployment})"))
    wait_for(lambda: len(got) >= 3)
    texts = sorted(one["text"] for one in got)
    assert texts[0].startswith('A run failed: pipeline of run1: disk "full"\n</x>')
    assert texts[1].startswith("A run is late, no worker has started it: pipeline of run2: Late")
    assert "quality limit: mine of run3: 8 of 10 items were written by the rules (of a deployment)" in texts[2]
    assert len(texts) == 3
