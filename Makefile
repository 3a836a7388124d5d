# `make` prepares, `make demo` shows the main job, `make test` proves. Nothing is installed by hand.
#
#   make            virtual environment, packages, and the Debian packages that tests compare with
#   make demo       protect, segment and verify with an embedded worker; writes demo-out/
#   make demo CT=D  the same on the CT series in folder D
#   make test       everything that CI runs, in the same order; FULL=1 repeats more what is random
#   make help       all targets

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
OUT    ?= demo-out
# Peers that the tests run as they are: another CMS, another DICOM validator and re-identifier, a
# PACS.
DEBIAN := openssl dicom3tools libgdcm-tools orthanc orthanc-dicomweb
# The kernels in C are built with the worker.
DEBIAN_BUILD := gcc libc6-dev
KERNELS := $(wildcard enclave-worker/src/encryptsecurert_rt/native/*.[ch] enclave-worker/src/encryptsecurert_rt/native/*.txt)
# What Qt needs without a screen, and a font that pictures do not depend on a desktop for.
DEBIAN_QT := libegl1 libgl1 libxkbcommon0 libdbus-1-3 libfontconfig1 libglib2.0-0 fonts-dejavu-core
TESTS_test-scene := Testing/Scene
TESTS_test-panel := Testing/Panel
# Slicer's MRML and Qt exist as packages for this platform only.
SCENE := $(if $(filter Linux-x86_64,$(shell uname -s)-$(shell uname -m)),yes)
# Tests often wait for a disk, a socket or a child: one more than there are cores keeps all busy.
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
LOCKS  := enclave-worker/requirements-worker.lock requirements-dev.lock
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: all help debian demo test test-core test-scene test-panel lint bench vectors screenshots sample-data cmake-lists lock clean
.DEFAULT_GOAL := all

all: .make/installed debian

help:
	@sed -n 's/^#   //p' Makefile
	@echo "make test-core  the unit tests"
	@echo "make test-scene what touches a scene, on Slicer's own MRML"
	@echo "make test-panel the panel, with clicks, in a host that stands in for Slicer"
	@echo "make screenshots the pictures of docs/tutorial, and of a report if there is Chromium"
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

.make/installed: .make/venv $(LOCKS) pyproject.toml enclave-worker/pyproject.toml $(KERNELS)
	@sh Testing/tools/debian.sh $(DEBIAN_BUILD)
	$(BIN)/python -m pip install -q --require-hashes $(addprefix -r ,$(LOCKS))
	$(BIN)/python -m pip install -q --no-deps -e . -e enclave-worker
	@touch $@

.make/scene: .make/installed requirements-scene.lock
	$(if $(SCENE),$(BIN)/python -m pip install -q --require-hashes -r requirements-scene.lock)
	$(if $(SCENE),@sh Testing/tools/debian.sh $(DEBIAN_QT))
	@touch $@

debian:
	@sh Testing/tools/debian.sh $(DEBIAN)

demo: .make/installed
	$(BIN)/python Testing/demo/demo.py --out "$(OUT)" $(if $(CT),--ct "$(CT)")

lint: .make/scene
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test-core: .make/installed
	$(BIN)/pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder Testing/Unit

# What measures times that people see does not share the machine with other tests.
test: all lint
	$(BIN)/pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not alone" Testing/Unit Testing/Integration
	$(BIN)/pytest -q -m alone Testing/Integration
	$(MAKE) test-scene test-panel

test-scene test-panel: .make/scene
	$(if $(SCENE),,@echo "NOT RUN: $@ needs Linux on x86-64, where slicer-core can be installed")
	$(if $(SCENE),$(BIN)/pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not alone" $(TESTS_$@))
	$(if $(SCENE),$(if $(filter test-panel,$@),$(BIN)/pytest -q -m alone $(TESTS_$@)))

screenshots: .make/scene
	$(BIN)/python -m Testing.Panel.screenshots docs/tutorial
	$(BIN)/python -m Testing.tools.report_picture docs/dose-report.png

sample-data: .make/installed
	$(BIN)/python Testing/host/make_sample_data.py

.make/peers: requirements-peers.lock
	@$(PYTHON) -m venv $@
	$@/bin/python -m pip install -q --require-hashes -r requirements-peers.lock
	@touch $@

.make/peers-dvh: requirements-peers-dvh.lock
	@$(PYTHON) -m venv $@
	$@/bin/python -m pip install -q --require-hashes -r requirements-peers-dvh.lock
	@touch $@

bench: .make/installed debian .make/peers .make/peers-dvh
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python Testing/benchmarks/run.py $(if $(WRITE),--write)

vectors: .make/installed
	$(BIN)/python -m Testing.vectors.make_vectors

cmake-lists: .make/installed
	$(BIN)/python Testing/host/update_cmake_lists.py

lock:
	sh Testing/tools/lock.sh $(PYTHON)

clean:
	rm -rf $(VENV) .make .mypy_cache .ruff_cache .hypothesis demo-out
