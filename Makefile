# Everything a maintainer runs. `make` alone lists it; every target stands on `setup`.
# Variables: PYTHON (which interpreter .venv is made with), UV=no (do without uv), PORT, ARGS.

PYTHON ?=
UV ?=
PORT ?= 8080
ARGS ?=
BIN := .venv/bin
STAMP := .venv/.ready

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup sandbox test check format bench torture screenshot lock clean

help: ## List what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: $(STAMP) ## Make .venv with the command kajitori and all the tests need (PYTHON=python3.12, UV=no)
	@:

$(STAMP): pyproject.toml requirements.lock tools/setup
	@PYTHON='$(PYTHON)' UV='$(UV)' tools/setup

sandbox: setup ## Start Slack, two clusters, the chat page and the bot on this machine (PORT=8080, ARGS=…)
	@$(BIN)/kajitori sandbox --port $(PORT) $(ARGS)

test: setup ## Run the tests (ARGS='-k canary')
	@$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

check: setup ## Format, lint, types, layers: what CI asks before the tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy bot handlers tests bench
	@$(BIN)/lint-imports

format: setup ## Put the code into the one format and mend what ruff can
	@$(BIN)/ruff check --fix --exit-zero .
	@$(BIN)/ruff format .

bench: setup ## Measure ack latency, throughput, memory and start-up against a bare Bolt app
	@$(BIN)/python -m bench $(ARGS)

torture: setup ## Kill the bot 50 times amid 50 releases and count what is left (minutes; not in CI)
	@$(BIN)/python -m bench.torture $(ARGS)

screenshot: setup ## Take the README's picture of the chat page anew (needs Chromium)
	@$(BIN)/python tools/screenshot.py

lock: setup ## Pin every dependency anew: requirements.lock and tools/uv.txt, without host names
	@tools/lock

clean: ## Remove .venv, the tools beside it and all caches
	rm -rf .venv .venv-tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
