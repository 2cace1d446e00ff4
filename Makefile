# Mart Union: what a person does with it on a laptop. A Python from 3.11 to 3.13, make and git are enough.
#
#   make up [PORT=8080] [EMULATOR_PORT=4566]   the whole network on this machine, with sample data
#   make demo                                  a walk through it
#   make token EMAIL=<of one of the accounts>   an access token of one of the sample's people, for its APIs
#   make down                                  stop it; all data is kept
#   make clean                                 remove it with its data

PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do \
	"$$each" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo "$$each" && break; done)
VENV := .venv
BIN := $(VENV)/bin
PORT ?=
EMULATOR_PORT ?=

export PYTHONPATH := layers/core:functions:.

.PHONY: up down clean demo deploy test test-unit test-integration bench faults breaks machine invariants fuzz check format routes lock token openapi

up: $(VENV)/ready
	@$(BIN)/python -m infra.local up --port "$(PORT)" --emulator-port "$(EMULATOR_PORT)"

down: $(VENV)/ready
	@$(BIN)/python -m infra.local down

clean:
	@if [ -f $(VENV)/ready ]; then $(BIN)/python -m infra.local clean; else rm -rf .local; fi
	@rm -rf $(VENV) build .aws-sam .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find bench infra layers functions tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

demo: up
	@$(BIN)/python -m infra.local.demo

# For the APIs of the network that is up: curl -H "Authorization: Bearer $$(make -s token EMAIL=...)" http://hsinchu.localhost:8080/api/purchases
token: $(VENV)/ready
	@$(BIN)/python -m infra.local token --email "$(EMAIL)"

# What the APIs of a union and of the service center take and answer.
openapi: $(VENV)/ready
	@mkdir -p build
	@$(BIN)/python -m mart_union.web.openapi > build/openapi.json
	@$(BIN)/python -m mart_union.web.center_openapi > build/openapi-center.json
	@echo "build/openapi.json (a union), build/openapi-center.json (the service center)"

# To AWS, with the credentials and region of your own environment; UNION=<id> for a union. It says what it needs.
deploy: $(VENV)/ready
	@$(BIN)/python -m infra.deploy $(UNION)

test: test-unit test-integration

# Fast: no network, no process.
test-unit: $(VENV)/ready
	@$(BIN)/pytest tests/unit tests/template

# Against the emulator: the use cases on real tables, every function's sample events, and a whole network of their own; a process a core.
test-integration: $(VENV)/ready
	@$(BIN)/pytest --numprocesses auto --no-loadscope-reorder tests --ignore=tests/unit --ignore=tests/template

# What operations cost, against bare calls; DOCS=1 also writes docs/performance.md. BENCH="--only handlers" measures that part.
bench: $(VENV)/ready
	@$(BIN)/python -m bench $(if $(DOCS),--docs) $(BENCH)

# Every command, cut off, refused, slowed or killed at each of its requests, then trade at random, a hundred thousand steps: docs/proof.md.
# SEED=7 repeats a whole run. FAULTS="--seed 7 --only checkout" narrows it to those commands, and leaves the trade out.
faults: $(VENV)/ready
	@$(BIN)/python -m tests.faults $(if $(SEED),--seed $(SEED)) $(FAULTS)
	@$(if $(FAULTS),,$(BIN)/python -m tests.machine --steps 100000 --workers 0 $(if $(SEED),--seed $(SEED)))

# Trade at random alone: docs/proof.md. MACHINE="--steps 2000 --seed 7" says how much, and repeats it.
machine: $(VENV)/ready
	@$(BIN)/python -m tests.machine $(MACHINE)

# Every operation of every API, with requests that clients send and that nobody should: docs/proof.md. FUZZ="--seed 7 --examples 20 --only /api/cart" narrows it.
fuzz: $(VENV)/ready
	@$(BIN)/python -m tests.fuzz $(FUZZ)

# Breaks a copy of the tree on purpose, and shows who notices: docs/proof.md. BREAK=<name> names one.
breaks: $(VENV)/ready
	@$(BIN)/python -m tests.faults.breaks $(BREAK)

# Proves the invariants of what the tables of the local network's unions hold now: docs/proof.md. UNION=<id> names one; with AWS=1
# it is the one on AWS, read with the credentials and region of your own environment. LEVEL=listing/<store>/<sku> compares that level with its journal.
invariants: $(VENV)/ready
	@$(BIN)/python -m infra.invariants $(UNION) $(if $(LEVEL),--level $(LEVEL)) $(if $(AWS),--aws)

check: $(VENV)/ready
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m infra.routes --check
	@$(BIN)/python -m infra.procedures --check
	@$(BIN)/cfn-lint template.yaml infra/union.yaml

format: $(VENV)/ready
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

routes: $(VENV)/ready
	@$(BIN)/python -m infra.routes

# The locks name versions and hashes, and no address: the person's own settings say where packages come from.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock: $(VENV)/ready
	@$(COMPILE) $(LOCK_OPTIONS) requirements-dev.in -o requirements-dev.txt
	@$(COMPILE) $(LOCK_OPTIONS) infra/requirements-uv.in -o infra/requirements-uv.txt
	@$(COMPILE) -c requirements-dev.txt layers/dependencies/requirements.in -o layers/dependencies/requirements.txt
	@$(COMPILE) -c requirements-dev.txt --no-deps functions/router/requirements.in -o functions/router/requirements.txt

$(VENV)/ready: requirements-dev.txt infra/requirements-uv.txt
	@if [ -z "$(PYTHON)" ]; then echo "make: no Python from 3.11 to 3.13 is here; install one, or say PYTHON=<path>" >&2; exit 1; fi
	@echo "Making $(VENV) with $$($(PYTHON) --version); this takes a minute, once."
	@$(PYTHON) -m venv --clear $(VENV) || { echo "make: $(PYTHON) cannot make virtual environments; install its venv package" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement infra/requirements-uv.txt
	@$(BIN)/uv pip install --quiet --require-hashes --python $(BIN)/python --requirement requirements-dev.txt
	@touch $(VENV)/ready
