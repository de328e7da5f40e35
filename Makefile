# Everything a person or CI does with this checkout. `make` alone prints the targets.
.DEFAULT_GOAL := help
.PHONY: help setup run test proxies bench bench-micro bench-check fmt lint typecheck fuzz lock clean migrate migration

BIN := .venv/bin
ifndef FUZZ_SEED
FUZZ_SEED := $(shell od -An -N4 -tu4 /dev/urandom | tr -d ' ')
endif
export PYTHON FUZZ_SEED m

help:  ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## build .venv from the lock; instant when it is up to date
	@requirements/install.sh

run: setup  ## start the service on embedded PostgreSQL and Valkey (RUN="--reload --port 8080")
	@exec $(BIN)/python -m tbg dev $(RUN)

test: setup lint typecheck  ## everything that must hold: style, types, tests, fuzzing, coverage (TEST=path: a part)
	@echo "fuzzing with a fixed seed and with FUZZ_SEED=$(FUZZ_SEED)"
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(or $(TEST),--cov)

fuzz: setup  ## fuzz for longer than `make test` does (FUZZ_EXAMPLES=200, FUZZ_SEED=...)
	@echo "fuzzing with a fixed seed and with FUZZ_SEED=$(FUZZ_SEED)"
	FUZZ_EXAMPLES=$(or $(FUZZ_EXAMPLES),200) $(BIN)/python -m pytest --numprocesses auto tests/fuzz

proxies: setup  ## test behind real proxies: haproxy, nginx and varnish must be installed
	$(BIN)/python -m pytest --numprocesses auto tests/proxies

bench: setup  ## measure the service against its peers, about 20 minutes (BENCH="--quick", BENCH="--help")
	@requirements/benchmarks.sh
	@PYTHONPATH=src .bench/venv/bin/python -m benchmarks.load $(BENCH)

bench-micro: setup  ## measure each stage of a request in one process (MICRO=--store: keep the figures to compare with)
	@$(BIN)/python -m benchmarks.micro $(MICRO)

bench-check: setup  ## fail if a stage is slower than in another commit (BASE=<commit>, by default the last tag)
	@$(BIN)/python -m benchmarks.micro.check --base "$(BASE)"

fmt: setup  ## format the code and repair what ruff can repair
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: setup  ## check style
	@case "$$(pwd)" in *[]\\[*?{}]*) \
	    echo 'error: ruff takes the characters \ [ ] { } * ? in its path for a pattern: use a checkout in another place' >&2; exit 1 ;; \
	esac
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

typecheck: setup  ## check types
	$(BIN)/python -m mypy

lock: setup  ## compile the lock files anew (LOCK="--upgrade" to take newer versions)
	requirements/lock.sh $(LOCK)

migrate: setup  ## bring the database of TBG_DATABASE_URL to the newest schema
	$(BIN)/python -m tbg migrate

migration: setup  ## write a migration for what has changed in the models (m="add region")
	@$(if $(m),,$(error say what it does: make migration m="add region"))
	@$(BIN)/python -m tbg migration "$$m"

clean:  ## remove .venv, the embedded servers' data and every cache
	@[ ! -x $(BIN)/python ] || $(BIN)/python -c "import pathlib, tbg.dev.state as state; state.clean(pathlib.Path())"
	rm -rf .venv .tbg .bench .coverage .coverage.* htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
