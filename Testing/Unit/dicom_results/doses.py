"""Two protected doses and a comparison of them, to write results about."""

from pathlib import Path

from pydicom.uid import RTPlanStorage
from Testing.vectors.make_vectors import FOLDER
from Testing.vectors.vector_file import parse

from encryptsecurert_protocol.dose_results import DoseComparison
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_worker.dicom.results.dose_context import (
    ComparedDoses,
    DoseInstance,
    PlanReference,
)


def compared_doses(grid: ImageGrid) -> ComparedDoses:
    """Return two doses of one patient in two studies; results lie on `grid`."""
    return ComparedDoses(
        patient_pseudonym="PABCDEFGH23456723",
        frame_of_reference_uid="2.25.103",
        reference=DoseInstance(
            study_instance_uid="2.25.101",
            series_instance_uid="2.25.104",
            sop_instance_uid="2.25.105",
        ),
        evaluated=DoseInstance(
            study_instance_uid="2.25.201",
            series_instance_uid="2.25.204",
            sop_instance_uid="2.25.205",
        ),
        plan=PlanReference(sop_class_uid=RTPlanStorage, sop_instance_uid="2.25.106"),
        dose_summation_type="PLAN",
        grid=grid,
    )


def some_comparison() -> DoseComparison:
    """Return a comparison that has every part."""
    vector = parse((Path(FOLDER) / "dose-comparison" / "ok.txt").read_text("utf-8"))
    return DoseComparison.decode(vector.payload)
