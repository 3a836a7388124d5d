"""Which machine vouches for the worker: Gramine's device, or the simulation, never by guess."""

from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_worker.evidence.gramine import ATTESTATION_DEVICE, GramineProvider
from encryptsecurert_worker.evidence.measurement import installed_packages, simulated_mrenclave
from encryptsecurert_worker.evidence.provider import QuoteProvider
from encryptsecurert_worker.vault.sealing_keys import (
    GramineSealingKey,
    SealingKeyProvider,
    SimulatedSealingKey,
)

_LOCK_FILE = Path(__file__).parents[3] / "requirements-worker.lock"


def gramine_parts() -> tuple[QuoteProvider, SealingKeyProvider]:
    """Return the parts for a worker inside Gramine on SGX; refused anywhere else."""
    return GramineProvider(), GramineSealingKey(ATTESTATION_DEVICE)


def simulated_parts(state: Path) -> tuple[QuoteProvider, SealingKeyProvider]:
    """Return the SIMULATED parts, whose keys lie as files in the state folder."""
    # Not part of the measured image, hence imported only where the configuration asks for it.
    from encryptsecurert_worker.evidence.simulated import SimulatedProvider
    from encryptsecurert_worker.server.building import utc_now

    lock = _LOCK_FILE if _LOCK_FILE.exists() else None
    mrenclave = simulated_mrenclave(installed_packages(), lock)
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
    provider = SimulatedProvider(state / "SIMULATED-tee", mrenclave, utc_now)
    return provider, SimulatedSealingKey(state, mrenclave.hex())
