"""One synthetic workspace with hostile captions, and its report, for all tests of the report."""

from __future__ import annotations

import pytest

from tasks.config import PipelineConfig
from tasks.engine.workspace import Workspace
from tasks.report.collect import Collected, collect
from tasks.report.page import write_report
from tests.tasks.report.sample_workspace import make_workspace

SETTINGS = PipelineConfig().model_dump(mode="json")
HOSTILE = [
    "<script>window.hacked=1</script>",
    "{{7*7}} {% raw %}",
    "\"><img src=x onerror='window.hacked=1'>",
    "</script></style>&",
]


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("report") / "run", captions=HOSTILE, clip_s=3.0, per_level=1)


@pytest.fixture(scope="session")
def page(workspace: Workspace) -> str:
    return write_report(workspace, SETTINGS).read_text("utf-8")


@pytest.fixture
def found(workspace: Workspace) -> Collected:
    return collect(workspace)
