"""What a script gets of a comparison of doses: nodes, the pass rate with its criteria, a receipt.

>>> print(comparison)     # doctest: +SKIP
97.31 % of 24,310 points: gamma 3 %/2 mm, global (60 Gy, reference maximum), ...
"""

# ruff: noqa: N815 - scripts in Slicer are in camelCase

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import slicer

from EncryptSecureRTLib.client.process import (
    EncryptSecureRTError,
    ErrorCode,
    client_argv,
    run_client,
)
from EncryptSecureRTLib.panel.results import RECEIPT_FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedReceipt:
    """The receipt of a job, whose signature held before anything was loaded.

    Attributes
    ----------
    folder : where the results are until the session's next job begins; None if they are gone.
    """

    sha256: str
    simulated: bool
    home: Path = field(repr=False)
    folder: Path | None = field(repr=False)

    def verify(self) -> bool:
        """Judge it and the results beside it again, offline; the event loop turns meanwhile.

        Raises
        ------
        EncryptSecureRTError
            What is wrong with it; E_LOCAL_FILE if the files are gone.
        """
        if self.folder is None or not (self.folder / RECEIPT_FILE).is_file():
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "the results are gone")
        request = {"receipt": str(self.folder / RECEIPT_FILE), "home": str(self.home)}
        run_client(client_argv("verify"), request, idle=slicer.app.processEvents)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A comparison that is in the scene; a node is None where there is no such result.

    Attributes
    ----------
    gamma, difference : vtkMRMLScalarVolumeNode
    table : vtkMRMLTableNode, a row for the whole grid and one for each structure.
    chart : vtkMRMLPlotChartNode with the dose-volume histograms.
    passPercent : (proven, possible), None where nothing was evaluated.
    """

    gamma: Any
    difference: Any
    table: Any
    chart: Any
    passPercent: tuple[float | None, float | None]
    criteria: str
    rate: str
    receipt: SignedReceipt

    def __str__(self) -> str:
        return f"{self.rate}: {self.criteria}" if self.rate else "no gamma was asked for"
