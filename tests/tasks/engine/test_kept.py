"""What is kept: one copy for all threads, the same place in a worker, gone with the stage that made it."""

from __future__ import annotations

import gc
import pickle
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import pytest

from tasks.engine import kept
from tasks.engine.kept import Kept
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.generate_stage import GenerateStage
from tasks.evaluate.score_stage import ScoreStage
from tasks.precompute.config import PrecomputeConfig
from tasks.precompute.stage import PrecomputeStage
from tests.conftest import REPOSITORY


class Network:
    """Something large."""


def test_threads_share_one_copy() -> None:
    place, loads = Kept[Network](), []

    def load() -> Network:
        loads.append(threading.get_ident())
        return Network()

    threads = [threading.Thread(target=lambda: place.get(load)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1


def test_one_value_at_a_time_and_a_new_one_for_a_new_key() -> None:
    place, other = Kept[Network](), Kept[Network]()
    first = place.get(Network, "a")
    assert place.get(Network, "a") is first
    gone = weakref.ref(first)
    del first
    assert place.get(Network, "b") is not None and gone() is None
    second = weakref.ref(place.get(Network, "b"))
    assert other.get(Network) is not None
    assert second() is None, "networks of two stages are not held together"


def test_it_is_gone_with_the_stage_that_made_it() -> None:
    place = Kept[Network]()
    held = weakref.ref(place.get(Network))
    copy = pickle.loads(pickle.dumps(place))
    assert copy.get(Network) is held(), "a copy is the same place"
    del copy
    gc.collect()
    assert held() is not None, "a copy's end is not the stage's"
    del place
    gc.collect()
    assert held() is None and not kept._held


def test_a_load_that_fails_keeps_nothing() -> None:
    place = Kept[Network]()

    def fail() -> Network:
        raise OSError("no file")

    with pytest.raises(OSError, match="no file"):
        place.get(fail)
    assert place.get(Network) is not None


WORKER = """
import pickle, sys
for shard in range(3):
    place = pickle.load(open(sys.argv[1], "rb"))
    print(place.get(lambda: f"loaded for shard {shard}"))
"""


def test_a_worker_loads_once_for_all_its_shards(tmp_path: Path) -> None:
    """Each shard that comes to a worker brings its own copy of the stage."""
    (tmp_path / "stage").write_bytes(pickle.dumps(Kept[str]()))
    command = [sys.executable, "-c", WORKER, str(tmp_path / "stage")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["loaded for shard 0"] * 3


@pytest.mark.parametrize(
    "stage", [PrecomputeStage(PrecomputeConfig()), GenerateStage(EvaluateConfig()), ScoreStage(EvaluateConfig())]
)
def test_stages_that_load_networks_can_be_sent_to_workers(stage: PrecomputeStage | GenerateStage | ScoreStage) -> None:
    sent = pickle.loads(pickle.dumps(stage))
    assert sent == stage and sent.uses_gpu
    assert sent.kept.get(lambda: "network") == stage.kept.get(lambda: "another")
