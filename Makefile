PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# BigQuery's emulator needs Python 3.13 and lives in an environment of its own; without one its tests are skipped.
PYTHON_3_13 ?= $(firstword $(foreach p,python3.13 $(wildcard $(HOME)/.pyenv/versions/3.13.*/bin/python3.13),\
  $(shell $(p) -c 'print("$(p)")' 2>/dev/null)))
EMULATOR := .emulator

# The two environments are made side by side, and the second beside the linters.
MAKEFLAGS += --jobs=2

.PHONY: install emulator demo test campaign chaos storm benchmark benchmark-commits dagster-bounds lint format ui clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "nba_pipeline needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another: make install PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

emulator: $(EMULATOR)/.installed

ifeq ($(strip $(PYTHON_3_13)),)
$(EMULATOR)/.installed:
	@echo "No Python 3.13: the tests on BigQuery's emulator will be skipped. Name one: make emulator PYTHON_3_13=python3.13"
else
$(EMULATOR)/.installed: emulator-constraints.txt
	$(PYTHON_3_13) -m venv $(EMULATOR)
	$(EMULATOR)/bin/python -m pip install --quiet --disable-pip-version-check --requirement emulator-constraints.txt
	mkdir -p $(EMULATOR)/home/.duckdb/extensions/v1.5.5/linux_amd64
	cp $(EMULATOR)/lib/python3.13/site-packages/duckdb_extension_*/extensions/v1.5.5/*.duckdb_extension \
	  $(EMULATOR)/home/.duckdb/extensions/v1.5.5/linux_amd64/
	@touch $@
endif

demo: install
	$(BIN)/nba-pipeline demo $(ARGS)

ui: install
	$(BIN)/nba-pipeline ui

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/dg check defs

test: install emulator lint
	$(BIN)/pytest -n auto $(ARGS)

campaign: install emulator
	$(BIN)/pytest -n auto -m campaign $(ARGS)

chaos: install
	$(BIN)/python -m nba_pipeline_tests.chaos.storm $(ARGS)

storm: install
	$(BIN)/pytest -n 0 -m campaign nba_pipeline_tests/automation/test_storm.py $(ARGS)

benchmark: install
	$(BIN)/python -m benchmarks.side_by_side $(ARGS)

benchmark-commits: install
	$(BIN)/python -m benchmarks.commits $(ARGS)

# What is private in Dagster, tested with the lowest and the newest one that pyproject.toml allows: their packages lie
# before those of the environment, whose other packages stay.
DAGSTER_BOUNDS ?= 26 28
OF_DAGSTER := dagster dagster-shared dagster-pipes dagster-webserver dagster-graphql
OF_ADAPTER := $(addprefix nba_pipeline_tests/,test_dagster_internals.py test_event_storage.py automation/test_orphans.py automation/test_alert_truth.py)

dagster-bounds: install
	set -e; for minor in $(DAGSTER_BOUNDS); do \
	  rm -rf .dagster-bounds; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target .dagster-bounds \
	    $(OF_DAGSTER:%=%==1.13.$$minor); \
	  PYTHONPATH=$(CURDIR)/.dagster-bounds $(BIN)/pytest -n 0 $(OF_ADAPTER) $(ARGS); \
	done; rm -rf .dagster-bounds

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) $(EMULATOR) .pytest_cache .ruff_cache .hypothesis
