"""The shared object of the kernels: what it shows, and that building it again gives the same."""

import hashlib
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

import encryptsecurert_rt.native
from encryptsecurert_rt.native.library import kernels, kernels_sha256, library_path

NATIVE = Path(encryptsecurert_rt.native.__file__).parent
FLAGS = (NATIVE / "cflags.txt").read_text("ascii").split()

needs_compiler = pytest.mark.skipif(
    shutil.which("gcc") is None, reason="gcc is not installed; the kernels came built"
)


def _build(folder: Path) -> Path:
    place = folder / "native"
    folder.mkdir()
    shutil.copytree(NATIVE, place, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    command = ["gcc", "@cflags.txt", "-fPIC", "-shared", "-o", "kernels.so"]
    sources = sorted(path.name for path in place.glob("*.c"))
    subprocess.run([*command, *sources, "-lm"], cwd=place, check=True, timeout=120)
    return place / "kernels.so"


@needs_compiler
def test_two_builds_in_different_folders_are_the_same_octets(tmp_path: Path) -> None:
    first, second = (_build(tmp_path / name) for name in ("one", "another"))

    assert first.read_bytes() == second.read_bytes()


@needs_compiler
def test_nothing_but_our_own_functions_is_seen_from_outside() -> None:
    command = ["nm", "-D", "--defined-only", str(library_path())]
    listed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    names = [line.split()[-1] for line in listed.stdout.splitlines()]

    assert names
    assert all(name.startswith("esrt_") for name in names)


def test_no_flag_lets_results_depend_on_the_machine() -> None:
    assert "-ffp-contract=off" in FLAGS
    assert not {"-ffast-math", "-Ofast", "-march=native", "-fassociative-math"} & set(FLAGS)


def test_every_source_is_built_into_the_package() -> None:
    project = (Path(__file__).parents[4] / "enclave-worker/pyproject.toml").read_text("utf-8")

    for source in NATIVE.glob("*.c"):
        assert f'"src/encryptsecurert_rt/native/{source.name}"' in project


def test_the_digest_is_that_of_the_loaded_file() -> None:
    assert kernels()._name == str(library_path())
    assert library_path().name.endswith(sysconfig.get_config_var("EXT_SUFFIX"))
    assert kernels_sha256() == hashlib.sha256(library_path().read_bytes()).hexdigest()
