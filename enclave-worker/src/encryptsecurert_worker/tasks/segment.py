"""Task `segment`: a CT volume in, structures out as RTSTRUCT and DICOM SEG.

Input: one object of kind `volume`, int16 CT numbers of a protected series. Parameters: which
structures, which outputs, and the protected series that the results belong to. The same volume
and parameters give the same octets, UIDs included, under the same site keys and measurement.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.uid import CTImageStorage

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields
from encryptsecurert_protocol.limits import KIB, MIB
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.rights import Operation
from encryptsecurert_protocol.sealing import keyed_name
from encryptsecurert_protocol.statement import Kind
from encryptsecurert_protocol.volumes import VolumeHeader, unpack_volume
from encryptsecurert_rt.errors import Cancelled, InvalidInput
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.segmentation import (
    SegmentationStage,
    SegmentedStructure,
    Structure,
    segment_ct,
)
from encryptsecurert_worker import __version__
from encryptsecurert_worker.dicom.results import (
    Producer,
    ReferenceSeries,
    StructureMask,
    make_rtstruct,
    make_seg,
)
from encryptsecurert_worker.dicom.results.vocabulary import term
from encryptsecurert_worker.tasks.task import TaskContext, TaskOutput

SCHEMA = "encryptsecurert.segment/1"
RTSTRUCT, SEG = "rtstruct.dcm", "seg.dcm"
_OUTPUTS = ("rtstruct", "seg")
_UID = r"[0-9.]{1,64}"
# How much of the job's time each part takes, measured on 512 x 512 x 200.
_SEGMENT_END, _RTSTRUCT_END, _SEG_END = 0.70, 0.88, 0.96
# Peak memory, measured as resident octets of a process of its own, input included, with margin.
# Finding structures takes 10 octets a voxel of a planning CT (200 x 512 x 512 at 0.9 mm), 21 where
# the working grid is as fine as the image (1.4 mm and more), and 27 of noise there; the allocator
# keeps some 100 MiB beside. This is 25 % more than noise. (A chessboard of voxels of a cubic
# centimetre takes 38: if that is beyond the process's own limit, it is refused while it runs.)
_FIND_BYTES, _FIND_BYTES_PER_VOXEL = 160 * MIB, 34
# Writing results takes 105 MiB once for the dictionaries of codes, and 14 KiB a frame; a voxel is
# 2 octets of input, 4 of masks, and at most 4 of contours, which stand there three times.
_WRITE_BYTES, _WRITE_BYTES_PER_VOXEL, _WRITE_BYTES_PER_SLICE = 224 * MIB, 22, 72 * KIB
_MOST_SLICES, _LEAST_BYTES_PER_SLICE = 4096, 11  # a UID of its own in the header, one voxel


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentParameters:
    """What the user asked for."""

    structures: tuple[Structure, ...]
    outputs: tuple[str, ...]
    study_instance_uid: str
    series_instance_uid: str
    patient_pseudonym: str

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "SegmentParameters":
        """Read the parameters strictly; anything wrong is E_PARAMETERS."""
        code = ErrorCode.E_PARAMETERS
        fields = Fields(value, ("schema", "structures", "outputs", "reference"), code)
        fields.constant("schema", SCHEMA)
        reference = fields.child(
            "reference", ("study_instance_uid", "series_instance_uid", "patient_id")
        )
        return cls(
            structures=tuple(
                Structure(name)
                for name in _choice(fields, "structures", [s.value for s in Structure])
            ),
            outputs=_choice(fields, "outputs", list(_OUTPUTS)),
            study_instance_uid=reference.text("study_instance_uid", _UID),
            series_instance_uid=reference.text("series_instance_uid", _UID),
            patient_pseudonym=reference.text("patient_id", r".{0,64}"),
        )


def _choice(fields: Fields, name: str, known: list[str]) -> tuple[str, ...]:
    items = fields.items(name, len(known), 1)
    if any(item not in known for item in items) or len(set(items)) != len(items):
        raise EncryptSecureRTError(ErrorCode.E_PARAMETERS)
    return tuple(items)


class SegmentTask:
    """Classical segmentation of a CT."""

    name = "segment"
    algorithm = "classical-ct-1"
    operation = Operation.SEGMENT
    input_kinds: tuple[ObjectKind, ...] = (ObjectKind.VOLUME,)
    optional_kinds: tuple[ObjectKind, ...] = ()

    def __init__(self, *, threads: int) -> None:
        self._threads = threads

    def describe(self) -> Mapping[str, Any]:
        """Return what can be chosen."""
        return {
            "schema": SCHEMA,
            "structures": [{"key": s.value, "name": term(s).name} for s in Structure],
            "outputs": list(_OUTPUTS),
        }

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Refuse parameters that are not right."""
        SegmentParameters.from_json(parameters)

    def memory_bytes(self, input_sizes: Sequence[int], parameters: Mapping[str, Any]) -> int:
        """Bound the larger of the two halves of a job: finding structures, writing results."""
        (size_bytes,) = input_sizes
        voxels = size_bytes // 2
        slices = min(_MOST_SLICES, size_bytes // _LEAST_BYTES_PER_SLICE)
        finding_bytes = _FIND_BYTES + _FIND_BYTES_PER_VOXEL * voxels
        writing_bytes = (
            _WRITE_BYTES + _WRITE_BYTES_PER_VOXEL * voxels + _WRITE_BYTES_PER_SLICE * slices
        )
        return max(finding_bytes, writing_bytes)

    def run(
        self, inputs: Sequence[memoryview], parameters: Mapping[str, Any], context: TaskContext
    ) -> TaskOutput:
        """Segment the volume and write the DICOM results."""
        asked = SegmentParameters.from_json(parameters)
        header, voxels = unpack_volume(inputs[0])
        reference = _reference(header, asked)
        hu = np.frombuffer(voxels, dtype="<i2").reshape(header.shape)
        try:
            structures = segment_ct(
                hu,
                reference.grid,
                asked.structures,
                progress=_Share(context, 0.02, _SEGMENT_END),
                threads=self._threads,
            )
        except Cancelled:
            raise EncryptSecureRTError(ErrorCode.E_CANCELLED) from None
        except InvalidInput:
            raise EncryptSecureRTError(ErrorCode.E_GEOMETRY) from None
        for found in structures:
            context.log(f"volume_cc.{found.structure.value}", round(found.volume_cc, 3))
        return TaskOutput(
            results=_results(structures, reference, asked, context),
            numbers=tuple((f"volume_cc.{term(s.structure).name}", s.volume_cc) for s in structures),
            warnings=tuple(
                f"{s.structure.value}.{warning.value}" for s in structures for warning in s.warnings
            ),
        )


class _Share:
    """A progress function for one part of the job."""

    def __init__(self, context: TaskContext, start: float, end: float) -> None:
        self._context = context
        self._start = start
        self._span = end - start

    def __call__(self, stage: str, fraction: float) -> None:
        if (
            stage == SegmentationStage.DONE.value
        ):  # of this part; the runner says when the job is done
            return
        self._context.progress(stage, self._start + self._span * min(max(fraction, 0.0), 1.0))


def _reference(header: VolumeHeader, asked: SegmentParameters) -> ReferenceSeries:
    if header.quantity != "ct_number" or header.dtype != "int16":
        raise EncryptSecureRTError(ErrorCode.E_PARAMETERS)
    try:
        grid = ImageGrid(
            shape=header.shape,
            spacing_mm=header.spacing_mm,
            origin_lps_mm=header.origin_mm,
            direction=header.direction,
        )
    except InvalidInput:
        raise EncryptSecureRTError(ErrorCode.E_GEOMETRY) from None
    return ReferenceSeries(
        study_instance_uid=asked.study_instance_uid,
        series_instance_uid=asked.series_instance_uid,
        frame_of_reference_uid=header.frame_of_reference,
        sop_class_uid=CTImageStorage,
        sop_instance_uids=header.slice_uids,
        patient_pseudonym=asked.patient_pseudonym,
        grid=grid,
    )


def _results(
    structures: Sequence[SegmentedStructure],
    reference: ReferenceSeries,
    asked: SegmentParameters,
    context: TaskContext,
) -> tuple[tuple[str, bytes], ...]:
    masks = [StructureMask(key=s.structure, mask=s.mask) for s in structures]
    producer = Producer(
        version=__version__,
        measurement=context.measurement,
        simulated=context.kind is Kind.SIMULATED,
    )
    # Keyed by the site, so that nobody outside can link results by their inputs.
    digests = (digest.encode("ascii") for digest in context.input_sha256)
    seed = keyed_name(
        context.keys.uid_key, b"result/v1", context.measurement.encode("ascii"), *digests
    )
    results: list[tuple[str, bytes]] = []
    if "rtstruct" in asked.outputs:
        progress = _Share(context, _SEGMENT_END, _RTSTRUCT_END)
        octets = make_rtstruct(
            reference, masks, producer, uid_seed=bytes.fromhex(seed), progress=progress
        )
        results.append((RTSTRUCT, octets))
    if "seg" in asked.outputs:
        progress = _Share(context, _RTSTRUCT_END, _SEG_END)
        seg = make_seg(reference, masks, producer, uid_seed=bytes.fromhex(seed), progress=progress)
        if seg is not None:
            results.append((SEG, seg))
    return tuple(results)
