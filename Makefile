# `make` alone prints this menu. Every target sets itself up; nothing needs root.
.DEFAULT_GOAL := menu
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
UV := $(VENV)/bin/uv
RUN := $(VENV)/bin/python -m
SERVE ?= 1
SEED ?= 1
SEEDS ?= 20000
TRIALS ?= 100
INPUTS ?= 1000000
CALLS ?= 10000
CASES ?= 100000
NAME ?= stock
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := $(if $(CI),1,0)

.PHONY: menu install demo test check dist chaos bench docs chromium lock clean

menu: ## this menu
	@echo "zhongtai 中台"; awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## everything that the project needs, into .venv

# uv comes by pip with its hash; everything else comes by uv, from uv.lock.
$(UV): requirements-uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "Python 3.11 is needed; set PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt

$(VENV)/.installed: uv.lock pyproject.toml $(UV)
	$(UV) sync --quiet --frozen --inexact --python $(VENV)/bin/python
	@touch $@

demo: install ## 28 days of real receipts through a real Kafka, every figure checked (SERVE=0 stops it at the end)
	@$(VENV)/bin/zhongtai demo --seed $(SEED) $(if $(filter 0,$(SERVE)),--no-serve,)

test: install ## all tests, those on a real broker included
	$(RUN) pytest

check: install ## ruff, mypy, import contracts, documentation
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(VENV)/bin/lint-imports
	$(RUN) cli.docs --check

dist: $(UV) ## a wheel for an environment of its own, and the versions that it was tested with, into dist/
	rm -f dist/*.whl dist/constraints.txt
	$(UV) build --quiet --wheel --out-dir dist
	$(UV) export --quiet --frozen --no-dev --no-emit-project --no-hashes --no-annotate --output-file dist/constraints.txt
	@ls dist/*.whl dist/constraints.txt

docs: install ## write the generated pages of docs/ again
	$(RUN) cli.docs

chromium: install ## a Chromium for the browser tests, without root (Debian)
	$(RUN) tests.oneservice.console.chromium

CHAOS_sim = tests.chaos.run sim --seeds $(SEEDS) --jobs 2
CHAOS_oneid = tests.chaos.oneid.run --cases $(CASES) --seed $(SEED)
CHAOS_profiles = tests.chaos.oneid.histories --cases $(if $(filter file,$(origin CASES)),10000,$(CASES)) --seed $(SEED)
CHAOS_fuzz = tests.chaos.fuzz.run --inputs $(INPUTS) --seed $(SEED) --jobs 2 --resume
CHAOS_segment = tests.chaos.segment.run --calls $(CALLS) --seed $(SEED)
CHAOS_warehouse = tests.chaos.warehouse.run --trials $(TRIALS) --seed $(SEED) --resume
CHAOS_oneid-stream = tests.chaos.oneid_stream.run --trials $(TRIALS) --seed $(SEED) --resume
CHAOS_edge = tests.chaos.edge.run --trials $(TRIALS) --seed $(SEED) --resume

chaos: install ## long storms: NAME=sim SEEDS=20000, NAME=oneid CASES=100000, NAME=fuzz INPUTS=1000000, NAME=segment CALLS=10000, NAME=warehouse TRIALS=30, or NAME=stock TRIALS=100 SEED=1 (resumable, replayable)
	$(RUN) $(or $(CHAOS_$(NAME)),tests.chaos.real.run $(NAME) --trials $(TRIALS) --seed $(SEED) --resume)

bench: install ## measure beside peers: NAME=stock (ROUNDS= EVENTS= PEERS= CURVE=1), NAME=oneid (PEOPLE= EVENTS= SEED=), NAME=oneid-latency (RATE= SECONDS=), NAME=oneid-lookups (RULINGS= RATE= SEED=), NAME=marts (ROUNDS= DAYS= SEED=), NAME=service (KEYS=)
	$(UV) sync --quiet --frozen --inexact --group bench --python $(VENV)/bin/python
	PATH="$(abspath $(VENV)/bin):$$PATH" $(RUN) bench.run $(NAME)

lock: $(UV) ## resolve uv.lock again after a change of pyproject.toml
	$(UV) lock

clean: ## remove what was built (not .zhongtai/)
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache
