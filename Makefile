# Everything installs itself: `make demo` and `make test` work on a fresh Debian/Ubuntu machine with Python 3.11.
PYTHON ?= python3
VENV ?= .venv
LLM ?= auto
WORKSPACE ?= workspace
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
.PHONY: demo test lint setup system clean

demo: setup
	$(BIN)/foleygenex demo --workspace $(WORKSPACE) --llm $(LLM)

test: setup lint
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy

setup: system $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,llm]'
	touch $@

system:
	@sh tasks/install_system_packages.sh

clean:
	rm -rf $(VENV) $(WORKSPACE)
