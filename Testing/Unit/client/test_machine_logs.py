"""Machine logs as CSV: what is taken, and that nothing is guessed."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans_made import PAIRS, log_of, made_plan
from Testing.Unit.worker.made import refusal_of

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.plans import COLUMNS, PlanForm
from EncryptSecureRTLib.client import machine_logs
from EncryptSecureRTLib.client.machine_logs import parse_log, read_log

_HEAD = "time_s,beam,mu"


def test_a_log_is_read_by_the_names_of_its_columns() -> None:
    file = parse_log(
        "gantry_deg,mu,beam,time_s,x2_mm,x1_mm\n180.0,0,3,0.0,50.0,-50.0\n,1.5,3,0.02,50.5,-50.5\n"
    )

    header = file.header
    assert (header.form, header.sop_instance_uids, file.patient_id) == (PlanForm.LOG, (), "")
    (beam,) = header.beams
    assert (beam.number, beam.points) == (3, 2)
    assert [(d.device, d.pairs) for d in beam.devices] == [("asymx", 1)]
    table, jaws = file.numbers
    assert table[:, COLUMNS.index("meterset")].tolist() == [0.0, 1.5]
    assert table[0, COLUMNS.index("gantry")] == 180.0
    assert np.isnan(table[1, COLUMNS.index("gantry")])
    assert jaws.tolist() == [[-50.0, 50.0], [-50.5, 50.5]]


def test_leaves_stand_in_the_order_of_dicom() -> None:
    file = parse_log(log_of(made_plan(), samples=3))

    assert file.header.beams[0].devices[1].pairs == PAIRS
    assert file.numbers[2][0].tolist() == [-10.0] * 3 + [10.0] * 3


def test_beams_follow_each_other() -> None:
    file = parse_log(f"{_HEAD}\n0,2,0\n1,2,5\n0,1,0\n0.5,1,0.25\n0.6,1,1\n")

    assert [(b.number, b.points) for b in file.header.beams] == [(2, 2), (1, 3)]


def test_windows_line_ends_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(f"{_HEAD}\r\n0,1,0\r\n1,1,2\r\n".encode())

    assert read_log(path).header.beams[0].points == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        _HEAD,
        "time_s,mu\n0,0\n",
        f"{_HEAD},patient\n0,1,0,x\n",
        f"{_HEAD},mu\n0,1,0,0\n",
        f"{_HEAD},x1_mm\n0,1,0,0\n",  # half of a pair of jaws
        f"{_HEAD},mlcx_b1_l1_mm,mlcx_b2_l2_mm\n0,1,0,0,0\n",
        f"{_HEAD},mlcx_b1_l2_mm,mlcx_b2_l2_mm\n0,1,0,0,0\n",
        f"{_HEAD},mlcz_b1_l1_mm,mlcz_b2_l1_mm\n0,1,0,0,0\n",
        f"{_HEAD}\n0,1\n",
        f"{_HEAD}\n0,1,0,0\n",
        f"{_HEAD}\n,1,0\n",
        f"{_HEAD}\n0,,0\n",
        f"{_HEAD}\n0,1.5,0\n",
        f"{_HEAD}\n0,-1,0\n",
        f"{_HEAD}\n0,4294967296,0\n",
        f"{_HEAD}\n0,1,nan\n",
        f"{_HEAD}\n0,1,inf\n",
        f"{_HEAD}\n0,1,0x10\n",
        f"{_HEAD}\n0,1,1_000\n",
        f'{_HEAD}\n0,1,"1"\n',
        f"{_HEAD}\n0,1, 1\n",
        f"{_HEAD}\n0,1,1e999\n",
        f"{_HEAD}\n0,1,-1\n",
        f"{_HEAD}\n0,1,5\n1,1,4\n",
        f"{_HEAD}\n1,1,0\n0,1,1\n",
        f"{_HEAD}\n0,1,0\n0,2,0\n1,1,1\n",
        f"{_HEAD}\n0,1,0\n\n1,1,1\n",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    assert refusal_of(parse_log, text) is ErrorCode.E_PLAN


def test_a_refusal_names_the_line_and_nothing_of_it() -> None:
    with pytest.raises(EncryptSecureRTError) as refusal:
        parse_log(f"{_HEAD}\n0,1,0\n1,1,Muster^Erika\n")

    assert refusal.value.detail == "line 3 holds what is not a plain number"


def test_text_beyond_ascii_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(f"{_HEAD}\n0,1,٣\n".encode())

    assert refusal_of(read_log, path) is ErrorCode.E_PLAN
    assert refusal_of(read_log, tmp_path / "none.csv") is ErrorCode.E_LOCAL_FILE


def test_larger_than_the_limits_is_too_large(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"{_HEAD}\n0,1,0\n1,1,1\n")
    monkeypatch.setattr(machine_logs, "MAX_POINTS", 1)
    assert refusal_of(read_log, path) is ErrorCode.E_TOO_LARGE
    monkeypatch.setattr(machine_logs, "MOST_BYTES", 10)
    assert refusal_of(read_log, path) is ErrorCode.E_TOO_LARGE
    assert refusal_of(parse_log, path.read_text()) is ErrorCode.E_TOO_LARGE


def _code_of(text: str) -> ErrorCode | None:
    try:
        parse_log(text)
    except EncryptSecureRTError as error:
        return error.code
    return None


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("time_s,beamu0123456789.-eEx\n\r \"'"), max_size=80))
def test_no_text_raises_another_error(text: str) -> None:
    taken = {None, ErrorCode.E_PLAN, ErrorCode.E_TOO_LARGE}

    assert {_code_of(text), _code_of(f"{_HEAD}\n{text}")} <= taken
