"""Who may import whom, read from the source with `ast`: also inside functions and for types only.

    panel -> client, scene, attest    custodian -> client, attest, protocol
    client -> attest, protocol        worker -> protocol, rt
    attest, scene -> protocol         rt, protocol -> nothing of ours

Names are resolved to the longest module they can mean: `from a import b` counts as `a.b`. An import
by a computed name is refused, since it cannot be read.
"""

import ast
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ROOTS = (REPOSITORY / "EncryptSecureRT/Logic", REPOSITORY / "enclave-worker/src")
PROTOCOL, RT, WORKER = "encryptsecurert_protocol", "encryptsecurert_rt", "encryptsecurert_worker"
LIB = "EncryptSecureRTLib"
ATTEST, CLIENT, CUSTODIAN, SCENE, PANEL = (
    f"{LIB}.{name}" for name in ("attest", "client", "custodian", "scene", "panel")
)
MAY_IMPORT = {
    PROTOCOL: set[str](),
    RT: set[str](),
    WORKER: {PROTOCOL, RT},
    ATTEST: {PROTOCOL},
    CLIENT: {ATTEST, PROTOCOL},
    CUSTODIAN: {CLIENT, ATTEST, PROTOCOL},
    SCENE: {PROTOCOL},
    PANEL: {CLIENT, SCENE, ATTEST},
}
IN_ENCLAVE = (PROTOCOL, RT, WORKER)
SEALING = f"{PROTOCOL}.sealing"
_HAZMAT = "cryptography.hazmat.primitives"
SEALING_ONLY = (
    f"{_HAZMAT}.hpke",
    f"{_HAZMAT}.ciphers.aead",
    f"{_HAZMAT}.ciphers.modes.GCM",
    "modes.GCM",
    "cryptography.fernet",
)
NO_PROCESS = (
    "subprocess",
    "multiprocessing",
    "concurrent.futures.process",
    "pty",
    "_posixsubprocess",
)
NO_PROCESS_NAMES = ("concurrent.futures.ProcessPoolExecutor", "asyncio.create_subprocess")
NO_PROCESS_OS = ("fork", "forkpty", "system", "popen", "posix_spawn", "spawn", "exec")
TOO_LARGE_FOR_THE_ENCLAVE = ("torch", "tensorflow", "celery", "ray", "dask")
HOST_ONLY = {"qt": (PANEL,), "ctk": (PANEL,), "slicer": (SCENE, PANEL), "vtk": (SCENE, PANEL)}
NOT_IN_SLICER = ("click", "rich", "matplotlib", "pynetdicom")


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """A module (or a name in one) that `importer` reaches for."""

    importer: str
    name: str
    line: int


def _module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _absolute(node: ast.ImportFrom, importer: str, *, is_package: bool) -> str:
    if node.level == 0:
        return node.module or ""
    parts = importer.split(".")
    up = node.level - (1 if is_package else 0)
    return ".".join([*parts[: len(parts) - up], *filter(None, [node.module])])


def _called_name(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return name
    return ""


def imports_in(source: str, importer: str, *, is_package: bool = False) -> Iterator[Import]:
    """Yield every import of a source text, wherever it stands, and each use of `os`."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        match node:
            case ast.Import():
                names = [alias.name for alias in node.names]
            case ast.ImportFrom():
                base = _absolute(node, importer, is_package=is_package)
                names = [f"{base}.{alias.name}" for alias in node.names]
            case ast.Attribute(value=ast.Name(id="os" | "asyncio" | "modes" as base), attr=name):
                names = [f"{base}.{name}"]
            case ast.Call() if _called_name(node) in ("import_module", "__import__"):
                fixed = node.args and isinstance(node.args[0], ast.Constant)
                names = [str(node.args[0].value)] if fixed else ["<computed>"]  # type: ignore[attr-defined] # isinstance of an element does not narrow it
        for name in names:
            yield Import(importer=importer, name=name, line=getattr(node, "lineno", 0))


def is_in(name: str, packages: tuple[str, ...] | set[str]) -> bool:
    """Whether a dotted name is one of the packages or in one."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _layer_of(name: str) -> str | None:
    return next((layer for layer in MAY_IMPORT if is_in(name, (layer,))), None)


def _wrong_process(name: str) -> bool:
    module, _, member = name.rpartition(".")
    return (
        is_in(name, NO_PROCESS)
        or name.startswith(NO_PROCESS_NAMES)
        or (module == "os" and member.startswith(NO_PROCESS_OS))
    )


def faults(found: Import) -> list[str]:
    """Return the rules that an import breaks, in words."""
    name, layer, root = found.name, _layer_of(found.importer), found.name.split(".")[0]
    ours = _layer_of(name) or (name if root == LIB else None)
    in_enclave = layer in IN_ENCLAVE
    told = []
    if ours is not None and ours != layer and ours not in MAY_IMPORT.get(layer or "", set()):
        told.append("this arrow does not exist")
    if layer == PROTOCOL and root not in {*sys.stdlib_module_names, "cryptography", PROTOCOL}:
        told.append("protocol takes the standard library and cryptography only")
    if is_in(name, SEALING_ONLY) and found.importer != SEALING:
        told.append("AEAD and HPKE are called in sealing only")
    if in_enclave and _wrong_process(name):
        told.append("no process is started in the enclave")
    if in_enclave and root in TOO_LARGE_FOR_THE_ENCLAVE:
        told.append("too large for the enclave, or forks")
    if is_in(name, ("gramine_ratls.verify",)):
        told.append("the verifier of gramine-ratls is not used")
    if root in HOST_ONLY and layer not in HOST_ONLY[root]:
        told.append("the host is known to scene and panel only")
    if name == "<computed>":
        told.append("import by a computed name")
    return told


def _all_imports() -> list[Import]:
    found: list[Import] = []
    for root in ROOTS:
        for path in sorted(root.rglob("*.py")):
            package = path.name == "__init__.py"
            text = path.read_text("utf-8")
            found += imports_in(text, _module_name(path, root), is_package=package)
    return found


def test_no_import_breaks_a_rule() -> None:
    found = _all_imports()

    told = [f"{item.importer}:{item.line} {item.name}: {f}" for item in found for f in faults(item)]

    assert {PROTOCOL, RT, WORKER, LIB} <= {item.importer.split(".")[0] for item in found}
    assert told == []


def test_every_module_belongs_to_a_layer() -> None:
    names = [_module_name(path, root) for root in ROOTS for path in root.rglob("*.py")]

    assert [name for name in names if _layer_of(name) is None] == [LIB]


def test_module_file_knows_the_panel_only() -> None:
    path = REPOSITORY / "EncryptSecureRT/EncryptSecureRT.py"

    found = list(imports_in(path.read_text("utf-8"), "EncryptSecureRT"))

    ours = {_layer_of(item.name) for item in found}
    assert ours - {None} == {PANEL}
    assert {item.name.split(".")[0] for item in found if _layer_of(item.name) is None} <= {
        *sys.stdlib_module_names,
        "slicer",
    }


@pytest.mark.parametrize("importer", sorted(MAY_IMPORT))
@pytest.mark.parametrize("imported", sorted(MAY_IMPORT))
def test_arrow_is_accepted_or_refused_as_the_table_says(importer: str, imported: str) -> None:
    allowed = importer == imported or imported in MAY_IMPORT[importer]

    found = list(imports_in(f"from {imported} import thing", f"{importer}.module"))

    assert [bool(faults(item)) for item in found] == [not allowed]


_FORMS = [
    "import encryptsecurert_worker.jobs",
    "from encryptsecurert_worker import jobs",
    "import encryptsecurert_worker as w",
    "def f():\n    from encryptsecurert_worker.jobs import Job",
    "if TYPE_CHECKING:\n    from encryptsecurert_worker.jobs import Job",
    "try:\n    import encryptsecurert_worker\nexcept ImportError:\n    pass",
    "importlib.import_module('encryptsecurert_worker.jobs')",
    "__import__('encryptsecurert_worker')",
]


@pytest.mark.parametrize("source", _FORMS)
def test_forbidden_import_is_found_in_every_form(source: str) -> None:
    assert any(faults(item) for item in imports_in(source, f"{CLIENT}.jobs"))
    assert not any(faults(item) for item in imports_in(source, f"{WORKER}.server"))


@pytest.mark.parametrize(
    ("source", "importer", "refused"),
    [
        ("from ..client import jobs", f"{ATTEST}.policy", True),
        ("from .. import client", f"{ATTEST}.policy", True),
        ("from ..attest import policy", f"{CLIENT}.jobs", False),
        ("from . import quote", f"{ATTEST}.policy", False),
        ("from EncryptSecureRTLib import client", f"{ATTEST}.policy", True),
        ("import EncryptSecureRTLib", f"{WORKER}.server", True),
        ("import numpy", f"{PROTOCOL}.volumes", True),
        ("import cryptography.x509", f"{PROTOCOL}.signatures", False),
        ("import numpy", f"{RT}.geometry", False),
        (f"from {_HAZMAT} import hpke", f"{WORKER}.vault", True),
        (f"from {_HAZMAT}.ciphers.aead import AESGCM", f"{CLIENT}.jobs", True),
        (f"from {_HAZMAT}.ciphers import aead", f"{CLIENT}.jobs", True),
        (f"from {_HAZMAT}.ciphers.modes import GCM", f"{CLIENT}.jobs", True),
        (f"from {_HAZMAT}.ciphers import modes\nmodes.GCM(b'')", f"{CLIENT}.jobs", True),
        (f"from {_HAZMAT}.ciphers import modes\nmodes.CBC(b'')", f"{CUSTODIAN}.keys", False),
        ("from cryptography.fernet import Fernet", f"{CUSTODIAN}.keys", True),
        (f"from {_HAZMAT} import hpke", SEALING, False),
        (f"from {_HAZMAT}.ciphers.aead import AESGCM", SEALING, False),
        (f"from {_HAZMAT}.ciphers import algorithms", f"{WORKER}.dicom.protect", False),
        (f"from {_HAZMAT} import hashes", f"{CLIENT}.jobs", False),
        ("import subprocess", f"{WORKER}.jobs", True),
        ("from multiprocessing import Pool", f"{RT}.dose", True),
        ("import os\nos.fork()", f"{WORKER}.jobs", True),
        ("from os import execv", f"{WORKER}.jobs", True),
        ("import os\nos.system('ls')", f"{PROTOCOL}.limits", True),
        ("from concurrent.futures import ProcessPoolExecutor", f"{RT}.dose", True),
        ("import asyncio\nasyncio.create_subprocess_exec('ls')", f"{WORKER}.jobs", True),
        ("from concurrent.futures import ThreadPoolExecutor", f"{RT}.dose", False),
        ("import os\nos.replace('a', 'b')", f"{WORKER}.jobs", False),
        ("import subprocess", f"{CLIENT}.process", False),
        ("import torch", f"{WORKER}.tasks", True),
        ("import onnxruntime", f"{WORKER}.tasks", False),
        ("from gramine_ratls.verify import Client", f"{CLIENT}.tls", True),
        ("from gramine_ratls import verify", f"{WORKER}.evidence", True),
        ("from gramine_ratls.attest import write_ra_tls_key_and_crt", f"{WORKER}.evidence", False),
        ("import qt", f"{SCENE}.nodes", True),
        ("import slicer", f"{CLIENT}.jobs", True),
        ("import slicer, qt", f"{PANEL}.first", False),
        ("import slicer", f"{SCENE}.nodes", False),
        ("importlib.import_module(name)", f"{WORKER}.server", True),
        ("importlib.import_module('numpy')", f"{WORKER}.server", False),
    ],
)
def test_rule_refuses_and_its_twin_accepts(source: str, importer: str, refused: bool) -> None:
    told = [fault for item in imports_in(source, importer) for fault in faults(item)]

    assert bool(told) is refused


_LOADED = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
print(json.dumps([name for name in json.loads(sys.argv[2]) if name in sys.modules]))
"""


def _loaded_by(module: str, wanted: tuple[str, ...]) -> list[str]:
    path = [str(root) for root in ROOTS]
    setup = f"import sys; sys.path[:0] = {path!r}\n"
    done = subprocess.run(
        [sys.executable, "-I", "-c", setup + _LOADED, module, json.dumps(wanted)],
        capture_output=True,
        check=True,
    )
    loaded: list[str] = json.loads(done.stdout)
    return loaded


@pytest.mark.skipif(
    importlib.util.find_spec(CLIENT) is None or importlib.util.find_spec(f"{CLIENT}.cli") is None,
    reason="the command line is not there yet",
)
def test_machine_readable_client_loads_nothing_that_slicer_lacks() -> None:
    """Slicer ships none of them; a person's terminal gets them when they are needed."""
    assert _loaded_by(f"{CLIENT}.cli", NOT_IN_SLICER) == []


def test_probe_for_loaded_modules_sees_what_is_loaded() -> None:
    assert _loaded_by("click", NOT_IN_SLICER) == ["click"]


def test_what_protects_and_reveals_loads_no_library_that_is_slow_to_load() -> None:
    """A study of some hundred files would wait for it longer than for a batch of them."""
    for module in ("protect", "reveal", "study_files"):
        assert _loaded_by(f"{CLIENT}.{module}", ("numpy", "pydicom", "PIL")) == []


def test_protocol_loads_without_anything_but_cryptography() -> None:
    assert _loaded_by(SEALING, ("numpy", "pydicom", "requests", "dcap_qvl", "cryptography")) == [
        "cryptography"
    ]
