# make quickstart   a whole study on this machine, from nothing to the report
# make test         the whole test suite
# make check        format, lint and types
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

.PHONY: quickstart test check

quickstart: $(VENV)/installed
	$(RUN) -m launch.pipeline --config=configs/phantom_chest.py --workdir=runs/phantom_chest

test: $(VENV)/installed-test
	$(RUN) -m pytest -q

check: $(VENV)/installed-test
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.x"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python setup.py constraints.txt
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/installed-test: $(VENV)/bin/python setup.py constraints.txt
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@ $(VENV)/installed
