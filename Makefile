# `make` prepares, `make demo` shows the main job, `make test` proves. Nothing is installed by hand.
#
#   make            virtual environment, packages, and the Debian packages that tests compare with
#   make demo       protect, segment and verify with an embedded worker; writes demo-out/
#   make demo CT=D  the same on the CT series in folder D
#   make test       everything that CI runs, in the same order
#   make help       all targets

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
OUT    ?= demo-out
# Peers that the tests run as they are: another CMS, another DICOM validator and re-identifier.
DEBIAN := openssl dicom3tools libgdcm-tools
LOCKS  := enclave-worker/requirements-worker.lock requirements-dev.lock
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: all help debian demo test test-core lint types bench bench-segmentation vectors cmake-lists lock clean
.DEFAULT_GOAL := all

all: .make/installed debian

help:
	@sed -n 's/^#   //p' Makefile
	@echo "make test-core  the unit tests"
	@echo "make lint       ruff and mypy --strict"
	@echo "make bench      measured tables; WRITE=1 keeps them in Testing/benchmarks/results.md"
	@echo "make vectors    rebuild the protocol's test vectors"
	@echo "make lock       resolve the locked versions anew"
	@echo "make clean      remove what make made"

.make/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; say which with PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || \
		{ sh Testing/tools/debian.sh python3-venv && $(PYTHON) -m venv $(VENV); }
	@mkdir -p .make && touch $@

.make/installed: .make/venv $(LOCKS) pyproject.toml enclave-worker/pyproject.toml
	$(BIN)/python -m pip install -q --require-hashes $(addprefix -r ,$(LOCKS))
	$(BIN)/python -m pip install -q --no-deps -e . -e enclave-worker
	@touch $@

debian:
	@sh Testing/tools/debian.sh $(DEBIAN)

demo: .make/installed
	$(BIN)/python Testing/demo/demo.py --out "$(OUT)" $(if $(CT),--ct "$(CT)")

lint: .make/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test-core: .make/installed
	$(BIN)/pytest -q -n auto --dist loadfile Testing/Unit

test: all lint
	$(BIN)/pytest -q -n auto --dist loadfile Testing/Unit Testing/Integration

bench: .make/installed
	$(BIN)/python Testing/benchmarks/run.py $(if $(WRITE),--write)

vectors: .make/installed
	$(BIN)/python -m Testing.vectors.make_vectors

cmake-lists: .make/installed
	$(BIN)/python Testing/host/update_cmake_lists.py

lock:
	sh Testing/tools/lock.sh $(PYTHON)

clean:
	rm -rf $(VENV) .make .mypy_cache .ruff_cache .hypothesis demo-out
