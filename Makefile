# Everything a newcomer needs: `make demo` and `make test` set up what they use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORE := $(shell find core -name '*.rs' -o -name Cargo.toml -o -name Cargo.lock | grep -v '^core/target/')
SOURCES := harness checkers workloads nemeses targets reports tests benchmarks examples

.PHONY: demo test selftest lint bench clean setup
.DEFAULT_GOAL := demo

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml $(CORE)
	@tools/check-base.sh $(PYTHON)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: setup
	$(BIN)/splitbrain compare raft multi-leader --nemesis partition --time 60s --seed 7

test: setup
	@tools/provide.sh
	cargo test --quiet --manifest-path core/Cargo.toml --workspace --exclude splitbrain-python
	tools/test.sh $(BIN)/python $(ARGS)

selftest: setup
	$(BIN)/splitbrain selftest $(ARGS)

lint: setup
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	cargo fmt --manifest-path core/Cargo.toml --all --check
	cargo clippy --quiet --manifest-path core/Cargo.toml --workspace --all-targets -- -D warnings

bench: setup
	for bench in $$(grep -l __main__ benchmarks/*.py); do echo "== $$bench"; $(BIN)/python -m benchmarks.$$(basename $$bench .py) || exit 1; done

clean:
	-test -x $(BIN)/splitbrain && $(BIN)/splitbrain clean
	rm -rf $(VENV) core/target build dist runs .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find $(SOURCES) -name __pycache__ -prune -exec rm -rf {} +
	rm -f harness/_core*.so
