# Two commands do everything: `make demo` and `make test`. `make clean` undoes both.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONDONTWRITEBYTECODE :=
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test chains mutants check audit clean

demo: $(VENV)/demo
	$(BIN)/python -m examples.flights.demo

test: $(VENV)/test
	$(BIN)/python -m pytest -n auto --dist worksteal

chains: $(VENV)/test
	$(BIN)/python -m pytest -m slow

mutants: $(VENV)/test
	$(BIN)/python -m tests.mutants $(MUTANTS)

check: $(VENV)/test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --baseline .secrets.baseline

audit: $(VENV)/test
	$(BIN)/python -m deployments.dependencies

$(VENV)/demo: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[flights]"
	touch $@

$(VENV)/test: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[flights,aws-rehearsal,gcp-rehearsal,azure-rehearsal]" --group dev
	touch $@ $(VENV)/demo

clean:
	@if [ -x $(BIN)/bluewater ]; then $(BIN)/bluewater down --yes || true; fi
	rm -rf .bluewater $(VENV) build *.egg-info .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
