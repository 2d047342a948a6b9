# make quickstart   a whole study on this machine, from nothing to the report
# make quick        tests for a developer's loop: every room, in a minute or so
# make test         the whole test suite
# make check        format, lint and types
# make docs         what is generated from the code: docs/config.md, the results' schema
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

# What a developer's loop leaves out.
LONG := slow or multiprocess or browser or notebook or fuzz

.PHONY: quickstart quick test check docs

quickstart: $(VENV)/installed
	$(RUN) -m launch.pipeline --config=configs/phantom_chest.py --workdir=runs/phantom_chest

quick: $(VENV)/installed-test
	$(RUN) -m pytest -q -m 'not ($(LONG))'

test: $(VENV)/installed-test
	$(RUN) -m pytest -q

check: $(VENV)/installed-test
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy

docs: $(VENV)/installed-test
	$(RUN) -m launch.reference --out=docs/config.md
	$(RUN) -c "from synthjax.evaluate.results import results; results.write_schema()"

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
