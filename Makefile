# Everything that is done with this repository, by name. A fresh machine needs Python 3.11, git and make.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON := $(shell for p in python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
STAMP := .venv/setup.stamp
MEMBERS := shared cli $(sort $(wildcard services/*))
PROJECTS := pyproject.toml $(addsuffix /pyproject.toml,$(MEMBERS))
TYPED := shared cli $(wildcard services/*/*_service)
WORKERS ?= 2
BASE ?= HEAD~1
STAY ?= 1

# uv does not read pip's settings: who told pip of a company index or certificate has told uv.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
ifdef PIP_CERT
export SSL_CERT_FILE ?= $(PIP_CERT)
endif

.PHONY: help setup demo test real resilience chaos soak sim check fmt lint types tidy bench bench-memory follow mutants mutants-changed event-names schemas vendored lock lock-check alone secrets

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

setup: $(STAMP) ## Make the virtual environment with everything in requirements.lock (quick when nothing changed)
	@:

$(STAMP): requirements.lock $(PROJECTS)
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || { awk '/^[^ #]/ {wanted = /^uv==/} wanted' requirements.lock > .venv/uv.lock; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r .venv/uv.lock; }
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(addprefix -e ,$(addprefix ./,$(MEMBERS)))
	@touch $@

demo: setup ## Start all services, run the walk-through, stay up and say where to look (STAY=0: end)
	@$(BIN)/fourgates demo $(if $(filter 0,$(STAY)),--no-stay)

test: setup ## Run every test
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal

check: lint types test ## Lint, types and every test, the house rules among them

fmt: setup ## Format and sort imports
	@$(BIN)/ruff check --quiet --fix-only --select I .
	@$(BIN)/ruff format --quiet .

lint: setup ## Check style, format and who imports whom
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: setup ## Check types, strictly
	@$(BIN)/mypy $(TYPED)

tidy: setup ## Check the house rules alone
	@$(BIN)/pytest -q tests/tidy

bench: setup ## Print speed and memory as ratios against a no-op service (bench/README.md)
	@$(BIN)/python -m bench
	@for part in commands rebuild quiet delivery broker recorders; do echo; $(BIN)/python -m bench.$$part; done

bench-memory: setup ## Print memory while BENCH_EVENTS events are published and handled (1000000: some minutes)
	@BENCH_EVENTS=$(or $(BENCH_EVENTS),1000000) $(BIN)/python -m bench.memory

EVENTS ?= 200000
follow: setup ## Follow the log beside 64 writers until EVENTS events are stored, and compare
	@FOURGATES_FOLLOW_EVENTS=$(EVENTS) $(BIN)/pytest -q tests/integration/store/test_many_writers.py -k follower

real: alone ## Start PostgreSQL, Kafka, six processes and a proxy, walk through them, stay up (STAY=0: end)
	@$(BIN)/python -m tests.system.real --installed $(CURDIR)/.venv/alone $(if $(filter 0,$(STAY)),--no-stay)

resilience: setup ## Walk through while processes are killed, Kafka is away and PostgreSQL restarts: KILLS=20 KAFKA_AWAY_S=60 SEED=1
	@$(BIN)/python -m tests.system.fail --kills $(or $(KILLS),20) --kafka-away-s $(or $(KAFKA_AWAY_S),60) --seed $(or $(SEED),1)

chaos: setup ## Let services, servers, replies, the disk and the pool fail under load, and count: ROUNDS=100 SEED=1 ONLY="disk pool"
	@$(BIN)/python -m tests.system.chaos --rounds $(or $(ROUNDS),100) --seed $(or $(SEED),1) $(if $(ONLY),--only $(ONLY))

soak: setup ## Load for MINUTES=30 with nothing failing: memory stays flat, and little is behind
	@$(BIN)/python -m tests.system.chaos.soak --minutes $(or $(MINUTES),30)

sim: setup ## Simulate all services on a faulty store and bus, audited: SEED=7 STEPS=1500, or SEEDS=1000 FIRST=0 WORKERS=2
	@$(BIN)/python -m tests.simulation --steps $(or $(STEPS),1500) $(if $(SEED),--seed $(SEED) $(if $(HISTORY),--history $(HISTORY)),\
		--seeds $(or $(SEEDS),50) --first $(or $(FIRST),0) --workers $(WORKERS))

mutants: setup ## Remove each refusal of the domains once; a test must go red for each
	@$(BIN)/python tests/mutants/mutate.py

mutants-changed: setup ## The same for the refusals in files that changed since BASE
	@$(BIN)/python tests/mutants/mutate.py --changed $(BASE)

event-names: setup ## Add new stored event names to tests/tidy/event_names.txt (names are never removed)
	@$(BIN)/python tests/tidy/event_names.py

schemas: setup ## Write the schemas and tables of docs/ anew from the contracts, unless a reader would break
	@$(BIN)/python -m tests.contracts.compatibility

vendored: setup ## Fetch the console's scripts and styles anew from npm, and list their hashes
	@$(BIN)/python -m tests.vendored

LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	--group dev \
	$(foreach p,$(PROJECTS),--no-emit-package $(shell grep -m1 '^name' $(p) | cut -d'"' -f2)) $(PROJECTS)

lock: setup ## Make requirements.lock anew from all pyproject.toml files, keeping the versions that still fit
	@$(LOCK) --output-file requirements.lock > /dev/null

lock-check: setup ## Check that requirements.lock is what `make lock` would make
	@cp requirements.lock .venv/again.lock
	@$(LOCK) --output-file .venv/again.lock > /dev/null
	@diff requirements.lock .venv/again.lock

alone: setup ## Install each service, and the issuer, alone as the image does; each must start and say what it was not told
	@set -e; for name in issuer $(patsubst services/%-service,%,$(wildcard services/*)); do \
		$(BIN)/python .ci/install_alone.py $$name .venv/alone/$$name; \
		said=$$(env -i .venv/alone/$$name/bin/serve 2>&1) && code=0 || code=$$?; \
		test $$code = 2 && grep -q ^FOURGATES_ <<< "$$said" || { echo "$$name does not start alone: $$said"; exit 1; }; \
		echo "$$name starts alone"; done

secrets: setup ## Make the secrets of docker-compose.yml and k8s/overlays/development, unless they are there
	@$(BIN)/python k8s/make_secrets.py
