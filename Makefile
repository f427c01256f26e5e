PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: install demo test campaign chaos storm lint format ui clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "nba_pipeline needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another: make install PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: install
	$(BIN)/nba-pipeline demo $(ARGS)

ui: install
	$(BIN)/nba-pipeline ui

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/dagster definitions validate

test: install lint
	$(BIN)/pytest -n auto $(ARGS)

campaign: install
	$(BIN)/pytest -n auto -m campaign $(ARGS)

chaos: install
	$(BIN)/python -m nba_pipeline_tests.chaos.storm $(ARGS)

storm: install
	$(BIN)/pytest -n 0 -m campaign nba_pipeline_tests/automation/test_storm.py $(ARGS)

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis
