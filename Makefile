# SPDX-License-Identifier: Apache-2.0
# `make help` lists the targets. Each one sets up what it needs in .venv, once.

PYTHON ?= python3
VENV ?= .venv
JOBS ?= auto
RUN ?= runs/demo
PYTEST_ARGS ?=
PIP_ARGS ?=

BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_DOCS := $(VENV)/.ready-docs
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(PIP_ARGS)
CODE := xnorflow quant hw sim bitstreams tests benchmarks docs setup.py

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-all lint format bench bench-area bench-estimates docs clean

help: ## List the targets
	@echo "make TARGET [PYTHON=python3.12] [VENV=.venv] [PIP_ARGS=...]"
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

setup: $(READY) ## Virtual environment in .venv with everything to train, build, simulate and test

demo: $(READY) ## Train a 1-bit network, build its Verilog, and check it bit for bit against PyTorch
	$(BIN)/xnorflow train digits -o $(RUN) --force
	$(BIN)/xnorflow build $(RUN) --clock-mhz 100 --target-fps 500000 --force
	$(BIN)/xnorflow verify $(RUN)

test: $(READY) ## Run the tests, without the slow ones
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow" $(PYTEST_ARGS)

test-all: $(READY) ## Run all tests
	$(BIN)/python -m pytest -n $(JOBS) $(PYTEST_ARGS)

lint: $(READY) ## Format, lint, types, spelling, layer rules: check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/codespell $(CODE) .ci README.md CHANGELOG.md CONTRIBUTING.md Makefile
	$(BIN)/lint-imports

format: $(READY) ## Format the code and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY) ## Measure the speed of the engines
	$(BIN)/python -m benchmarks

bench-area: $(READY) ## Compare LUTs, depth and clock with plain Verilog and with peers
	$(BIN)/python -m benchmarks area

bench-estimates: $(READY) ## Compare estimates of LUTs, flip-flops and block RAMs with synthesis
	$(BIN)/python -m benchmarks estimates

docs: $(READY_DOCS) ## Documentation in docs/_build/html
	$(BIN)/python -m sphinx -E -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

clean: ## Remove everything that was made, but .venv and runs
	rm -rf build dist docs/_build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf .import_linter_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# The extras come in one call of pip, so that constraints.txt (torch, above all) holds for all.
$(READY): pyproject.toml setup.py constraints.txt
	@command -v $(PYTHON) >/dev/null || { \
	  echo "error: there is no '$(PYTHON)': make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; \
	  exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "error: xnorflow needs Python 3.11, 3.12 or 3.13, and '$(PYTHON)' is" \
	    "$$($(PYTHON) --version 2>&1): make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  echo "error: no virtual environment could be made in $(VENV)" \
	    "(Debian, Ubuntu: apt install python3-venv)" >&2; exit 2; }
	@echo "installing packages into $(VENV): about 2 GB, a minute or a few"
	$(INSTALL) -e '.[train,tools,place,board,qonnx,plot,sweep,dev]'
	@touch $@

$(READY_DOCS): $(READY)
	$(INSTALL) -e '.[docs]'
	@touch $@
