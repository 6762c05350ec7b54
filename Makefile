# Guichê. `make` lists what there is; `make run` starts all of it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
UV := uv==0.13.9
PIP = VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode \
	--config-settings editable_mode=compat --constraint constraints.txt
SEED ?= 1
.PHONY: help install install-dev run stop logs reset fmt lint types imports test check migrate topics simulator \
	bench docs check-way check-bot check-accept check-kill check-faults check-rebuild check-upgrade check-red storm

help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

$(VENV)/.local: pyproject.toml constraints.txt
	@test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV); $(BIN)/python -m pip install --quiet --disable-pip-version-check $(UV); }
	$(PIP) -e '.[local]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt
	@test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV); $(BIN)/python -m pip install --quiet --disable-pip-version-check $(UV); }
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.local

install: $(VENV)/.local ## the virtual environment, with what `run` needs

install-dev: $(VENV)/.dev ## the same, with the tools and tests

run: install ## PostgreSQL, Kafka, all services, simulated customers; BROKERS=3, REPLICAS=2, GUICHE_SIMULATE=0
	@GUICHE_BROKERS=$(BROKERS) GUICHE_REPLICAS=$(REPLICAS) exec $(BIN)/guiche run

stop: ## end what `run` started
	@if test -x $(BIN)/guiche; then $(BIN)/guiche stop; fi

logs: ## follow the logs of all processes
	@tail -n 20 -F .run/logs/*.log

reset: install ## end it and forget all data, keys and ports
	@$(BIN)/guiche reset

migrate: install ## bring the database of DATABASE_URL to its newest form
	@$(BIN)/guiche migrate

topics: install ## create the topics that are missing
	@$(BIN)/guiche topics

simulator: install ## Meta's API alone, on SIMULATOR_PORT
	@exec $(BIN)/python -m deploy.simulator

fmt: install-dev ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: install-dev ## ruff, without changing anything
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: install-dev ## basedpyright, strict
	$(BIN)/basedpyright --project pyproject.toml

imports: install-dev ## who may import whom
	$(BIN)/lint-imports

test: lint types imports ## all checks of the code, then all tests on real servers
	$(BIN)/pytest

check: test ## what has to pass before a change goes in

docs: install-dev ## write anew what is generated from the code: messages.md, verbs.md, asyncapi.yaml, nodes of flows
	@$(BIN)/python -m tests.docs

check-way: install-dev ## one message, all the way, against an oracle: SEED=1
	@$(BIN)/python -m tests.checks.way --seed $(SEED) --brokers $(or $(BROKERS),1) --replicas $(or $(REPLICAS),1)

check-bot: install-dev ## 200 customers in the flow while the bot dies at every failpoint: SEED=1
	@$(BIN)/python -m tests.checks.bot --seed $(SEED) --brokers $(or $(BROKERS),1) --replicas $(or $(REPLICAS),1)

check-accept: install-dev ## 2 agents, 500 tickets, 2 processes of tickets: SEED=1
	@$(BIN)/python -m tests.checks.accept --seed $(SEED)

check-kill: install-dev ## check-way on 3 brokers and 2 of each, while everything is killed once: SEED=1
	@$(BIN)/python -m tests.checks.kill --seed $(SEED) --brokers $(or $(BROKERS),3) --replicas $(or $(REPLICAS),2)

check-faults: install-dev ## check-way while faults of chance strike, at whom and when by the seed: SEED=1
	@$(BIN)/python -m tests.checks.faults --seed $(SEED) --brokers $(or $(BROKERS),3) --replicas $(or $(REPLICAS),2)

storm: install-dev ## all checks with other seeds, shapes, kills and faults, until one fails: MINUTES=60
	@$(BIN)/python -m tests.checks.storm --minutes $(or $(MINUTES),60) $(if $(filter command line,$(origin SEED)),--seed $(SEED))

check-rebuild: install-dev ## rebuild, verify and switch the read models at 100 webhooks/s: SEED=1
	@$(BIN)/python -m tests.checks.rebuild --seed $(SEED) --brokers $(or $(BROKERS),1) --replicas $(or $(REPLICAS),1)

check-upgrade: install-dev ## data written by an older commit is opened by this checkout: BASE=7ddf972 SEED=1
	@$(BIN)/python -m tests.checks.upgrade --seed $(SEED) --base $(or $(BASE),7ddf972) --brokers $(or $(BROKERS),1) --replicas $(or $(REPLICAS),1)

check-red: install-dev ## take rules out one by one and see a test go red
	@$(BIN)/python -m tests.checks.red

bench: install-dev ## each number against its floor: ROWS=way,accept TIMES=3, beside another commit's: BASE=7ddf972
	@$(BIN)/python -m bench --rows '$(ROWS)' --base '$(BASE)' --times $(or $(TIMES),3)

