# make demo    trains a network on real data, from a fresh checkout
# make test    runs every check and every test
# Both set up .venv first. PYTHON chooses the interpreter: make PYTHON=/path/to/python3.12 demo

PYTHON ?=
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
BENCH  := .venv-bench

.DEFAULT_GOAL := help
OPTIONS ?=

.PHONY: help demo test check fuzz bench import-time questions format setup browser-setup clean distclean

help:  ## list the targets
	@echo "usage: make TARGET [PYTHON=/path/to/python]"
	@sed -n 's/^\([a-z-]*\):.*## */  \1\t/p' Makefile

demo: $(STAMP)  ## train on scikit-learn's digits and show the result
	$(BIN)/pullback train digits

test: check  ## linters, types, floors, then the tests
	$(BIN)/python -m pytest -n auto -rs

check: $(STAMP)  ## linters, types and floors only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

fuzz: $(STAMP)  ## property tests on many new examples
	$(BIN)/python -m pytest -n auto --hypothesis-profile=fuzz -o faulthandler_timeout=0 tests

bench: $(BENCH)/.installed  ## install the peers and measure; make bench OPTIONS="--quick"
	$(BENCH)/bin/pullback bench $(OPTIONS)

import-time: $(STAMP)  ## measure the time of `import pullback`
	$(BIN)/python benchmarks/import_time.py

questions: $(STAMP)  ## run every experiment and rewrite docs/questions.md with its pictures
	$(BIN)/python tools/questions.py

format: $(STAMP)  ## rewrite the files in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

setup: $(STAMP)  ## set up .venv only

browser-setup:  ## install Debian's Chromium, for the tests that look at pages in a browser
	@sh tools/browser.sh

$(STAMP): pyproject.toml requirements-dev.txt
	@sh tools/setup.sh $(VENV) "$(PYTHON)"
	@touch $@

$(BENCH)/.installed: pyproject.toml requirements-bench.txt
	@sh tools/setup.sh $(BENCH) "$(PYTHON)" requirements-bench.txt
	@touch $@

clean:  ## remove caches and builds
	rm -rf build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## remove .venv and .venv-bench too
	rm -rf $(VENV) $(BENCH)
