"""Scans of water tanks from PTW files: the real ones, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from effort import times
from hypothesis import given, settings
from hypothesis import strategies as st

from encryptsecurert_rt.dose.mephisto import CurveType, parse_mephisto
from encryptsecurert_rt.dose.profile import field_metrics
from encryptsecurert_rt.errors import InvalidInput

SMALL = """\
BEGIN_SCAN_DATA
\tFORMAT=CC-Export V1.9
\tFILE_CREATION_DATE=18-Sep-2015 10:26:25
\tBEGIN_SCAN  1
\t\tLINAC=Doe
\t\tENERGY=6.00
\t\tFIELD_INPLANE=50.00
\t\tSCAN_CURVETYPE=CROSSPLANE_PROFILE
\t\tSCAN_DEPTH=15.00
\t\tSCAN_ANGLE=0.00
\t\tSCAN_DIAGONAL=NOT_DIAGONAL
\t\tMEAS_UNIT=cGy/MU
\t\tBEGIN_DATA
\t\t\t1.50\t\t38.513E-06\t\t#2.0E-03
\t\t\t0.00\t\t10.0E-03\t\t#2.1E-03
\t\t\t-1.50\t\t12\t\t#2.2E-03
\t\tEND_DATA
\tEND_SCAN  1
END_SCAN_DATA
"""


def test_a_scan_has_its_curve_unit_and_samples_in_increasing_order() -> None:
    (scan,) = parse_mephisto(SMALL)

    assert (scan.curve, scan.unit) == (CurveType.CROSSPLANE_PROFILE, "cGy/MU")
    assert (scan.depth_mm, scan.energy, scan.field_inplane_mm) == (15.0, 6.0, 50.0)
    assert scan.field_crossplane_mm is scan.offaxis_inplane_mm is None
    assert scan.position_mm.tolist() == [-1.5, 0.0, 1.5]
    assert scan.reading.tolist() == [12.0, 0.01, 38.513e-6]
    assert scan.reference_reading is not None
    assert scan.reference_reading.tolist() == [0.0022, 0.0021, 0.002]


def test_no_name_of_a_machine_is_kept() -> None:
    assert "Doe" not in repr(parse_mephisto(SMALL))


@pytest.mark.parametrize(
    ("name", "field_mm"), [("06MV_05x05.mcc", 50.0), ("06MV_10x10.mcc", 100.0)]
)
def test_measured_fields_are_as_large_as_the_file_says(
    shared_data: Path, name: str, field_mm: float
) -> None:
    text = (shared_data / "dose_qa_ptw_mephisto" / name).read_text("latin-1")

    scans = parse_mephisto(text)

    profiles = [scan for scan in scans if scan.curve is not CurveType.PDD]
    (depth_dose,) = (scan for scan in scans if scan.curve is CurveType.PDD)
    for curve in (CurveType.CROSSPLANE_PROFILE, CurveType.INPLANE_PROFILE):
        depths = [scan.depth_mm for scan in profiles if scan.curve is curve]
        assert depths == [15.0, 50.0, 100.0, 200.0]
    assert {(s.field_inplane_mm, s.field_crossplane_mm, s.unit) for s in scans} == {
        (field_mm, field_mm, "cGy/MU")
    }
    assert depth_dose.depth_mm is None
    for scan in profiles:
        assert scan.depth_mm is not None
        metrics = field_metrics(scan.position_mm, scan.reading, axis_mm=0.0)
        # The file has the water 900 mm from the focus, and the field size at the isocentre.
        # A jaw within half a millimetre on each side, as machines are accepted.
        at_isocentre_mm = metrics.field_size_mm * 1000.0 / (900.0 + scan.depth_mm)
        assert at_isocentre_mm == pytest.approx(field_mm, abs=1.1)
        for penumbra in (metrics.penumbra_left_mm, metrics.penumbra_right_mm):
            assert penumbra is not None
            assert 2.0 < penumbra < 9.0  # a diode, 6 MV, up to 200 mm of water
        # The measuring program made them symmetric: CORRECTIONS=SMOOTHED_CORR;SYMMETRY_CORR.
        assert metrics.centre_mm == pytest.approx(0.0, abs=1e-9)
        if metrics.symmetry_percent is not None and metrics.flatness_percent is not None:
            assert metrics.symmetry_percent == pytest.approx(100.0, abs=1e-9)
            assert 100.5 < metrics.flatness_percent < 106.5  # 106 is the standard's limit
    assert 12.0 < depth_dose.position_mm[int(np.argmax(depth_dose.reading))] < 18.0  # 6 MV: 15 mm


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("BEGIN_SCAN_DATA", "BEGIN_DATA"),
        ("FORMAT=CC-Export V1.9", "FORMAT=other"),
        ("BEGIN_SCAN  1", "BEGIN_SCAN  2"),
        ("END_SCAN  1", "END_SCAN  2"),
        ("END_SCAN_DATA\n", ""),
        ("END_SCAN_DATA\n", "END_SCAN_DATA\nmore\n"),
        ("CROSSPLANE_PROFILE", "TPR"),
        ("\t\tSCAN_CURVETYPE=CROSSPLANE_PROFILE\n", ""),
        ("MEAS_UNIT=cGy/MU", "MEAS_UNIT=Doe"),
        ("NOT_DIAGONAL", "FIRST_DIAGONAL"),
        ("SCAN_ANGLE=0.00", "SCAN_ANGLE=45.00"),
        ("ENERGY=6.00", "ENERGY=six"),
        ("ENERGY=6.00", "ENERGY=6.00\n\t\tENERGY=6.00"),
        ("LINAC=Doe", "LINAC"),
        ("0.00\t\t10.0E-03\t\t#2.1E-03", "0.00\t\t10.0E-03"),
        ("0.00\t\t10.0E-03\t\t#2.1E-03", "0.00\t\t10.0E-03\t\t2.1E-03"),
        ("0.00\t\t10.0E-03", "1.50\t\t10.0E-03"),
        ("0.00\t\t10.0E-03", "nan\t\t10.0E-03"),
        ("\t\tEND_DATA\n", ""),
    ],
)
def test_another_form_is_refused(before: str, after: str) -> None:
    assert before in SMALL

    with pytest.raises(InvalidInput) as caught:
        parse_mephisto(SMALL.replace(before, after, 1))

    assert "Doe" not in caught.value.what


def test_a_scan_needs_two_samples_and_a_file_a_scan() -> None:
    lines = SMALL.splitlines(keepends=True)

    with pytest.raises(InvalidInput):
        parse_mephisto("".join(lines[:14] + lines[16:]))
    with pytest.raises(InvalidInput):
        parse_mephisto("".join(lines[:3] + lines[-1:]))


def test_limits_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("encryptsecurert_rt.dose.mephisto.MAX_SAMPLES", 3)
    assert len(parse_mephisto(SMALL)) == 1
    monkeypatch.setattr("encryptsecurert_rt.dose.mephisto.MAX_SAMPLES", 2)
    with pytest.raises(InvalidInput):
        parse_mephisto(SMALL)
    monkeypatch.setattr("encryptsecurert_rt.dose.mephisto.MAX_SCANS", 0)
    with pytest.raises(InvalidInput):
        parse_mephisto(SMALL)


@settings(max_examples=times(2000, 200), deadline=None)
@given(st.data())
def test_any_other_text_gives_our_error_or_scans(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(SMALL)))
    stop = data.draw(st.integers(start, min(len(SMALL), start + 30)))
    middle = data.draw(st.text(st.sampled_from("0123456789.-#=\t\n_ABDEGINSTC"), max_size=12))

    try:
        scans = parse_mephisto(SMALL[:start] + middle + SMALL[stop:])
    except InvalidInput:
        return
    assert all((np.diff(scan.position_mm) > 0.0).all() for scan in scans)
