# Everything installs itself: `make demo` and `make test` work on a fresh Debian/Ubuntu machine with Python 3.11.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
LLM ?= auto
WORKSPACE ?= workspace
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
.PHONY: demo test lint setup system clean

demo: setup
	@$(BIN)/foleygenex demo --workspace "$(WORKSPACE)" --llm "$(LLM)"

test: SYSTEM = --tests
test: setup lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report=term

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

setup: system $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@echo "installing Python packages into $(VENV) (about two minutes) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,llm]'
	@touch $@

system:
	@sh tasks/install_system_packages.sh $(SYSTEM)

clean:
	rm -rf $(VENV) $(WORKSPACE)
