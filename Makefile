# Everything a user types. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
TORCH := torch==2.13.0

.DEFAULT_GOAL := help
.PHONY: help setup experiment known-answers smoke score-card test check bench walkthrough clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

setup: $(VENV)/.installed ## create .venv and install the study into it

experiment: setup ## run the whole study; leaves results/experiment/report.html
	$(BIN)/study run configs/experiment.yaml --update

known-answers: $(VENV)/.samplers ## who is right, where the right words and heads are known; leaves results/known_answers/report.html
	$(BIN)/study run configs/known_answers.yaml --update

smoke: $(VENV)/.samplers ## run every stage of both studies on little data; leaves results/smoke/report.html
	$(BIN)/study run configs/smoke.yaml --update
	$(BIN)/study run configs/known_answers_smoke.yaml --update

score-card: setup ## keep the score card of known_answers where other reports quote it
	$(BIN)/study keep-score-card known_answers

walkthrough: setup ## multi-head attention step by step, on live tensors
	$(BIN)/study walkthrough

test: $(VENV)/.tested ## run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup

check: $(VENV)/.checked ## lint, formatting, types and the import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.tested ## measure speed, memory and estimator errors; writes results/bench.json
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.bench

clean: ## remove the environment and caches; results stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache *.egg-info

# torch first and pinned: left to the other packages it would come in whatever build is newest
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) $(TORCH)
	$(PIP) -e .
	@touch $@

$(VENV)/.samplers: $(VENV)/.installed
	$(PIP) -e '.[samplers]'
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(PIP) -e '.[test]'
	@touch $@

$(VENV)/.checked: $(VENV)/.installed
	$(PIP) -e '.[check]'
	@touch $@
