# Everything that a developer types. Each target creates what it needs; only Python >= 3.11 and
# make have to be there.  PYTHON=/path/to/python picks the interpreter.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2

CANDIDATES := python3.14 python3.13 python3.12 python3.11 python3 python
NEW_ENOUGH := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

.DEFAULT_GOAL := help
.PHONY: help install run test check bench bench-scim soak migration lock clean

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile | expand -t 16

install: $(STAMP) ## Create .venv with the pinned, hashed requirements and this project.

$(VENV)/bin/python:
	@for each in $${PYTHON:-$(CANDIDATES)}; do \
	  if "$$each" -c '$(NEW_ENOUGH)' >/dev/null 2>&1; then found=$$each; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "make: no Python 3.11 or newer with its venv module was found (looked for: $${PYTHON:-$(CANDIDATES)})." >&2; \
	  echo "Install one (on Debian: apt-get install python3 python3-venv) or say make PYTHON=/path/to/python." >&2; \
	  exit 1; \
	fi; \
	echo "Creating $(VENV) with $$("$$found" --version)"; "$$found" -m venv $(VENV)

$(STAMP): requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install -qq --no-deps --no-build-isolation -e .
	@touch $@

run: $(STAMP) ## Show it: simulator, gateway, two syncs. ONCE=1 ends there; USERS=, GROUPS=, PORT=.
	$(BIN)/ezto-gateway demo $(if $(ONCE),--once) $(if $(USERS),--users $(USERS)) \
	  $(if $(GROUPS),--groups $(GROUPS)) $(if $(PORT),--port $(PORT))

test: $(STAMP) ## Run the tests on SQLite and on an embedded PostgreSQL. ARGS= go to pytest.
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not soak" $(ARGS)
	@echo "Not part of this: soak tests (make soak), benchmarks (make bench), and what pytest lists above as SKIPPED."

check: $(STAMP) ## Format, lint, strict types, architecture.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP) ## Measure everything.
	$(BIN)/python -m benchmarks $(ARGS)

bench-scim: $(STAMP) ## Measure the SCIM endpoints beside scim2-server. ARGS=--quick for a short run.
	$(BIN)/python -m benchmarks scim $(ARGS)

soak: $(STAMP) ## Search long for what the tests search shortly.
	$(BIN)/python -m pytest -n $(WORKERS) -m soak --hypothesis-profile=soak $(ARGS)

migration: $(STAMP) ## Write the migration that the models ask for. NAME=what_changes
	$(BIN)/python -m storage.migration $(NAME)

PIP_COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options --no-header

lock: $(STAMP) ## Pin the newest requirements that pyproject.toml allows.
	$(PIP_COMPILE) --upgrade --extra dev -o requirements/dev.txt pyproject.toml
	$(PIP_COMPILE) --upgrade -c requirements/dev.txt -o requirements/runtime.txt pyproject.toml

clean: ## Remove what make made, the demo's data included.
	rm -rf $(VENV) build dist *.egg-info data .mypy_cache .ruff_cache .import_linter_cache .hypothesis
