# `make demo` and `make test` need nothing but Python 3.11 or newer: they make their own environment in .venv.
# Settings:  make demo PYTHON=python3.12           another Python
#            make demo TORCH_INDEX=URL             where torch comes from, such as its CPU-only index
#            make test TESTS='tests/events -k evt3' some tests

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV ?= .venv
TESTS ?= tests
WORKERS ?= 2
TORCH_INDEX ?=
PYTHON ?= $(shell for candidate in python3 python3.11 python3.12 python3.13; do \
	$$candidate -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo $$candidate; break; }; done)

BIN := $(VENV)/bin
PIP := PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip --quiet install --progress-bar off
# Only what is installed is run, never the checkout: no folder is put on the module path behind our back.
RUN := PYTHONSAFEPATH=1
SOURCES := $(shell find neurofer hardware configs -type f -not -path '*/__pycache__/*')

.PHONY: help
help:  ## this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: demo
demo: $(VENV)/installed  ## made-up faces, both backends, demo/report.html (at most 10 minutes on 2 cores)
	@echo "== demo: writing demo/report.html"
	$(RUN) $(BIN)/neurofer demo --out demo

.PHONY: test
test: $(VENV)/installed $(VENV)/packages-for-tests  ## the default tests, against the installed package
	@echo "== tests: $(TESTS)"
	@$(RUN) NEUROFER_EXPECT_INSTALLED=1 NEUROFER_PROGRESS=0 OMP_NUM_THREADS=1 \
		$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m "not slow and not lava" $(TESTS)

.PHONY: lava
lava: $(VENV)/installed $(VENV)/lava  ## Lava, to run chip networks as Loihi does (docs/lava.md)

.PHONY: test-lava
test-lava: $(VENV)/installed $(VENV)/packages-for-tests $(VENV)/lava  ## the tests that need Lava
	@echo "== tests with Lava: $(TESTS)"
	@$(RUN) NEUROFER_EXPECT_INSTALLED=1 NEUROFER_EXPECT_LAVA=1 NEUROFER_PROGRESS=0 OMP_NUM_THREADS=1 \
		$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m lava $(TESTS)

.PHONY: lint
lint: $(VENV)/packages-for-tests  ## ruff
	@echo "== lint"
	@$(BIN)/ruff check .

.PHONY: types
types: $(VENV)/packages-for-tests  ## mypy
	@echo "== types"
	@rm -rf build/types && mkdir -p build/types
	@cp -r neurofer build/types/neurofer && cp -r hardware build/types/neurofer/hardware
	@mypy=$$(realpath $(BIN)/mypy); cd build/types && $$mypy --config-file ../../pyproject.toml

.PHONY: bench
bench: $(VENV)/installed $(VENV)/packages-for-tests  ## benchmarks against other libraries, on a quiet machine
	$(RUN) $(BIN)/python benchmarks/run.py

.PHONY: docs
docs: $(VENV)/packages-for-tests $(VENV)/packages-for-docs  ## the documents as a site, site/index.html, every link checked
	@echo "== docs: site/index.html"
	@$(RUN) NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@$(RUN) $(BIN)/python docs/make_site/check.py site

.PHONY: clean
clean:  ## remove the environment, builds, caches, the site and the demo
	rm -rf $(VENV) build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis demo
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/made:
	@if [ -z "$(PYTHON)" ]; then \
		echo "error: need Python 3.11 or newer with its venv module; found: $$(python3 --version 2>&1 | head -n 1)." >&2; \
		echo "Install one (Debian, Ubuntu: apt install python3-venv), or name one: make demo PYTHON=/path/to/python3.12" >&2; \
		exit 1; fi
	@echo "== environment: $(VENV) ($$($(PYTHON) --version))"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# torch first and alone: what comes later finds it there and does not choose another build.
$(VENV)/torch: constraints.txt | $(VENV)/made
	@echo "== torch ($$(grep '^torch==' constraints.txt)): the largest download, a few minutes"
	@$(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$$(grep '^torch==' constraints.txt)"
	@$(PIP) "$$(grep '^setuptools==' constraints.txt)"
	@touch $@

$(VENV)/packages: pyproject.toml constraints.txt $(VENV)/torch
	@echo "== packages that neurofer needs"
	@rm -rf build
	@$(PIP) --no-build-isolation -c constraints.txt '.[io,sheets,web]'
	@touch $@

$(VENV)/packages-for-tests: pyproject.toml constraints.txt $(VENV)/packages
	@echo "== packages for tests, lint and types"
	@rm -rf build
	@$(PIP) --no-build-isolation -c constraints.txt '.[io,sheets,snn,tonic,web,bench,onnx,notebook,dev]'
	@touch $@

$(VENV)/packages-for-docs: pyproject.toml constraints.txt $(VENV)/packages-for-tests
	@echo "== packages for the site"
	@rm -rf build
	@$(PIP) --no-build-isolation -c constraints.txt '.[docs]'
	@touch $@

# Lava's own requirements would replace torch and refuse this Python: the extra brings what it does need.
$(VENV)/lava: pyproject.toml constraints.txt requirements-nodeps.txt $(VENV)/packages
	@echo "== Lava ($$(grep '^lava-' requirements-nodeps.txt | paste -sd' '))"
	@rm -rf build
	@$(PIP) --no-build-isolation -c constraints.txt '.[io,sheets,loihi]'
	@$(PIP) --no-deps --ignore-requires-python $$(grep '^lava-' requirements-nodeps.txt)
	@touch $@

# The list of files changes when one is added or removed; its contents are what make compares.
$(VENV)/sources: FORCE | $(VENV)/made
	@printf '%s\n' $(sort $(SOURCES)) | cmp -s - $@ || printf '%s\n' $(sort $(SOURCES)) > $@

$(VENV)/installed: $(SOURCES) $(VENV)/sources README.md LICENSE $(VENV)/packages
	@echo "== neurofer itself, as a wheel into $(VENV)"
	@rm -rf build
	@$(PIP) --no-build-isolation --no-deps --force-reinstall .
	@rm -rf build
	@find $(VENV)/lib -path '*/site-packages/neurofer/*' -name '*.nb[ic]' -delete
	@touch $@

.PHONY: FORCE
FORCE:
