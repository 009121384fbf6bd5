"""What importing the generator loads: sampling code and no training code, encoder or heavy library."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

_LIST_MODULES = "import json, sys; import {module}; print(json.dumps(sorted(sys.modules)))"


def loaded_by(module: str) -> set[str]:
    """Returns the modules that a fresh process has after importing one."""
    command = [sys.executable, "-c", _LIST_MODULES.format(module=module)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return set(json.loads(run.stdout.splitlines()[-1]))


def within(names: set[str], package: str) -> set[str]:
    return {name for name in names if name == package or name.startswith(f"{package}.")}


@pytest.fixture(scope="module")
def generator() -> set[str]:
    return loaded_by("model.generate")


@pytest.mark.parametrize(
    "package",
    [
        "accelerate", "tensorboard", "torch.utils.tensorboard", "pandas", "librosa", "transformers", "nitrous_ema",
        "pydantic", "prefect", "av", "scipy", "tokenizers", "dac", "torchaudio", "matplotlib",
    ],
)  # fmt: skip
def test_importing_the_generator_loads_no_library_that_sampling_does_not_need(
    generator: set[str], package: str
) -> None:
    assert within(generator, package) == set()


@pytest.mark.parametrize(
    "package", ["model.training", "model.codec", "model.encoders", "model.mmaudio", "tasks", "flows"]
)
def test_importing_the_generator_loads_no_training_codec_or_encoder(generator: set[str], package: str) -> None:
    assert within(generator, package) == set()


def test_the_device_chooser_loads_the_names_of_settings_and_nothing_else_of_the_model() -> None:
    assert within(loaded_by("model.devices"), "model") == {"model", "model.config", "model.devices"}
