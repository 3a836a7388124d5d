"""From one original header to one protected header.

    request -> walk -> refusals -> whose header it is                            examine
            -> clear part by the allow-list of its kind                          seal
            -> sealed part: every other original, and the raw header; for each offline recipient
               an item more, of its classes
            -> preamble, meta, clear part with (0400,0500) in its place, head of the pixels

A request that is whole goes the same way with a list of its own, of an instance of raw data: its
pixels are originals like the others, and nothing follows the sealed part.

Between the two a caller can judge whether this patient's headers are protected for this user. A
`Protector` is made once for a bundle's keys and used for every instance: it keeps the
recipients with a content key for each study, the allow-lists by tag, the UIDs mapped last and what
became of the last values. It holds no lock and changes nothing but caches, so threads may share it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import (
    BulkInsert,
    HeaderRequest,
    HeaderState,
    ProtectedHeader,
    refused_header,
)
from encryptsecurert_protocol.offline import OfflineRecipient
from encryptsecurert_worker.dicom.protect import refusals
from encryptsecurert_worker.dicom.protect.choices import Choices, Dates, PixelText
from encryptsecurert_worker.dicom.protect.class_items import ClassItems
from encryptsecurert_worker.dicom.protect.clearing import Clearing, LastValues
from encryptsecurert_worker.dicom.protect.elements import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    PIXEL_DATA,
    PIXEL_TAGS,
    Element,
    Header,
    read_header,
)
from encryptsecurert_worker.dicom.protect.envelope import Envelope
from encryptsecurert_worker.dicom.protect.identity import (
    map_uid,
    plain_uid,
    pseudonym_of,
    shift_days_of,
)
from encryptsecurert_worker.dicom.protect.iods import SEALED_WHOLE, Iod
from encryptsecurert_worker.dicom.protect.iods.whole import RAW_DATA_STORAGE
from encryptsecurert_worker.dicom.protect.sealed import ENCRYPTED_ATTRIBUTES, sealed_sequence
from encryptsecurert_worker.dicom.protect.shell import file_head, markers
from encryptsecurert_worker.dicom.protect.writing import explicit_original, write_head

KEY_BYTES = 32

_SOP_INSTANCE, _STUDY, _SERIES = 0x00080018, 0x0020000D, 0x0020000E
_BITS_ALLOCATED, _FLOAT_PIXELS = 0x00280100, 0x7FE00008
_UNDEFINED, _SEQUENCE_END = 0xFFFFFFFF, b"\xfe\xff\xdd\xe0\0\0\0\0"
_UIDS_KEPT = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionKeys:
    """What protecting needs of a site.

    `uid_key`, `pid_key` and `dateshift_key` are the sub-keys ``uid/v1``, ``pid/v1`` and
    ``dateshift/v1``, 32 octets each; the certificates are DER, of the site's recipient key and of
    the escrow key; `offline` recipients have items of their own. `simulated` marks what a SIMULATED
    worker makes, since its keys are nobody's secret.
    """

    uid_key: bytes = field(repr=False)
    pid_key: bytes = field(repr=False)
    dateshift_key: bytes = field(repr=False)
    recipient_certificate: bytes = field(repr=False)
    escrow_certificate: bytes = field(repr=False)
    offline: tuple[OfflineRecipient, ...] = ()
    simulated: bool = False

    def __post_init__(self) -> None:
        keys = (self.uid_key, self.pid_key, self.dateshift_key)
        if any(len(key) != KEY_BYTES for key in keys) or len(set(keys)) != len(keys):
            raise EncryptSecureRTError(ErrorCode.E_BUNDLE)


@dataclass(frozen=True, slots=True)
class _Identity:
    """The originals' UIDs by tag, what the patient is called in clear, and the days of a shift."""

    uids: dict[int, bytes]
    pseudonym: bytes
    days: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminedHeader:
    """A header that nothing speaks against protecting.

    `vouched`: it is one that would be refused if its user did not vouch for its pixels.
    """

    request: HeaderRequest
    header: Header
    sop_class: bytes
    iod: Iod
    identity: _Identity
    vouched: bool

    @property
    def pseudonym(self) -> str:
        """What the patient is called in clear."""
        return self.identity.pseudonym.decode("ascii")


class Protector:
    """Protects headers under one set of keys, as the user of a job has chosen.

    Raises
    ------
    EncryptSecureRTError
        E_BUNDLE if a certificate is not an RSA one of at least 3072 bits.
    """

    def __init__(self, keys: ProtectionKeys, choices: Choices | None = None) -> None:
        choices = choices or Choices()
        self._vouched = choices.pixels is PixelText.VOUCHED
        self._pid_key = keys.pid_key
        dates_moved = choices.dates is Dates.SHIFT
        self._dateshift_key = keys.dateshift_key if dates_moved else None
        self._markers = markers(simulated=keys.simulated, dates_moved=dates_moved)
        self._envelope = Envelope(keys.recipient_certificate, keys.escrow_certificate)
        self._class_items = ClassItems(keys.offline)
        self._last: dict[str, LastValues] = {}
        self._map_uid: Callable[[bytes], bytes] = lru_cache(_UIDS_KEPT)(
            partial(map_uid, keys.uid_key)
        )

    def answer(self, request: HeaderRequest) -> ProtectedHeader:
        """Protect one header; a refusal is an answer, too."""
        try:
            return self.protect(request)
        except EncryptSecureRTError as refusal:
            return refused_header(refusal.code)

    def protect(self, request: HeaderRequest) -> ProtectedHeader:
        """Examine one header and seal it, for a caller that asks nothing in between."""
        return self.seal(self.examine(request))

    def examine(self, request: HeaderRequest) -> ExaminedHeader:
        """Walk one header and find whose it is.

        Raises
        ------
        EncryptSecureRTError
            E_TRANSFER_SYNTAX, E_DICOM, E_FORMAT, E_TOO_LARGE (see `read_header`);
            E_PROTECTED_ALREADY, E_MISSING_UID, E_MODALITY, E_BURNED_IN (see `refusals`).
        """
        header = read_header(request)
        refusals.check_not_protected(header)
        sop_class, iod, vouched = RAW_DATA_STORAGE, SEALED_WHOLE, False
        if not request.whole:
            sop_class, iod = refusals.known_class(header, vouched=self._vouched)
        identity = self._identity(header, iod)
        if not request.whole:
            lengths = [one.length for one in request.bulk]
            vouched = refusals.check_pixels(header, iod, lengths, vouched=self._vouched)
        return ExaminedHeader(
            request=request,
            header=header,
            sop_class=sop_class,
            iod=iod,
            identity=identity,
            vouched=vouched,
        )

    def seal(self, examined: ExaminedHeader) -> ProtectedHeader:
        """Make the protected header of an examined one (E_DICOM)."""
        return self.seal_with_tags(examined)[0]

    def seal_with_tags(self, examined: ExaminedHeader) -> tuple[ProtectedHeader, Sequence[int]]:
        """Make the protected header of an examined one, and tell which originals are sealed in it.

        These are the tags of the attributes that do not stand in clear as they were.

        Raises
        ------
        EncryptSecureRTError
            E_DICOM if a required attribute has a wrong value; E_TOO_LARGE.
        """
        request, header, identity = examined.request, examined.header, examined.identity
        clear, sealed_tags = self._classify(header, examined.iod, identity)
        if request.whole:
            sealed_tags += [tag for tag in PIXEL_TAGS if tag in header.elements]
        study = identity.uids[_STUDY]
        clear[ENCRYPTED_ATTRIBUTES] = sealed_sequence(
            self._envelope,
            request,
            ((tag, explicit_original(header, header.elements[tag])) for tag in sealed_tags),
            study,
            self._class_items.seal(header, sealed_tags, study),
        )
        instance = self._map_uid(identity.uids[_SOP_INSTANCE])
        series = self._map_uid(identity.uids[_SERIES])
        is_compressed = header.is_encapsulated and not request.whole
        syntax = header.syntax if is_compressed else EXPLICIT_VR_LITTLE_ENDIAN
        octets = b"".join(
            (
                file_head(examined.sop_class, instance, syntax),
                *(clear[tag] for tag in sorted(clear)),
                _pixel_head(header, request),
            )
        )
        answer = ProtectedHeader(
            state=HeaderState.PROTECTED,
            name=f"{series.decode('ascii')}/{instance.decode('ascii')}.dcm",
            bulk=tuple(
                BulkInsert(at=len(octets), length=one.length, sha256=one.sha256)
                for one in request.bulk
            ),
            header=octets + (_SEQUENCE_END if header.is_encapsulated and request.bulk else b""),
        )
        return answer, sealed_tags

    def _identity(self, header: Header, iod: Iod) -> _Identity:
        uids = {tag: plain_uid(header.value(tag)) for tag in iod.required_uids}
        study, key = uids[_STUDY], self._dateshift_key
        days = None if key is None else shift_days_of(key, header, study)
        return _Identity(uids, pseudonym_of(self._pid_key, header, study), days)

    def _classify(
        self, header: Header, iod: Iod, identity: _Identity
    ) -> tuple[dict[int, bytes], list[int]]:
        """Return the clear elements by tag, and the tags whose originals are sealed."""
        clearing = Clearing(
            header=header,
            pseudonym=identity.pseudonym,
            map_uid=self._map_uid,
            days=identity.days,
            last=self._last.setdefault(iod.name, {}),
        )
        clear = dict(self._markers)
        clear.update((rule.tag, clearing.always(rule)) for rule in iod.always)
        part, sealed = clearing.data_set(header.elements, iod.by_tag)
        clear.update(part)
        return clear, sealed


def _pixel_head(header: Header, request: HeaderRequest) -> bytes:
    """Return the head of the pixels; nothing if there are none, or none in clear.

    Compressed ones are OB; wide and implicit ones OW (PS3.5 Annex A.1, A.2); floats have a VR of
    their own.
    """
    pixels = header.pixels
    if pixels is None or request.whole:
        return b""
    if header.is_encapsulated:
        return write_head(PIXEL_DATA, b"OB", _UNDEFINED)
    return write_head(pixels.tag, _pixel_vr(header, pixels), request.bulk[0].length)


def _pixel_vr(header: Header, pixels: Element) -> bytes:
    if pixels.tag != PIXEL_DATA:
        vr = b"OF" if pixels.tag == _FLOAT_PIXELS else b"OD"
        if pixels.vr not in (b"", vr):
            raise EncryptSecureRTError(ErrorCode.E_DICOM)
        return vr
    if pixels.vr not in (b"", b"OB", b"OW"):
        raise EncryptSecureRTError(ErrorCode.E_DICOM)
    is_narrow = header.value(_BITS_ALLOCATED) in (b"\x08\x00", b"\x01\x00")
    return b"OB" if pixels.vr == b"OB" and is_narrow else b"OW"
