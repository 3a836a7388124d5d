"""The Gramine manifest, filled in: its rules, each with a manifest that breaks it.

This reads TOML; whether Gramine takes it can be seen under Gramine only.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

WORKER = Path(__file__).resolve().parents[2] / "enclave-worker"
TEMPLATE = (WORKER / "encryptsecurert-worker.manifest.template").read_text("utf-8")
CORES = 4
VALUES = {
    "gramine.libos": "/usr/lib/gramine/libsysdb.so",
    "gramine.runtimedir()": "/usr/lib/gramine/runtime/glibc",
    "image": "/image",
    "state": "/var/lib/esrt",
    "cores": str(CORES),
    "max_threads": "16",
    "enclave_size": "8G",
    "edmm": "false",
    "isvsvn": (WORKER / "RELEASE_SVN").read_text("ascii").strip(),
}
_SECRET_NAME = re.compile(
    r"LD_PRELOAD|(PYTHON|GRAMINE_|RA_TLS_).*|.*(_KEY|_TOKEN|_SECRET|PASSWORD)"
)


def _filled(template: str = TEMPLATE) -> str:
    return re.sub(r"{{ (.+?) }}", lambda found: VALUES[found.group(1)], template)


def _keys(value: Any) -> Iterator[str]:
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield name
        yield from _keys(inner)
    for inner in value if isinstance(value, list) else ():
        yield from _keys(inner)


def _mount_faults(manifest: dict[str, Any]) -> Iterator[str]:
    trusted = manifest["sgx"].get("trusted_files", [])
    if manifest["fs"].get("root") != {"type": "tmpfs"}:
        yield "root"
    for mount in manifest["fs"]["mounts"]:
        kind = mount.get("type", "chroot")
        if kind == "encrypted" and mount.get("key_name") != "_sgx_mrenclave":
            yield "sealing key"
        if kind == "chroot" and f"{mount['uri']}/" not in trusted:
            yield "mount that is not trusted"
        if kind not in ("encrypted", "chroot", "tmpfs"):
            yield "kind of mount"


def faults(text: str) -> list[str]:
    """Return the names of the rules that a filled-in manifest breaks."""
    manifest = tomllib.loads(text)
    loader, sgx, system = manifest["loader"], manifest["sgx"], manifest["sys"]
    argv, environment = loader.get("argv", []), loader.get("env", {})
    broken = {
        "debug": sgx.get("debug") is not False,
        "insecure": any(key.startswith("insecure__") for key in _keys(manifest)),
        "allowed files": "allowed_files" in sgx,
        "file check": sgx.get("file_check_policy") != "strict",
        "log": loader.get("log_level") not in ("none", "error") or "log_file" in loader,
        "environment": not all(isinstance(value, str) for value in environment.values())
        or any(_SECRET_NAME.fullmatch(name) for name in environment),
        "sources": bool({"env_src_file", "argv_src_file"} & set(loader)),
        "isolation": not {"-I", "-B"} <= set(argv),
        "simulated": "simulated" in argv or argv[-2:] != ["--provider", "gramine"],
        "user": not loader.get("uid") or not loader.get("gid"),
        "evidence": sgx.get("remote_attestation") != "dcap",
        "product": not sgx.get("isvprodid"),
        "release": sgx.get("isvsvn", 0) < max(1, int(VALUES["isvsvn"])),
        "subprocesses": system.get("disallow_subprocesses") is not True,
        "names": system.get("enable_extra_runtime_domain_names_conf") is not False,
        "threads": sgx.get("max_threads", 0) < CORES + 8,
        "arenas": environment.get("MALLOC_ARENA_MAX") != "1",
        "compute threads": environment.get("OMP_NUM_THREADS") != str(CORES),
    }
    return [name for name, is_broken in broken.items() if is_broken] + list(_mount_faults(manifest))


def test_template_filled_in_breaks_no_rule() -> None:
    assert faults(_filled()) == []


def test_template_needs_just_the_values_that_its_head_names() -> None:
    used = set(re.findall(r"{{ (.+?) }}", TEMPLATE))

    assert used == set(VALUES)
    assert "{{" not in _filled()


def test_arguments_are_understood_by_the_worker() -> None:
    from click.testing import CliRunner

    from encryptsecurert_worker.cli import main

    argv = tomllib.loads(_filled())["loader"]["argv"]
    arguments = argv[argv.index("encryptsecurert_worker") + 1 :]
    known = CliRunner().invoke(main, [*arguments, "--help"])
    unknown = CliRunner().invoke(main, [*arguments, "--unknown"])

    assert known.exit_code == 0
    assert unknown.exit_code == 2


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("debug", "sgx.debug = false", "sgx.debug = true"),
        ("debug", "sgx.debug = false\n", ""),
        ("insecure", "sys.fds", "sgx.insecure__rpc_thread_num = 1\nsys.fds"),
        ("insecure", "sys.fds", "loader.insecure__use_cmdline_argv = true\nsys.fds"),
        ("allowed files", "sgx.debug", "sgx.allowed_files = []\nsgx.debug"),
        ("file check", '"strict"', '"allow_all_but_log"'),
        ("log", 'log_level = "error"', 'log_level = "debug"'),
        ("environment", 'HOME = "/tmp"', "HOME = { passthrough = true }"),
        ("environment", "env.HOME", "env.LD_PRELOAD"),
        ("environment", "env.HOME", "env.SITE_KEY"),
        ("sources", "loader.uid", 'loader.argv_src_file = "file:a"\nloader.uid'),
        ("isolation", '"-I", ', ""),
        ("simulated", '"--provider", "gramine"', '"--provider", "simulated"'),
        ("user", "uid = 65534", "uid = 0"),
        ("evidence", '"dcap"', '"none"'),
        ("product", "isvprodid = 1", "isvprodid = 0"),
        ("release", "isvsvn = {{ isvsvn }}", "isvsvn = 0"),
        ("subprocesses", "disallow_subprocesses = true", "disallow_subprocesses = false"),
        ("names", "domain_names_conf = false", "domain_names_conf = true"),
        ("threads", "max_threads = {{ max_threads }}", "max_threads = 11"),
        ("arenas", 'ARENA_MAX = "1"', 'ARENA_MAX = "8"'),
        ("compute threads", 'OMP_NUM_THREADS = "{{ cores }}"', 'OMP_NUM_THREADS = "64"'),
        ("root", 'fs.root = { type = "tmpfs" }', 'fs.root = { uri = "file:/" }'),
        ("sealing key", "_sgx_mrenclave", "_sgx_mrsigner"),
        ("mount that is not trusted", '  "file:{{ image }}/opt/esrt/",\n', ""),
        ("kind of mount", 'type = "encrypted"', 'type = "untrusted_shm"'),
    ],
)
def test_rule_refuses_a_manifest_that_breaks_it(rule: str, old: str, new: str) -> None:
    assert TEMPLATE.count(old) >= 1

    assert faults(_filled(TEMPLATE.replace(old, new))) == [rule]


def test_container_file_has_no_default_base_and_leaves_the_simulation_out() -> None:
    text = (WORKER / "Dockerfile").read_text("utf-8")

    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["${BASE_IMAGE}"] * 2
    assert re.search(r"^ARG BASE_IMAGE$", text, re.MULTILINE)
    assert (
        "rm -f /opt/esrt/lib/python3.12/site-packages/encryptsecurert_worker/evidence/simulated*"
        in text
    )
    assert "--require-hashes" in text
    assert "--no-index" in text
