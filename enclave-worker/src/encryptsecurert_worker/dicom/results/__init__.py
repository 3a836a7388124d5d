"""Results of a job as DICOM objects, made from arrays in the enclave.

    vocabulary   names, codes and colours of structures: the only labels that appear
    context      the protected series, the structures, the producer; UIDs derived from a seed
    contours     masks to closed planar contours, exact to the voxel
    rtstruct     RT Structure Set
    seg          Segmentation
    modules      what all objects share; writing of the file

No file is read here and no clock: the same input gives the same octets.
"""

from encryptsecurert_worker.dicom.results.context import Producer, ReferenceSeries, StructureMask
from encryptsecurert_worker.dicom.results.rtstruct import make_rtstruct
from encryptsecurert_worker.dicom.results.seg import make_seg

__all__ = [
    "Producer",
    "ReferenceSeries",
    "StructureMask",
    "make_rtstruct",
    "make_seg",
]
