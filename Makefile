# OpenAisle: every job a person or a machine does in this repository, by name. `make` lists them.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

ARGS ?=
VENV := .venv
BIN  := $(VENV)/bin
# One file says that the environment is current; it is older than whatever it was made from, or it is made again.
READY := $(VENV)/.ready

# Two --quiet: errors only.
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check --no-input

.PHONY: help
help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: venv
venv: $(READY) ## build .venv with the openaisle command; nothing when it is current

# The first Python that runs and is 3.11, 3.12 or 3.13: a version manager's stub may be on PATH yet not run.
$(READY): requirements.lock pyproject.toml
	@python=; for name in python3 python3.13 python3.12 python3.11; do \
	  if "$$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then \
	    python=$$name; break; fi; done; \
	if [ -z "$$python" ]; then \
	  echo 'OpenAisle needs Python 3.11, 3.12 or 3.13 with venv, and none is on PATH: install one, then run make again.' >&2; exit 1; fi; \
	echo "building $(VENV) with $$($$python -V) (about a minute and a half)"; \
	rm -rf $(VENV) && "$$python" -m venv $(VENV)
	@$(PIP) install --no-deps --only-binary :all: --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: demo
demo: venv ## run the simulated shop live in the browser (ARGS="--help" for options)
	@$(BIN)/openaisle demo $(ARGS)
