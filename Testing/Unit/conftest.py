"""What the unit tests of several folders share."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from data_pack import DATA


@pytest.fixture(scope="session")
def real_cts() -> Sequence[Path]:
    """Return the CT files of the data pack."""
    crlm = sorted((DATA / "ct_abdomen_crlm").rglob("*.dcm"))
    sarcoma = sorted((DATA / "sts_ct_mr_pet").glob("*/dicom/CT/image/*.dcm"))
    if not crlm + sarcoma:
        pytest.skip("the data pack beside the checkout (../shared/data) is not there")
    return crlm + sarcoma
