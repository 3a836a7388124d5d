"""The C kernel under the address and undefined-behaviour sanitizers, with jobs made by chance."""

import shutil
import subprocess
from pathlib import Path

import pytest
from effort import times

import encryptsecurert_rt.native

NATIVE = Path(encryptsecurert_rt.native.__file__).parent
CHECKS = "-fsanitize=address,undefined,float-cast-overflow"


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("gcc is not installed; the kernels came built")
    folder = tmp_path_factory.mktemp("fuzz")
    empty, program = folder / "empty.c", folder / "fuzz_gamma"
    empty.write_text("int main(void) { return 0; }\n", "ascii")
    flags = ["-std=c11", "-O0", "-g1", "-ffp-contract=off", "-Wno-psabi", CHECKS]
    flags += ["-fno-sanitize-recover=all"]
    probe = [gcc, *flags, str(empty), "-o", str(folder / "empty")]
    if subprocess.run(probe, capture_output=True, check=False, timeout=60).returncode != 0:
        pytest.skip("this gcc has no sanitizers")
    sources = [Path(__file__).with_name("fuzz_gamma.c"), *sorted(NATIVE.glob("gamma*.c"))]
    command = [gcc, *flags, f"-I{NATIVE}", *map(str, sources), "-lm", "-o", str(program)]
    subprocess.run(command, check=True, timeout=120)
    return program


def test_no_job_makes_it_step_beyond_its_arrays_or_into_undefined_behaviour(fuzzer: Path) -> None:
    runs = str(times(200_000, 6_000))

    done = subprocess.run(
        [str(fuzzer), runs], check=False, capture_output=True, text=True, timeout=240
    )

    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
