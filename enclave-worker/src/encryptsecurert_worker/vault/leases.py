"""Whether the worker may use the site's secrets now, where the site asks for leases."""

import threading
from datetime import timedelta

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.leases import Lease, open_lease
from encryptsecurert_worker.vault.ledger import Change
from encryptsecurert_worker.vault.site import Site
from encryptsecurert_worker.vault.time import WorkerTime


class LeaseKeeper:
    """Holds the lease of this start; a lease is never restored from the state folder.

    Invariant: without leases in the bundle everything is open; with them nothing is, unless a
    lease for this start and the present epoch is here and has not ended by either clock.
    """

    def __init__(self, site: Site, time: WorkerTime, start_id: str) -> None:
        self._site = site
        self._time = time
        self._start_id = start_id
        self._lock = threading.Lock()
        self._lease: Lease | None = None
        self._ends_s = 0.0

    def take(self, message: object) -> tuple[Lease, Change]:
        """Take a signed lease; returns it and the fact to write (the time that it proved).

        Raises
        ------
        EncryptSecureRTError
            E_NOT_PROVISIONED; E_BUNDLE if it is not the site's or longer than its bundle says;
            E_REPLAY if it is for another start or epoch, not newer than the last, or over.
        """
        provisioned = self._site.require()
        lease = open_lease(message, provisioned.site_key)
        if lease.length_s > provisioned.core.lease_s:
            raise EncryptSecureRTError(ErrorCode.E_BUNDLE)
        if lease.start_id != self._start_id or lease.epoch != provisioned.core.epoch:
            raise EncryptSecureRTError(ErrorCode.E_REPLAY, "the lease is for another state")
        with self._lock:
            held = self._lease
            if held is not None and (held.epoch, held.time) >= (lease.epoch, lease.time):
                raise EncryptSecureRTError(ErrorCode.E_REPLAY, "a newer lease is here")
            if self._time.now() >= lease.not_after:
                raise EncryptSecureRTError(ErrorCode.E_REPLAY, "the lease is over")
            fact = self._time.signed(lease.time)
            self._time.leased(lease.time)
            self._lease = lease
            # Both clocks count: the host's may stand still, the monotonic one knows no sleep.
            self._ends_s = self._time.monotonic_s() + lease.length_s
            return lease, fact

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the lease ends; None where no lease is asked for."""
        provisioned = self._site.current
        if provisioned is None or provisioned.core.lease_s == 0:
            return None
        with self._lock:
            lease, ends_s = self._lease, self._ends_s
        if lease is None or lease.epoch != provisioned.core.epoch:
            return 0.0
        by_host = (lease.not_after - self._time.now()) / timedelta(seconds=1)
        return max(0.0, min(by_host, ends_s - self._time.monotonic_s()))

    @property
    def open(self) -> bool:
        """Whether the site's secrets may be used now."""
        left = self.seconds_left
        return self._site.current is not None and (left is None or left > 0)

    def require(self) -> None:
        """Refuse with E_NOT_PROVISIONED unless the site's secrets may be used now."""
        if not self.open:
            raise EncryptSecureRTError(ErrorCode.E_NOT_PROVISIONED, "the worker waits for a lease")
