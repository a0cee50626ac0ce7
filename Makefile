# Two commands do everything: `make demo` and `make test`. `make clean` undoes both.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# all but sagemaker, whose SDK wants older versions of what the others want
EXTRAS := flights aws-rehearsal otlp gcp-rehearsal azure-rehearsal databricks-rehearsal
# On all processors, where pip takes one, and ours, too, which many processes would begin with at once;
# what is for other versions of Python may fail.
COMPILE := $(BIN)/python -m compileall -qq -j 0 -x '/tests?/' $(VENV)/lib blocks tasks flows deployments || true
export PYTHONDONTWRITEBYTECODE :=
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test chains spark sail mutants check format lint types layers secrets audit constraints clean

demo: $(VENV)/demo
	$(BIN)/python -m examples.flights.demo

test: $(VENV)/test
	$(BIN)/python -m pytest -n auto --dist worksteal

chains: $(VENV)/test
	$(BIN)/python -m pytest -m slow

# every job brings up a Spark of its own, which a busy machine takes minutes for
spark: $(VENV)/spark/ready
	$(VENV)/spark/bin/python -m pytest -m "slow or not slow" -k spark --timeout 1200 \
		tests/unit/drift tests/unit/validation tests/unit/evaluation tests/unit/databricks \
		tests/conformance/test_processing.py tests/conformance/test_batch.py tests/conformance/test_batch_data.py

sail: $(VENV)/sail/ready
	$(VENV)/sail/bin/python -m pytest -m "slow or not slow" -k sail \
		tests/unit/drift tests/unit/validation tests/unit/evaluation

mutants: $(VENV)/test
	$(BIN)/python -m tests.mutants $(MUTANTS)

check: format lint types layers secrets

format: $(VENV)/test
	$(BIN)/ruff format --check .

lint: $(VENV)/test
	$(BIN)/ruff check .

types: $(VENV)/test
	$(BIN)/mypy

layers: $(VENV)/test
	$(BIN)/lint-imports

secrets: $(VENV)/test
	$(BIN)/detect-secrets-hook --baseline .secrets.baseline $$(git ls-files) || [ $$? -eq 3 ]  # 3: lines moved

audit: $(VENV)/test
	$(BIN)/python -m deployments.dependencies

constraints: $(VENV)/test
	$(BIN)/python -m pip install --quiet uv
	sed -i '/^[^#]/d' constraints.txt
	$(BIN)/uv pip compile --quiet pyproject.toml $(addprefix --extra ,$(EXTRAS)) --group dev --universal \
		--python-version 3.11 --no-annotate --no-header >> constraints.txt

$(VENV)/demo: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable ".[flights]"
	$(COMPILE)
	touch $@

$(VENV)/test: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --group dev \
		--editable ".[flights,aws-rehearsal,gcp-rehearsal,azure-rehearsal,databricks-rehearsal]"
	$(COMPILE)
	touch $@ $(VENV)/demo

# Spark and Java, half a gigabyte, for the tests of Spark alone
$(VENV)/spark/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)/spark
	$(VENV)/spark/bin/python -m pip install --quiet --upgrade pip
	$(VENV)/spark/bin/python -m pip install --quiet --constraint constraints.txt --group dev --group spark \
		--editable ".[aws-rehearsal,gcp-rehearsal,azure-rehearsal,databricks-rehearsal]"
	touch $@

# Sail in place of Spark takes no Java
$(VENV)/sail/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)/sail
	$(VENV)/sail/bin/python -m pip install --quiet --upgrade pip
	$(VENV)/sail/bin/python -m pip install --quiet --constraint constraints.txt --group dev --group sail \
		--editable .
	touch $@

clean:
	@if [ -x $(BIN)/bluewater ]; then $(BIN)/bluewater down --yes || true; fi
	rm -rf .bluewater $(VENV) build examples/*/data *.egg-info .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
