#!/bin/sh
# Resolve the versions of all lock files anew, with the hashes of every wheel.
set -eu
python="${1:-python3}"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pip-tools
compile="$folder/venv/bin/pip-compile -q --generate-hashes --no-emit-index-url
    --no-emit-trusted-host --no-emit-find-links --no-header --no-annotate --strip-extras
    --allow-unsafe"
$compile -o enclave-worker/requirements-worker.lock enclave-worker/pyproject.toml
$compile -c enclave-worker/requirements-worker.lock --extra dimse -o requirements-dev.lock \
    pyproject.toml requirements-dev.in
$compile -c enclave-worker/requirements-worker.lock -c requirements-dev.lock \
    -o requirements-scene.lock requirements-scene.in
$compile -o requirements-peers.lock requirements-peers.in
$compile -o requirements-peers-dvh.lock requirements-peers-dvh.in
