"""What a result may be made from: protected series only."""

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.segmentation import Structure
from encryptsecurert_worker.dicom.results import Producer, ReferenceSeries, StructureMask
from encryptsecurert_worker.dicom.results.context import derived_uid

LONGEST = "2.25." + "9" * 39


def values_of(reference: ReferenceSeries) -> dict[str, Any]:
    return {f.name: getattr(reference, f.name) for f in fields(reference)}


def changed(reference: ReferenceSeries, **changes: object) -> ReferenceSeries:
    return ReferenceSeries(**{**values_of(reference), **changes})


@pytest.mark.parametrize(
    "uid",
    [
        "1.2.840.113619.2.55.3",
        "2.25.",
        "2.25.01",
        "2.25.1.2",
        "2.25.1\n",
        "2.25.x",
        "2.25." + "9" * 40,
        "",
    ],
)
def test_a_uid_that_is_not_a_mapped_one_is_refused(reference: ReferenceSeries, uid: str) -> None:
    for name in ("study_instance_uid", "series_instance_uid", "frame_of_reference_uid"):
        with pytest.raises(EncryptSecureRTError) as refused:
            changed(reference, **{name: uid})
        assert refused.value.code is ErrorCode.E_NOT_PROTECTED
        assert uid == "" or uid not in str(refused.value)
    with pytest.raises(EncryptSecureRTError) as refused:
        changed(reference, sop_instance_uids=(*reference.sop_instance_uids[:-1], uid))
    assert refused.value.code is ErrorCode.E_NOT_PROTECTED


@pytest.mark.parametrize("uid", ["2.25.0", "2.25.7", LONGEST])
def test_a_mapped_uid_is_accepted(reference: ReferenceSeries, uid: str) -> None:
    assert changed(reference, study_instance_uid=uid).study_instance_uid == uid


@pytest.mark.parametrize(
    "name", ["", "PABCDEFGH2345672", "PABCDEFGH23456781", "Doe^Jane", "P" * 18]
)
def test_a_patient_without_a_pseudonym_is_refused(reference: ReferenceSeries, name: str) -> None:
    with pytest.raises(EncryptSecureRTError) as refused:
        changed(reference, patient_pseudonym=name)

    assert refused.value.code is ErrorCode.E_NOT_PROTECTED


def test_another_kind_of_object_or_a_count_that_does_not_fit_is_refused(
    reference: ReferenceSeries,
) -> None:
    grid = reference.grid
    mirrored = ImageGrid(
        shape=grid.shape,
        spacing_mm=grid.spacing_mm,
        origin_lps_mm=grid.origin_lps_mm,
        direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0),
    )
    wrong: list[dict[str, object]] = [
        {"sop_class_uid": "1.2.840.10008.5.1.4.1.1.4"},
        {"sop_instance_uids": reference.sop_instance_uids[:-1]},
        {"sop_instance_uids": reference.sop_instance_uids[:1] * 7},
        {"grid": mirrored},
    ]
    for change in wrong:
        with pytest.raises(EncryptSecureRTError) as refused:
            changed(reference, **change)
        assert refused.value.code is ErrorCode.E_PARAMETERS
    assert changed(reference) == reference


def test_a_producer_names_a_version_and_a_measurement() -> None:
    assert Producer(version="0.1.0", measurement="0" * 64, simulated=False)
    for version, measurement in (("", "0" * 64), ("0.1 x", "0" * 64), ("0.1", "0A" * 32)):
        with pytest.raises(EncryptSecureRTError):
            Producer(version=version, measurement=measurement, simulated=False)


def test_a_mask_is_a_boolean_volume() -> None:
    assert StructureMask(key=Structure.BODY, mask=np.zeros((2, 2, 2), np.bool_))
    flat: Any = np.zeros((2, 2), np.bool_)
    numbers: Any = np.zeros((2, 2, 2), np.uint8)
    for wrong in (flat, numbers):
        with pytest.raises(EncryptSecureRTError):
            StructureMask(key=Structure.BODY, mask=wrong)


def test_derived_uids_are_stable_differ_by_role_and_seed_and_are_mapped_ones(
    reference: ReferenceSeries, seed: bytes
) -> None:
    uid = derived_uid(seed, "seg/series")

    assert uid == derived_uid(seed, "seg/series")
    assert len({uid, derived_uid(seed, "seg/instance"), derived_uid(seed[::-1], "seg/series")}) == 3
    assert changed(reference, study_instance_uid=uid)
    with pytest.raises(EncryptSecureRTError):
        derived_uid(b"short", "seg/series")
