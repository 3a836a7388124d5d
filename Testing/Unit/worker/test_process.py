"""The process bounds its own memory and writes no core dumps, where the system lets it."""

import subprocess
import sys
from pathlib import Path

import pytest

from encryptsecurert_protocol.limits import GIB, MIB
from encryptsecurert_worker.server.process import data_bytes

_BOUND = f"""
import resource
from encryptsecurert_worker.server.process import bound_memory, data_bytes
used = data_bytes()
bound = bound_memory(512 * {MIB})
assert bound == resource.getrlimit(resource.RLIMIT_DATA)[0]
assert used <= bound - 512 * {MIB} - {GIB} <= used + 64 * {MIB}
bytearray({GIB})
try:
    bytearray(2 * {GIB})
except MemoryError:
    print("refused")
"""
_NO_CORE = """
import resource
from encryptsecurert_worker.server.process import forbid_core_dumps
forbid_core_dumps()
print(resource.getrlimit(resource.RLIMIT_CORE))
"""


def _output(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.skipif(data_bytes() is None, reason="nobody tells here how much memory is in use")
def test_what_is_beyond_the_bound_is_a_memory_error_and_what_is_within_is_not() -> None:
    assert _output(_BOUND) == "refused\n"


def test_core_dumps_are_forbidden() -> None:
    assert _output(_NO_CORE) == "(0, 0)\n"


@pytest.mark.parametrize("text", ["", "VmData: much\n", "VmData: 12 MB\n", "xVmData: 12 kB\n"])
def test_a_system_that_does_not_tell_what_is_in_use_sets_no_bound(
    tmp_path: Path, text: str
) -> None:
    status = tmp_path / "status"
    status.write_text(text)

    assert data_bytes(status) is None
    assert data_bytes(tmp_path / "missing") is None


def test_what_is_in_use_is_read_in_octets(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("VmPeak:\t 99 kB\nVmData:\t     12 kB\nVmStk:\t 5 kB\n")

    assert data_bytes(status) == 12 * 1024
