# Every target does its own set-up in .venv; a second call finds it done. `make help` lists them.
PYTHON  ?= python3
# The two runtimes overwrite each other's files, so exactly one is installed: which one is asked of the driver.
RUNTIME ?= $(shell nvidia-smi -L >/dev/null 2>&1 && echo gpu || echo cpu)
PYTEST_ARGS ?=
# Which of the slow tests test-slow runs; SLOW="(slow or torch) and not huge" for all but the largest.
SLOW ?= (slow or torch) and not heavy
# Which of the fast tests test-floors runs.
FLOORS ?= tests

BIN     := .venv/bin
INSTALL := -m pip --disable-pip-version-check install --quiet
PIP     := $(BIN)/python $(INSTALL)
BASE    := .venv/.base-$(RUNTIME)
OTHER   := $(if $(filter gpu,$(RUNTIME)),onnxruntime,onnxruntime-gpu)
OTHER_STAMP := .venv/.base-$(if $(filter gpu,$(RUNTIME)),cpu,gpu)

# Compiled modules are kept: the tests start some hundred processes, which would each compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: help quickstart test test-slow test-heavy test-huge test-floors docs-test lint types wheel clean

help:  ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | awk -F '|' '{ printf "  make %-11s %s\n", $$1, $$2 }'

quickstart: $(BASE)  ## From the embedded sample to a trained, saved classifier
	$(BIN)/cnncodes quickstart

test: .venv/.test  ## The fast tests
	$(BIN)/python -m pytest -m "not slow" -n auto --maxprocesses 4 --dist worksteal $(PYTEST_ARGS)

test-slow: .venv/.export  ## The tests marked slow: installs torch
	$(BIN)/python -m pytest -m "$(SLOW)" -n auto --maxprocesses 2 --dist worksteal $(PYTEST_ARGS)

test-heavy: .venv/.export  ## The slow tests that take minutes each
	$(BIN)/python -m pytest -m "heavy and not huge" -n auto --maxprocesses 2 --dist worksteal $(PYTEST_ARGS)

test-huge: .venv/.test  ## Those that take many minutes and 4 GB of disk
	$(BIN)/python -m pytest -m huge $(PYTEST_ARGS)

test-floors: .venv/floors/.made  ## The fast tests with the least versions that pyproject.toml allows
	.venv/floors/bin/python -m pytest $(FLOORS) -m "not slow" -n auto --maxprocesses 4 --dist worksteal $(PYTEST_ARGS)

docs-test: .venv/.test  ## Examples in the README and in docstrings
	$(BIN)/python -m pytest tests/test_docs.py $(PYTEST_ARGS)

lint: .venv/.dev  ## ruff
	$(BIN)/ruff check .

types: .venv/.dev  ## mypy, strict
	$(BIN)/mypy

wheel: .venv/.dev  ## Build dist/cnncodes-*.whl
	rm -rf dist
	$(BIN)/python -m build --wheel --outdir dist .

clean:  ## Remove .venv, builds and caches
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find codes tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("cnncodes needs Python 3.11 or newer; $(PYTHON) is %s. Say which one to use: make PYTHON=python3.12 ..." % sys.version.split()[0])'
	$(PYTHON) -m venv .venv
	@touch $@

$(BASE): .venv/.made pyproject.toml hatch_build.py $(wildcard codes/cnncodes/views/_*.[ch])
	@if [ -e $(OTHER_STAMP) ]; then \
	  $(BIN)/python -m pip uninstall --quiet --yes $(OTHER) && rm -f $(OTHER_STAMP); fi
	$(PIP) --editable '.[$(RUNTIME)]'
	@touch $@

.venv/.test: $(BASE)
	$(PIP) --editable '.[$(RUNTIME),test]'
	@touch $@

# Without torch, whose least version is gigabytes.
.venv/floors/.made: .venv/.made pyproject.toml tests/floors/list_floors.py
	rm -rf .venv/floors
	$(PYTHON) -m venv .venv/floors
	$(BIN)/python tests/floors/list_floors.py cpu report test >.venv/floors/constraints.txt
	.venv/floors/bin/python $(INSTALL) --constraint .venv/floors/constraints.txt --editable '.[cpu,report,test]'
	@touch $@

.venv/.export: .venv/.test
	$(PIP) --editable '.[$(RUNTIME),test,export]'
	@touch $@

.venv/.dev: $(BASE)
	$(PIP) --editable '.[$(RUNTIME),dev]'
	@touch $@
