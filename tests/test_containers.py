"""Dockerfile and compose.yaml have no lint findings and agree with the checkout that they are for; nothing is built."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.imports import PACKAGES

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DEPLOYMENTS: dict[str, Any] = yaml.safe_load((REPOSITORY / "prefect.yaml").read_text("utf-8"))


def test_the_dockerfile_has_no_finding() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    done = subprocess.run([hadolint, REPOSITORY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_has_every_package_and_file_that_the_installation_needs() -> None:
    copied = set(re.findall(r"^COPY --chown=foley (\w+) \w+$", DOCKERFILE, re.MULTILINE))
    assert copied == set(PACKAGES)
    kept = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text("utf-8").splitlines() if line[0] == "!"}
    (files,) = re.findall(r"^COPY --chown=foley (.*) \./$", DOCKERFILE, re.MULTILINE)
    assert kept == copied | set(files.split())
    assert all((REPOSITORY / name).exists() for name in kept)


def test_the_image_installs_the_programs_of_the_system_script() -> None:
    script = (REPOSITORY / "tasks" / "install_system_packages.sh").read_text("utf-8")
    wanted = set(re.findall(r'packages="\$packages ((?:sox|ffmpeg)[^"]*)"', script))
    assert wanted == {"sox libsox-fmt-all", "ffmpeg"}
    for package in " ".join(wanted).split():
        assert re.search(rf"^.*apt-get install .*\b{package}\b", DOCKERFILE, re.MULTILINE)


def test_it_runs_as_no_root_and_the_flows_are_where_prefect_looks_for_them() -> None:
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["1000"]
    (home,) = re.findall(r"FOLEYGENEX_HOME=(\S+)", DOCKERFILE)
    assert f"WORKDIR {home}\n" in DOCKERFILE
    (pull,) = DEPLOYMENTS["pull"]
    assert "FOLEYGENEX_HOME" in str(pull)


def test_any_user_can_score_folders_with_the_image() -> None:
    (cache,) = re.findall(r"NUMBA_CACHE_DIR=(\S+)", DOCKERFILE)
    assert f"install --directory --mode 1777 {cache}\n" in DOCKERFILE, "a user without a home writes there"
    (code,) = re.findall(r'^RUN umask 0 && .*python -c "(.*?)"$', DOCKERFILE, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(code.replace("\\\n", "").rpartition(";")[0], names)
    assert callable(names["onset_track"]), "the call itself takes seconds"
    page = (REPOSITORY / "docs" / "evaluation.md").read_text("utf-8")
    (line,) = re.findall(r"^docker run .* foleygenex evaluate .*$", page, re.MULTILINE)
    words = shlex.split(line)
    options = dict(pairwise(words))
    assert options["--user"] == "$(id -u):$(id -g)", "the files in scores belong to who started it"
    host, _, folder = options["--volume"].partition(":")
    assert (host, folder) == ("$PWD", options["--workdir"]) and folder in re.findall(r'VOLUME \["(.*)"\]', DOCKERFILE)
    assert not any(options[name].startswith("/") for name in ("--generated", "--reference", "--out"))


def test_every_pool_has_a_worker_and_only_the_gpus_is_on_demand() -> None:
    pools = {deployment["work_pool"]["name"] for deployment in DEPLOYMENTS["deployments"]}
    workers = {name: service for name, service in SERVICES.items() if "worker" in name}
    assert {service["command"][-1] for service in workers.values()} == pools == {"cpu", "gpu"}
    assert [name for name, service in workers.items() if service.get("profiles")] == ["gpu-worker"]
    for worker in workers.values():
        assert "data:/data" in worker["volumes"], "workspaces have one path in all workers"
        assert worker["environment"]["PREFECT_API_URL"] == "http://server:4200/api"


def test_nothing_listens_beyond_this_machine_and_no_password_is_written_down() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:4200:4200"]
    secrets = re.findall(r"PASSWORD: (.*)|prefect:([^@\s]*)@", (REPOSITORY / "compose.yaml").read_text("utf-8"))
    assert [first or second for first, second in secrets] == [
        "${POSTGRES_PASSWORD:?set a password for the database}",
        "${POSTGRES_PASSWORD}",
    ]


def test_services_wait_for_what_they_need_and_images_have_versions() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in SERVICES, name
            if how["condition"] == "service_healthy":
                assert SERVICES[needed]["healthcheck"]["test"][0] == "CMD"
    images = {service["image"] for service in SERVICES.values() if "build" not in service}
    assert images and all(":" in image and not image.endswith(":latest") for image in images)
    assert re.findall(r"^FROM (.*)$", DOCKERFILE, re.MULTILINE) == ["python:3.11-slim-bookworm"]
