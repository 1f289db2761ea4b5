# `make` lists what there is. Every target does its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-openai3 lint format bench rates clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.demo: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[langchain]' langchain langchain-openai
	@touch $@

$(VENV)/.setup: $(VENV)/.demo tests/requirements.txt
	$(PIP) -e '.[langchain,crewai,autogen,server,postgres,mcp,codex]' -r tests/requirements.txt
	@touch $@

setup: $(VENV)/.setup ## Install everything the tests use into .venv

demo: $(VENV)/.demo ## The whole thing in a minute, offline, without a key
	@$(BIN)/finops demo

test: setup ## Run all tests
	$(BIN)/pytest $(ARGS)

test-openai3: ## Run the framework tests against openai 3 in an environment of its own
	$(PYTHON) -m venv $(VENV)-openai3
	$(VENV)-openai3/bin/pip install --quiet -e '.[langchain,autogen,mcp]' -r tests/requirements-openai3.txt
	$(VENV)-openai3/bin/pytest tests/adapters $(ARGS)

lint: setup ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup ## Put the style right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## Print the figures, ours and the rivals' side by side
	@$(BIN)/python -m bench $(ARGS)

rates: setup ## Make the price snapshot anew from genai-prices
	$(BIN)/python rates/make_snapshot.py

clean: ## Remove what the other targets made
	rm -rf $(VENV) $(VENV)-openai3 build dist test-output .mypy_cache .ruff_cache .hypothesis
