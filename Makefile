# OpenAisle: every job a person or a machine does in this repository, by name. `make` lists them.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# Passed on: make test ARGS="-k ledger", make demo ARGS="--port 8080", make lock ARGS=--upgrade
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
# Two --quiet: errors only.
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check --no-input

# The first Python that runs and that the lock is made for: a version manager may put names on PATH that do not.
PYTHON = $(shell for name in python3 python3.13 python3.12 python3.11; do \
  "$$name" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
  && echo "$$name" && break; done)
NO_PYTHON := OpenAisle needs Python 3.11, 3.12 or 3.13 with its venv module, and none is on PATH.
need_python = $(if $(PYTHON),,echo "$(NO_PYTHON)" >&2; exit 1)

# Used by `make lock` alone, in an environment thrown away afterwards.
UV_VERSION := 0.13.9

# Measured beside ours by `make bench-tracking`, like those in bench/peers.txt.
BOXMOT_VERSION := 25.0.0
NORFAIR_VERSION := 2.3.0

# Whose exports are read by `make test-architectures`, like those in bench/architectures/libraries.txt.
ULTRALYTICS_VERSION := 8.4.190
DETECTRON2_VERSION := 0.6

.PHONY: help
help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: venv
venv: $(VENV)/.ready ## build .venv with the openaisle command; nothing when it is current
	@:

# A changed lock makes the environment anew, so nothing of the old one stays behind.
$(VENV)/.locked: requirements.lock
	@$(need_python)
	@echo "building $(VENV) with $$($(PYTHON) -V), a minute or two"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --no-deps --only-binary :all: --require-hashes --requirement requirements.lock
	@touch $@

$(VENV)/.ready: $(VENV)/.locked pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: demo
demo: venv ## run the simulated shop live in the browser
	@$(BIN)/openaisle demo $(ARGS)

.PHONY: pictures
pictures: venv ## take the README's pictures: a demo, lived through in a browser
	@$(BIN)/python docs/pictures/take.py

.PHONY: test
test: lint ## everything a change must pass: lint, then the tests
	@$(BIN)/pytest --numprocesses 2 --dist loadfile $(ARGS)

.PHONY: lint
lint: venv ## format, rules, types and layers, without changing anything
	@$(BIN)/ruff format --quiet --check . || { echo 'run: make format' >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/pyright --warnings
	@layers=$$($(BIN)/lint-imports --no-logo --cache-dir .cache/import_linter) || { echo "$$layers" >&2; exit 1; }

.PHONY: format
format: venv ## format the code and mend what the rules can mend
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

.PHONY: lock
lock: ## pin what pyproject.toml asks for in requirements.lock (ARGS=--upgrade for the newest)
	@$(need_python)
	@set -e; scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; \
	$(PYTHON) -m venv "$$scratch"; \
	"$$scratch/bin/pip" install -qq --disable-pip-version-check uv==$(UV_VERSION); \
	"$$scratch/bin/uv" pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	  --extra sim --extra demo --extra stripe --extra dev --generate-hashes --no-emit-index-url --annotation-style line \
	  --custom-compile-command "make lock" --output-file requirements.lock $(ARGS) pyproject.toml; \
	for machine in x86_64 aarch64; do for version in 3.11 3.12 3.13; do \
	  echo "checking that Python $$version on Linux $$machine finds a wheel for every line"; \
	  "$$scratch/bin/uv" pip install --quiet --dry-run --no-deps --only-binary :all: --require-hashes \
	    --python-platform "$$machine-manylinux_2_28" --python-version "$$version" \
	    --target "$$scratch/none" --requirement requirements.lock; \
	done; done

.PHONY: soak
soak: venv ## hours of simulated shop with every fault
	@$(BIN)/pytest -m soak --timeout 0 $(ARGS)

.PHONY: bench
bench: venv ## measure the published figures on this machine
	@$(BIN)/openaisle bench $(ARGS)

# Other trackers and TrackEval, for measuring only. boxmot asks for torch with CUDA (about 6 GB): where it does not
# install, the rest is measured without it. norfair asks for numpy 1, works with 2, and goes in without asking.
PEERS := .cache/peers

$(PEERS)/.ready: bench/peers.txt
	@$(need_python)
	@echo "installing other trackers and TrackEval in $(PEERS)"
	@rm -rf $(PEERS)
	@$(PYTHON) -m venv $(PEERS)
	@set -e; pip="$(PEERS)/bin/python -m pip --quiet --disable-pip-version-check install"; \
	$$pip boxmot==$(BOXMOT_VERSION) || echo "boxmot does not install here: measured without it"; \
	$$pip --requirement bench/peers.txt; \
	$$pip --no-deps norfair==$(NORFAIR_VERSION)
	@touch $@

.PHONY: bench-tracking
bench-tracking: venv $(PEERS)/.ready ## trackers beside other trackers, in one run
	@$(BIN)/openaisle bench tracking --peers $(PEERS) $(ARGS)

# A real Label Studio to test against, in an environment of its own: it brings Django and 100 packages more.
LABEL_STUDIO := .cache/label-studio
LABEL_STUDIO_VERSION := 1.23.2

$(LABEL_STUDIO)/.ready:
	@$(need_python)
	@echo "installing Label Studio $(LABEL_STUDIO_VERSION) in $(LABEL_STUDIO)"
	@rm -rf $(LABEL_STUDIO)
	@$(PYTHON) -m venv $(LABEL_STUDIO)
	@$(LABEL_STUDIO)/bin/python -m pip install --quiet --disable-pip-version-check \
	  label-studio==$(LABEL_STUDIO_VERSION)
	@touch $@

.PHONY: test-labels
test-labels: venv $(LABEL_STUDIO)/.ready ## frames to a real Label Studio, corrected there, and back
	@OPENAISLE_LABEL_STUDIO=$(CURDIR)/$(LABEL_STUDIO)/bin/label-studio \
	  $(BIN)/pytest tests/contracts/test_label_studio.py $(ARGS)

# Torch is not in the lock: a copy of the environment that has it.
WORKSHOP := .cache/workshop
TORCH_VERSION := 2.13.0

$(WORKSHOP)/.ready: requirements.lock pyproject.toml
	@$(need_python)
	@echo "building $(WORKSHOP) with torch $(TORCH_VERSION), some minutes"
	@rm -rf $(WORKSHOP)
	@$(PYTHON) -m venv $(WORKSHOP)
	@set -e; pip="$(WORKSHOP)/bin/python -m pip --quiet --quiet --disable-pip-version-check --no-input"; \
	$$pip install --no-deps --only-binary :all: --require-hashes --requirement requirements.lock; \
	$$pip install torch==$(TORCH_VERSION) onnx; \
	$$pip install --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: test-workshop
test-workshop: $(WORKSHOP)/.ready ## from raw video to a network in service, by the commands of docs/WORKSHOP.md
	@OPENAISLE_WORKSHOP=1 $(WORKSHOP)/bin/pytest tests/simulation/test_workshop.py $(ARGS)

# Human, the library that publishes MoveNet's and NanoDet's package, decodes them beside us; for measuring only.
PUBLISHERS := .cache/publishers

$(PUBLISHERS)/.ready:
	@mkdir -p $(PUBLISHERS)
	@npm install --prefix $(PUBLISHERS) --no-audit --no-fund --ignore-scripts --loglevel=error \
	  @vladmandic/human@3.3.6 @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0
	@touch $@

.PHONY: bench-models
bench-models: venv $(PUBLISHERS)/.ready ## models of people on real pictures (ARGS="--real DATA"), beside their publishers
	@$(BIN)/openaisle bench models --publishers $(PUBLISHERS) $(ARGS)

# Libraries whose exports we read, and what they make of them: for tests only. ultralytics is AGPL and lives by itself;
# MediaPipe asks for numpy 1; of Detectron2, which builds nowhere any more, plain Python is enough. Torch is there once.
LIBRARIES := .cache/architectures
LIBRARIES_TORCH := torch==2.14.1 torchvision==0.29.1

$(LIBRARIES)/.ready: bench/architectures/libraries.txt
	@$(need_python)
	@echo "installing libraries with networks in $(LIBRARIES), about 9 GB"
	@rm -rf $(LIBRARIES)
	@set -e; for name in torch libraries ultralytics mediapipe; do $(PYTHON) -m venv $(LIBRARIES)/$$name; done; \
	install() { name=$$1; shift; "$(LIBRARIES)/$$name/bin/python" -m pip --quiet --disable-pip-version-check install "$$@"; }; \
	install torch $(LIBRARIES_TORCH) setuptools wheel; \
	for name in libraries ultralytics; do \
	  echo $(CURDIR)/$(LIBRARIES)/torch/lib/python*/site-packages \
	    >"$$(echo $(LIBRARIES)/$$name/lib/python*/site-packages)/torch.pth"; \
	done; \
	install libraries --requirement bench/architectures/libraries.txt; \
	"$(LIBRARIES)/libraries/bin/python" -m pip --quiet download --no-deps --no-build-isolation --no-binary :all: \
	  --dest $(LIBRARIES) pb1-detectron2==$(DETECTRON2_VERSION) \
	  && tar --extract --gzip --strip-components 1 --one-top-level=$(LIBRARIES)/sources \
	    --file $(LIBRARIES)/pb1-detectron2-$(DETECTRON2_VERSION).tar.gz \
	  || echo "Detectron2 cannot be had here: tested without it"; \
	{ install ultralytics onnx==1.23.2 onnxruntime==1.32.0 opencv-python-headless matplotlib \
	  pillow polars psutil pyyaml requests scipy tqdm \
	  && install ultralytics --no-deps ultralytics==$(ULTRALYTICS_VERSION) ultralytics-thop; } \
	  || echo "ultralytics does not install here: tested without it"; \
	{ install mediapipe --no-deps mediapipe==0.10.21 \
	  && install mediapipe absl-py attrs flatbuffers matplotlib 'numpy<2' 'opencv-contrib-python-headless<4.12' 'protobuf<5'; } \
	  || echo "MediaPipe does not install here: tested without it"
	@touch $@

$(LIBRARIES)/exports/.made: $(LIBRARIES)/.ready $(wildcard bench/architectures/*.py)
	@mkdir -p $(LIBRARIES)/exports
	@make_exports() { echo "exporting by $$2"; YOLO_CONFIG_DIR=$(LIBRARIES) YOLO_AUTOINSTALL=false \
	  "$(LIBRARIES)/$$1/bin/python" "bench/architectures/$$2.py" $(LIBRARIES)/exports $(LIBRARIES)/sources \
	  >$(LIBRARIES)/exports/$$2.log 2>&1 || { tail -n 1 $(LIBRARIES)/exports/$$2.log; echo "$$2: tested without it"; }; }; \
	make_exports ultralytics yolo; \
	for name in rcnn efficientdet vitpose openpose clips features; do make_exports libraries $$name; done; \
	make_exports mediapipe mediapipe_landmarks
	@touch $@

.PHONY: test-architectures
test-architectures: $(WORKSHOP)/.ready $(LIBRARIES)/exports/.made ## networks of other libraries, read as they read them
	@$(WORKSHOP)/bin/pytest tests/architectures $(ARGS)

.PHONY: clean
clean: ## remove what make made, .venv and out/ included
	@rm -rf $(VENV) out build dist .cache .hypothesis .pytest_cache .ruff_cache .import_linter_cache
	@find src tests -name __pycache__ -prune -exec rm -rf {} +
	@rm -rf src/*.egg-info
