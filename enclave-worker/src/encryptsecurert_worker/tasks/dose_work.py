"""How long a comparison would take, told from samples of its points before it is begun."""

from encryptsecurert_protocol.dose_jobs import DoseCompareParameters
from encryptsecurert_rt.dose.agreement import AgreementSearch, agreement_seconds
from encryptsecurert_rt.dose.gamma import GammaMode, estimate_work
from encryptsecurert_rt.dose.isodose import isodose_seconds
from encryptsecurert_worker.tasks.dose_inputs import DoseInputs
from encryptsecurert_worker.tasks.dose_maps import GAMMA_EPS, agreement_mask, criteria_of


def estimate_seconds(given: DoseInputs, asked: DoseCompareParameters) -> float:
    """Return seconds of one core for what may take hours: searches and isodoses.

    Only the input decides, so that the same job is refused or taken anywhere.
    """
    seconds = 0.0
    if asked.gamma is not None:
        seconds += estimate_work(
            given.reference,
            given.evaluated,
            criteria_of(asked.gamma),
            reference_to_evaluated=given.reference_to_evaluated,
            mode=GammaMode(asked.gamma.mode.value),
            eps=GAMMA_EPS,
        ).seconds
    if asked.agreement is not None:
        seconds += agreement_seconds(
            given.reference,
            given.evaluated,
            search=AgreementSearch(radius_mm=asked.agreement.radius_mm),
            mask=agreement_mask(given.reference, asked.agreement),
            reference_to_evaluated=given.reference_to_evaluated,
        )
    if asked.isodoses:
        seconds += isodose_seconds(given.reference, given.evaluated, asked.isodoses)
    return seconds
