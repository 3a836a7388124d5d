"""What a verifier remembers, so that nothing old can be brought back.

    CollateralStore   folder   collateral by FMSPC and CA, the highest numbers seen, the clock floor
    SiteMemory        folder   the highest epoch and the last audit head of each site
    ReplayCache       memory   nonces and quotes of this process

State files are canonical JSON. One that cannot be read is an error and not a fresh start: whoever
can damage it could otherwise make us forget.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import DIGEST_BYTES, MAX_INTEGER, Fields, time_text
from encryptsecurert_protocol.limits import LIMITS
from EncryptSecureRTLib.attest.collateral import Collateral, read_collateral
from EncryptSecureRTLib.attest.localfiles import read_whole, write_whole
from EncryptSecureRTLib.attest.qvl import Claims
from EncryptSecureRTLib.attest.roots import PckCa, root_key_id

_MAX_STATE_BYTES = 64 * 1024
_EPOCH_0 = datetime(1970, 1, 1, tzinfo=UTC)
_SEEN_MEMBERS = (
    "tcb_evaluation qe_evaluation tcb_issued qe_issued root_crl_number pck_crl_number".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCollateral:
    """The highest numbers and dates that verified collateral of one platform ever had."""

    tcb_evaluation: int = 0
    qe_evaluation: int = 0
    tcb_issued: datetime = _EPOCH_0
    qe_issued: datetime = _EPOCH_0
    root_crl_number: int = 0
    pck_crl_number: int = 0

    @classmethod
    def of(cls, collateral: Collateral, claims: Claims) -> "SeenCollateral":
        """Return the numbers of verified collateral."""
        return cls(
            tcb_evaluation=collateral.tcb.evaluation,
            qe_evaluation=collateral.qe.evaluation,
            tcb_issued=collateral.tcb.issued,
            qe_issued=collateral.qe.issued,
            root_crl_number=claims.root_crl_number,
            pck_crl_number=claims.pck_crl_number,
        )

    def goes_back(self, newer: "SeenCollateral") -> bool:
        """Tell whether anything in `newer` is lower than here."""
        return any(getattr(newer, name) < getattr(self, name) for name in _SEEN_MEMBERS)

    def raised_by(self, other: "SeenCollateral") -> "SeenCollateral":
        """Return the higher of each."""
        return SeenCollateral(
            **{name: max(getattr(self, name), getattr(other, name)) for name in _SEEN_MEMBERS}
        )

    def to_json(self) -> dict[str, str | int]:
        """Return the form in the state file."""
        values = {name: getattr(self, name) for name in _SEEN_MEMBERS}
        # CRL numbers have up to 20 octets, more than a JSON number holds: text.
        return {
            name: time_text(value) if isinstance(value, datetime) else str(value)
            for name, value in values.items()
        }

    @classmethod
    def from_json(cls, value: object) -> "SeenCollateral":
        """Read the form in the state file; E_LOCAL_FILE otherwise."""
        fields = Fields(value, _SEEN_MEMBERS, ErrorCode.E_LOCAL_FILE)
        number = r"0|[1-9][0-9]{0,48}"
        return cls(
            tcb_evaluation=int(fields.text("tcb_evaluation", number)),
            qe_evaluation=int(fields.text("qe_evaluation", number)),
            tcb_issued=fields.time("tcb_issued"),
            qe_issued=fields.time("qe_issued"),
            root_crl_number=int(fields.text("root_crl_number", number)),
            pck_crl_number=int(fields.text("pck_crl_number", number)),
        )


def _read_state(path: Path) -> dict[str, object] | None:
    octets = read_whole(path, _MAX_STATE_BYTES)
    if octets is None:
        return None
    try:
        return canonical.decode(octets, _MAX_STATE_BYTES)
    except EncryptSecureRTError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None


class CollateralStore:
    """Collateral in a folder of the client; what was verified never goes back.

    `place` is for a person who loads a file: it checks the form only, since no root is known yet.
    `raise_seen` is for the verifier, with collateral that was proved.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def _path(self, fmspc: bytes, ca: PckCa) -> Path:
        return self._folder / f"collateral-{fmspc.hex()}-{ca.value}.json"

    def _seen_path(self, collateral: Collateral) -> Path:
        # By root, too: nobody can raise the numbers of real platforms with a simulated one.
        name = f"{collateral.fmspc.hex()}-{collateral.ca.value}-{root_key_id(collateral.root)[:16]}"
        return self._folder / f"seen-{name}.json"

    @property
    def _floor_path(self) -> Path:
        return self._folder / "clock-floor.json"

    def load(self, fmspc: bytes, ca: PckCa) -> bytes | None:
        """Return the collateral for a platform, or None."""
        return read_whole(self._path(fmspc, ca), LIMITS.evidence_bytes)

    def place(self, octets: bytes) -> Collateral:
        """Keep collateral that a person loads; E_COLLATERAL_ROLLBACK if older than some verified.

        Raises
        ------
        EncryptSecureRTError
            Also what `read_collateral` raises, and E_LOCAL_FILE.
        """
        collateral = read_collateral(octets)
        with self._lock:
            seen = self._seen(collateral)
            if (
                collateral.tcb.evaluation < seen.tcb_evaluation
                or collateral.qe.evaluation < seen.qe_evaluation
                or collateral.tcb.issued < seen.tcb_issued
                or collateral.qe.issued < seen.qe_issued
            ):
                raise EncryptSecureRTError(ErrorCode.E_COLLATERAL_ROLLBACK)
            write_whole(self._path(collateral.fmspc, collateral.ca), octets)
        return collateral

    def _seen(self, collateral: Collateral) -> SeenCollateral:
        state = _read_state(self._seen_path(collateral))
        return SeenCollateral() if state is None else SeenCollateral.from_json(state)

    def seen(self, collateral: Collateral) -> SeenCollateral:
        """Return the highest numbers ever verified for this collateral's platform."""
        with self._lock:
            return self._seen(collateral)

    def clock_floor(self) -> datetime:
        """Return the latest issue date ever verified: it cannot be earlier than that now."""
        state = _read_state(self._floor_path)
        if state is None:
            return _EPOCH_0
        return Fields(state, ("clock_floor",), ErrorCode.E_LOCAL_FILE).time("clock_floor")

    def raise_seen(self, collateral: Collateral, claims: Claims) -> None:
        """Remember verified collateral, keep it for later, and raise the clock floor."""
        with self._lock:
            old = self._seen(collateral)
            new = SeenCollateral.of(collateral, claims)
            if old.goes_back(new):
                raise EncryptSecureRTError(ErrorCode.E_COLLATERAL_ROLLBACK)
            if old != new:
                write_whole(
                    self._seen_path(collateral), canonical.encode(old.raised_by(new).to_json())
                )
            path = self._path(collateral.fmspc, collateral.ca)
            if read_whole(path, LIMITS.evidence_bytes) != collateral.octets:
                write_whole(path, collateral.octets)
            floor = max(collateral.tcb.issued, collateral.qe.issued)
            if floor > self.clock_floor():
                write_whole(self._floor_path, canonical.encode({"clock_floor": time_text(floor)}))


class SiteMemory:
    """The highest epoch and the last audit head of each site that was accepted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def _path(self, site_key_id: str) -> Path:
        return self._folder / f"site-{site_key_id}.json"

    def highest_epoch(self, site_key_id: str) -> int:
        """Return the highest epoch seen, 0 if none."""
        state = _read_state(self._path(site_key_id))
        if state is None:
            return 0
        fields = Fields(state, ("epoch", "audit_head"), ErrorCode.E_LOCAL_FILE)
        fields.hex("audit_head", DIGEST_BYTES)
        return fields.integer("epoch", 1, MAX_INTEGER)

    def remember(self, site_key_id: str, epoch: int, audit_head: str) -> None:
        """Keep what an accepted statement said; E_REPLAY if the epoch is lower than one seen."""
        with self._lock:
            if epoch < self.highest_epoch(site_key_id):
                raise EncryptSecureRTError(ErrorCode.E_REPLAY)
            octets = canonical.encode({"epoch": epoch, "audit_head": audit_head})
            path = self._path(site_key_id)
            if read_whole(path, _MAX_STATE_BYTES) != octets:
                write_whole(path, octets)


class ReplayCache:
    """Nonces that were asked and fresh quotes that were judged in this process.

    The oldest are forgotten beyond `capacity`; a nonce is 32 random octets, so an old quote can
    come back only together with its nonce, which is refused by its age.
    """

    def __init__(self, capacity: int = 16384) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._nonces: OrderedDict[bytes, None] = OrderedDict()
        self._quotes: OrderedDict[bytes, None] = OrderedDict()

    def _add(self, known: OrderedDict[bytes, None], item: bytes) -> bool:
        with self._lock:
            if item in known:
                return False
            known[item] = None
            while len(known) > self._capacity:
                known.popitem(last=False)
            return True

    def use_nonce(self, nonce: bytes) -> bool:
        """Use up a nonce; False if it was used before."""
        return self._add(self._nonces, nonce)

    def use_quote(self, replay_key: bytes) -> bool:
        """Use up a quote, by SHA-256 of its signed octets; False if it was seen before."""
        return self._add(self._quotes, replay_key)

    def recent_nonces(self, count: int = 64) -> list[bytes]:
        """Return the last nonces, newest first."""
        with self._lock:
            return list(reversed(self._nonces))[:count]
