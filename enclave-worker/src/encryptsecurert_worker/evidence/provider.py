"""The seam between the worker and the machine that vouches for it."""

from typing import Protocol

from encryptsecurert_protocol.statement import Kind

REPORT_DATA_BYTES = 64
SIGNED_BYTES = 432
MIN_QUOTE_BYTES = 1020


class QuoteProvider(Protocol):
    """Something that makes quotes; `GramineProvider` and `SimulatedProvider` are the two."""

    @property
    def kind(self) -> Kind:
        """Whether the evidence is simulated."""
        ...

    @property
    def measurement(self) -> str:
        """MRENCLAVE of this worker, in hex."""
        ...

    def quote(self, report_data: bytes) -> bytes:
        """Return a quote over exactly 64 octets."""
        ...

    def collateral(self) -> bytes | None:
        """Return the collateral that goes with the quotes, as JSON, or None if unknown here."""
        ...
