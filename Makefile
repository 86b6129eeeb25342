PYTHON ?= python3

.PHONY: test
test: .venv/.test
	.venv/bin/python -m pytest

.venv/.test: pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/pip install -q -e '.[test]'
	touch $@
