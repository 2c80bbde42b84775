# Bare `make` lists the targets. PYTHON=python3.13 chooses another Python (3.11 or later);
# PORT=4600 another port for the local stack, which takes the next three too.
PYTHON ?= python3
PORT ?=
EVENT ?=
STAGE ?=
EMAIL ?=
AT_ONCE ?=
MANDRILL ?=
END ?=
RAW ?=
ID ?=
JSON ?=
SECONDS ?=
OFFLINE ?=
MODULE ?=
COUNT ?=
SEED ?=

export PYTHON
unexport PORT EVENT STAGE EMAIL AT_ONCE MANDRILL END RAW ID JSON OFFLINE SECONDS MODULE COUNT SEED
setup := @$(PYTHON) tools/minimum_python.py && $(PYTHON) tools/bootstrap.py
bin := .local/venv/bin
python := $(bin)/python
tools := $(python) -m tools
port := $(if $(PORT),--port '$(PORT)')
json := $(if $(JSON),--json)

.DEFAULT_GOAL := help
.PHONY: help run up down demo console invoke logs mailbox notifications seeds reset outage rie build bench unit test faults scale fuzz mutants check audit load deploy adopt verify docs picture lock clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "  make %-15s %s\n", $$1, $$2}'

run: ## Start the local stack, create one appointment, follow the log until Ctrl-C
	$(setup) venv sam ministack
	@$(tools) run $(port)

up: ## Start the local stack in the background; deploy what has changed
	$(setup) venv sam ministack
	@$(tools) up $(port)

down: ## Stop the local stack; its data stays
	$(setup) venv
	@$(tools) down

demo: ## Create one more appointment on the local stack
	$(setup) venv sam ministack
	@$(tools) demo $(port)

invoke: ## Send a file to the deployed function: make invoke EVENT=events/http-api.json
	$(setup) venv sam ministack
	@$(tools) invoke $(port) $(if $(EVENT),'$(EVENT)')

console: ## Open the operators' console of the local stack (its URL has a random key)
	$(setup) venv sam ministack
	@$(tools) console $(port)

logs: ## Show one line per request, and follow until Ctrl-C (RAW=1: the log as it is)
	$(setup) venv
	@$(tools) logs $(if $(RAW),--raw)

mailbox: ## Show the emails last sent (JSON=1: for programs)
	$(setup) venv
	@$(tools) mailbox $(json)

notifications: ## Show the notifications last published (ID=: one, as a person gets it; JSON=1)
	$(setup) venv
	@$(tools) notifications $(if $(ID),'$(ID)') $(json)

seeds: ## Show the seeded tokens and records (JSON=1)
	$(setup) venv
	@$(tools) seeds $(json)

reset: ## Bring the local stack's data back to what it was after the first start
	$(setup) venv
	@$(tools) reset

outage: ## Rehearse an outage: make outage MANDRILL=down (or slow, hang, invalid-key), END=1 ends it
	$(setup) venv
	@$(tools) outage $(if $(MANDRILL),--mandrill '$(MANDRILL)') $(if $(END),--end)

rie: ## Invoke the function with each file of events/ under Lambda's real Runtime Interface Emulator
	$(setup) venv sam ministack rie
	@$(tools) rie $(port)

bench: ## Measure the function against its baselines and write bench/REPORT.md (about 17 minutes)
	$(setup) venv sam ministack rie bench
	@.local/bench/bin/python -m bench

build: ## Build the package for AWS (LAMBDA_RUNTIME=, LAMBDA_ARCHITECTURE=) and print its size
	$(setup) venv sam
	@$(tools) build

unit: ## Run the tests that need no AWS, in seconds
	$(setup) venv
	@$(python) -m pytest --numprocesses 2 tests/unit

test: ## Run all tests, on a stack of their own
	$(setup) venv sam ministack rie openapi node
	@$(python) -m pytest --numprocesses 2 --ignore tests/stack
	@$(python) -m pytest -rs tests/stack

faults: ## Run all pairs of faults, and every order of two deliveries (about two hours)
	$(setup) venv
	@$(python) -m tests.faults

scale: ## Measure in virtual time how fast it recovers, and write docs/scale.md (about an hour)
	$(setup) venv
	@$(python) -m tests.scale

mutants: ## Change the code in one place at a time and list what no test notices (MODULE=, COUNT=, SEED=)
	$(setup) venv
	@$(python) -m tools.checks.mutants $(if $(MODULE),--module $(MODULE)) $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED))

fuzz: ## Play generated requests and check each response, then 2,000 made from the OpenAPI document: make fuzz COUNT=20000 SEED=1
	$(setup) venv sam ministack openapi
	@$(python) -m tests.fuzz $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED))
	@SCHEMATHESIS_COUNT=2000 SCHEMATHESIS_SEED=$(or $(SEED),$(shell date +%s)) $(python) -m pytest -q -s -p no:randomly tests/stack/test_schemathesis.py

check: ## Check style, types and the template
	$(setup) venv sam
	@$(bin)/ruff check
	@$(bin)/ruff format --check
	@$(bin)/mypy
	@.local/sam/bin/cfn-lint template.yaml
	@SAM_CLI_TELEMETRY=0 __SAM_CLI_APP_DIR=.local/sam-home .local/sam/bin/sam validate

audit: ## Scan the template, the code and the locks for known weaknesses (OFFLINE=1: without the locks)
	$(setup) venv sam audit
	@$(tools) audit $(if $(OFFLINE),--offline)

load: ## Load a stack of its own for three minutes while its parts fail in turn; compare the tables with the responses
	$(setup) venv sam ministack locust
	@$(tools) load $(if $(SECONDS),--seconds $(SECONDS))

deploy: ## Deploy what is committed and passes every check: make deploy STAGE=dev (AT_ONCE=1)
	$(setup) venv sam
	@$(tools) deploy $(STAGE) $(if $(AT_ONCE),--at-once)

verify: ## Verify a deployment by real requests: make verify STAGE=dev EMAIL=you@example.com (or STAGE=local)
	$(setup) venv
	@$(if $(filter local,$(STAGE)),eval "$$($(bin)/admin local-env)" && )$(bin)/admin --stack 'appointments-$(STAGE)' verify --email '$(or $(EMAIL),$(if $(filter local,$(STAGE)),verify@planomatic.test))' $(json)

adopt: ## Make a deleted stack anew around the tables, logs and secret that it retained: make adopt STAGE=dev
	$(setup) venv sam
	@$(tools) adopt $(STAGE)

docs: ## Record docs/examples.json; write the reference, the OpenAPI document and docs/callers.html
	$(setup) venv
	@$(python) -m tests.documents
	@$(python) -m tools.documents.reference
	@$(python) -m tools.callers_page

picture: ## Record the README's first five minutes on the local stack, as docs/first-steps.svg
	$(setup) venv sam ministack
	@$(python) -m tools.documents.first_steps

lock: ## Renew the locked versions of everything
	$(setup)
	@$(PYTHON) -m tools.release.lock

clean: ## Stop the local stack and remove all that was made here
	@test ! -x $(python) || $(tools) down
	rm -rf docs/callers.html .local .aws-sam .mypy_cache .pytest_cache .ruff_cache .hypothesis
