"""The steps of a reveal in their order; a step is reached only through the one before it.

    file -> its digests are those of an entry in a manifest that this site signed     examine
         -> the sealed item is opened; the original in it is of this instance and     open
            this patient: UID and pseudonym are computed from it
         -> what is seen of it                                                        show

Whether the case is open to the user, and what the role sees, is asked between the last two.
"""

from dataclasses import dataclass, field

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import HeaderRequest
from encryptsecurert_protocol.manifests import ManifestEntry
from encryptsecurert_protocol.reveals import OriginalFile, RevealClass, Revealed, RevealRequest
from encryptsecurert_worker.dicom.manifest.entries import read_protected
from encryptsecurert_worker.dicom.manifest.studies import ManifestSite
from encryptsecurert_worker.dicom.protect.elements import Header, read_header
from encryptsecurert_worker.dicom.protect.identity import map_uid, plain_uid, pseudonym_of
from encryptsecurert_worker.dicom.reveal.opening import Opener
from encryptsecurert_worker.dicom.reveal.view import view

_SOP_INSTANCE, _STUDY = 0x00080018, 0x0020000D


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A protected file that is, octet for octet, one that this site signed.

    Attributes
    ----------
    patient : pseudonym that the manifest has of it: to tell of it, not to decide by.
    content : the sealed item.
    """

    entry: ManifestEntry
    study: str
    patient: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An original that was opened; `pseudonym` is computed from it."""

    instance: str
    pseudonym: str
    request: HeaderRequest = field(repr=False)
    header: Header = field(repr=False)

    def show(self, classes: frozenset[RevealClass]) -> Revealed:
        """Return the attributes of some classes."""
        return Revealed(instance=self.instance, octets=view(self.header, classes))

    def whole(self) -> Revealed:
        """Return the original without its bulk (E_DIGEST if it has no digest to be proved by)."""
        if self.request.file_sha256 is None:
            raise EncryptSecureRTError(ErrorCode.E_DIGEST)
        file = OriginalFile(
            size=self.request.size,
            bulk=self.request.bulk,
            file_sha256=self.request.file_sha256,
            gaps=self.request.gaps,
        )
        return Revealed(instance=self.instance, file=file, octets=self.request.header)


class Revealer:
    """Reveals files of one site by the manifests that were taken.

    Parameters
    ----------
    uid_key, pid_key : the sub-keys ``uid/v1`` and ``pid/v1``.
    """

    def __init__(
        self, site: ManifestSite, opener: Opener, *, uid_key: bytes, pid_key: bytes
    ) -> None:
        self._site = site
        self._opener = opener
        self._uid_key = uid_key
        self._pid_key = pid_key
        self._known: dict[ManifestEntry, tuple[str, str]] = {}

    def take(self, octets: bytes) -> None:
        """Take the file of a manifest (E_DIGEST)."""
        manifest = self._site.open(octets)
        for entry in manifest.entries:
            self._known[entry] = (manifest.study, manifest.patient)

    def examine(self, request: RevealRequest) -> Listed:
        """Find a file in the manifests; no private key is used.

        Raises
        ------
        EncryptSecureRTError
            E_DIGEST if no manifest names exactly these octets; E_DICOM and others of the walk.
        """
        file = read_protected(request)
        known = self._known.get(file.entry)
        if known is None:
            raise EncryptSecureRTError(ErrorCode.E_DIGEST)
        study, patient = known
        return Listed(entry=file.entry, study=study, patient=patient, content=file.content)

    def open(self, listed: Listed) -> Opened:
        """Open the sealed item of a listed file.

        Raises
        ------
        EncryptSecureRTError
            E_SEAL if it does not open; E_DIGEST if it is of another instance, study or patient.
        """
        request = self._opener.open(listed.content)
        header = read_header(request)
        study = plain_uid(header.value(_STUDY))
        pseudonym = pseudonym_of(self._pid_key, header, study).decode("ascii")
        instance = self._mapped(plain_uid(header.value(_SOP_INSTANCE)))
        found = (instance, self._mapped(study), pseudonym)
        if found != (listed.entry.instance, listed.study, listed.patient):
            raise EncryptSecureRTError(ErrorCode.E_DIGEST)
        if tuple(one.sha256 for one in request.bulk) != listed.entry.bulk_sha256:
            raise EncryptSecureRTError(ErrorCode.E_DIGEST)
        return Opened(instance=instance, pseudonym=pseudonym, request=request, header=header)

    def _mapped(self, uid: bytes) -> str:
        return map_uid(self._uid_key, uid).decode("ascii")
