"""Dose-volume histograms, and what is read from them.

A structure (`contours.py`, `structure.py`) is made a solid of layers (`rings.py`, `stack.py`,
`solids.py`), cells are laid over it and the dose (`lattice.py`), and each cell's share of the
volume goes to the doses in it (`layers.py`); `curve.py` is the result. Metrics, goals and
comparisons (`histogram.py` and what imports it) do not ask where a histogram comes from.
"""

from encryptsecurert_rt.dvh.comparison import (
    CurveAgreement,
    DvhComparison,
    DvhCriteria,
    VolumeUnit,
    compare_dvh,
)
from encryptsecurert_rt.dvh.compute import compute_dvh
from encryptsecurert_rt.dvh.contours import ContourKind, ContourStructure, EndCaps, PlanarContour
from encryptsecurert_rt.dvh.curve import Dvh
from encryptsecurert_rt.dvh.evaluate import Course, Reason, metric_value
from encryptsecurert_rt.dvh.goal_sheets import GoalSheet, read_goals_csv, read_goals_json
from encryptsecurert_rt.dvh.goals import Goal, GoalResult, Relation, Verdict, check_goals
from encryptsecurert_rt.dvh.histogram import Histogram, PointHistogram
from encryptsecurert_rt.dvh.indices import Conformity, conformity, homogeneity
from encryptsecurert_rt.dvh.inside import structure_mask
from encryptsecurert_rt.dvh.notation import Metric
from encryptsecurert_rt.dvh.radiobiology import (
    bed_gy,
    eqd2_gy,
    eqd2_histogram,
    eqd2_of_fractions_gy,
    eud_gy,
    geud_gy,
)
from encryptsecurert_rt.dvh.structure import MaskStructure, Structure, StructureWarning

__all__ = [
    "Conformity",
    "ContourKind",
    "ContourStructure",
    "Course",
    "CurveAgreement",
    "Dvh",
    "DvhComparison",
    "DvhCriteria",
    "EndCaps",
    "Goal",
    "GoalResult",
    "GoalSheet",
    "Histogram",
    "MaskStructure",
    "Metric",
    "PlanarContour",
    "PointHistogram",
    "Reason",
    "Relation",
    "Structure",
    "StructureWarning",
    "Verdict",
    "VolumeUnit",
    "bed_gy",
    "check_goals",
    "compare_dvh",
    "compute_dvh",
    "conformity",
    "eqd2_gy",
    "eqd2_histogram",
    "eqd2_of_fractions_gy",
    "eud_gy",
    "geud_gy",
    "homogeneity",
    "metric_value",
    "read_goals_csv",
    "read_goals_json",
    "structure_mask",
]
