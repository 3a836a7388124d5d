"""From one original header to one protected header.

    request -> walk -> refusals -> whose header it is                            examine
            -> clear part by the allow-list of its SOP class                     seal
            -> sealed part: every other original, and the raw header
            -> preamble, meta, clear part with (0400,0500) in its place, head of Pixel Data

Between the two a caller can judge whether this patient's headers are protected for this user. A
`Protector` is made once for a bundle's keys and used for every instance: it keeps the
recipients, the allow-lists by tag and the UIDs mapped last. It holds no lock and changes nothing
but caches, so threads may share it.
"""

from collections.abc import Callable
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
from encryptsecurert_worker.dicom.protect import refusals
from encryptsecurert_worker.dicom.protect.ct import CT_IMAGE_STORAGE, CT_RULES
from encryptsecurert_worker.dicom.protect.dictionary import is_registered_uid, vr_of
from encryptsecurert_worker.dicom.protect.elements import PIXEL_DATA, Element, Header, read_header
from encryptsecurert_worker.dicom.protect.envelope import Envelope
from encryptsecurert_worker.dicom.protect.identity import map_uid, patient_pseudonym, plain_uid
from encryptsecurert_worker.dicom.protect.rules import Action, Rule, clear_value
from encryptsecurert_worker.dicom.protect.sealed import ENCRYPTED_ATTRIBUTES, sealed_sequence
from encryptsecurert_worker.dicom.protect.shell import file_head, markers
from encryptsecurert_worker.dicom.protect.writing import (
    explicit_original,
    is_signed,
    write_element,
    write_head,
)

ALLOW_LISTS: dict[bytes, tuple[Rule, ...]] = {CT_IMAGE_STORAGE: CT_RULES}
"""One table for each SOP class that is handled; another IOD is another table."""

KEY_BYTES = 32

_SOP_INSTANCE, _STUDY, _SERIES, _FRAME_OF_REFERENCE = 0x00080018, 0x0020000D, 0x0020000E, 0x00200052
_PATIENT_ID, _ISSUER = 0x00100020, 0x00100021
_NEEDED_UIDS = (_SOP_INSTANCE, _STUDY, _SERIES, _FRAME_OF_REFERENCE)
_TRAILING_PADDING = 0xFFFCFFFC
_UIDS_KEPT = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionKeys:
    """What protecting needs of a site.

    `uid_key` and `pid_key` are the sub-keys ``uid/v1`` and ``pid/v1``, 32 octets each; the
    certificates are DER, of the site's recipient key and of the escrow key. `simulated` marks
    what a SIMULATED worker makes, since its keys are nobody's secret.
    """

    uid_key: bytes = field(repr=False)
    pid_key: bytes = field(repr=False)
    recipient_certificate: bytes = field(repr=False)
    escrow_certificate: bytes = field(repr=False)
    simulated: bool = False

    def __post_init__(self) -> None:
        if len(self.uid_key) != KEY_BYTES or len(self.pid_key) != KEY_BYTES:
            raise EncryptSecureRTError(ErrorCode.E_BUNDLE)
        if self.uid_key == self.pid_key:
            raise EncryptSecureRTError(ErrorCode.E_BUNDLE)


@dataclass(frozen=True, slots=True)
class _Identity:
    """The originals' UIDs by tag, and what the patient is called in clear."""

    uids: dict[int, bytes]
    pseudonym: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminedHeader:
    """A header that nothing speaks against protecting."""

    request: HeaderRequest
    header: Header
    sop_class: bytes
    identity: _Identity

    @property
    def pseudonym(self) -> str:
        """What the patient is called in clear."""
        return self.identity.pseudonym.decode("ascii")


class Protector:
    """Protects headers under one set of keys.

    Raises
    ------
    EncryptSecureRTError
        E_BUNDLE if a certificate is not an RSA one of at least 3072 bits.
    """

    def __init__(self, keys: ProtectionKeys) -> None:
        self._pid_key = keys.pid_key
        self._simulated = keys.simulated
        self._envelope = Envelope(keys.recipient_certificate, keys.escrow_certificate)
        self._map_uid: Callable[[bytes], bytes] = lru_cache(_UIDS_KEPT)(
            partial(map_uid, keys.uid_key)
        )
        self._rules = {
            uid: {rule.tag: rule for rule in rules} for uid, rules in ALLOW_LISTS.items()
        }

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
        sop_class = refusals.sop_class(header, frozenset(self._rules))
        identity = self._identity(header)
        refusals.check_no_text_in_pixels(header)
        refusals.check_pixel_size(header, [one.length for one in request.bulk])
        return ExaminedHeader(
            request=request, header=header, sop_class=sop_class, identity=identity
        )

    def seal(self, examined: ExaminedHeader) -> ProtectedHeader:
        """Make the protected header of an examined one.

        Raises
        ------
        EncryptSecureRTError
            E_DICOM if a required attribute has a wrong value.
        """
        request, header, identity = examined.request, examined.header, examined.identity
        clear, sealed_tags = self._classify(header, self._rules[examined.sop_class], identity)
        clear[ENCRYPTED_ATTRIBUTES] = sealed_sequence(
            self._envelope,
            request,
            ((tag, explicit_original(header, header.elements[tag])) for tag in sealed_tags),
        )
        instance = self._map_uid(identity.uids[_SOP_INSTANCE])
        series = self._map_uid(identity.uids[_SERIES])
        octets = b"".join(
            (
                file_head(examined.sop_class, instance),
                *(clear[tag] for tag in sorted(clear)),
                _pixel_data_head(header, request.bulk[0].length),
            )
        )
        bulk = request.bulk[0]
        return ProtectedHeader(
            state=HeaderState.PROTECTED,
            name=f"{series.decode('ascii')}/{instance.decode('ascii')}.dcm",
            bulk=(BulkInsert(at=len(octets), length=bulk.length, sha256=bulk.sha256),),
            header=octets,
        )

    def _identity(self, header: Header) -> _Identity:
        uids = {tag: plain_uid(header.value(tag)) for tag in _NEEDED_UIDS}
        pseudonym = patient_pseudonym(
            self._pid_key,
            issuer=header.value(_ISSUER) or b"",
            patient_id=header.value(_PATIENT_ID) or b"",
            study_uid=uids[_STUDY],
        )
        return _Identity(uids, pseudonym)

    def _classify(
        self, header: Header, rules: dict[int, Rule], identity: _Identity
    ) -> tuple[dict[int, bytes], list[int]]:
        """Return the clear elements by tag, and the tags whose originals are sealed."""
        clear = markers(simulated=self._simulated)
        sealed: list[int] = []
        for tag, rule in rules.items():
            if rule.action is Action.EMPTY:
                clear[tag] = write_element(tag, rule.vrs[0], b"")
            elif rule.action is Action.PSEUDONYM:
                clear[tag] = write_element(tag, rule.vrs[0], identity.pseudonym)
        for tag, element in header.elements.items():
            # Group lengths and trailing padding would be wrong elsewhere: the raw header has them.
            if tag & 0xFFFF == 0 or tag in (PIXEL_DATA, _TRAILING_PADDING):
                continue
            rule_or_none = rules.get(tag)
            if rule_or_none is None or not self._clear(
                header, element, rule_or_none, identity, clear
            ):
                sealed.append(tag)
        return clear, sealed

    def _clear(
        self,
        header: Header,
        element: Element,
        rule: Rule,
        identity: _Identity,
        clear: dict[int, bytes],
    ) -> bool:
        """Write one attribute into `clear`; return whether that says all the original said."""
        original = header.octets[element.value : element.value_end]
        vr = element.vr or self._implied_vr(header, rule)
        if rule.is_always_written:
            return vr == rule.vrs[0] and not original and rule.action is Action.EMPTY
        value: bytes | None
        if rule.action is Action.MAP_UID:
            value = self._map_uid(identity.uids[rule.tag])
        elif rule.action is Action.MAP_UID_UNLESS_REGISTERED:
            uid = identity.uids[rule.tag]
            value = uid if is_registered_uid(uid) else self._map_uid(uid)
        else:
            value = clear_value(rule, vr, original)
        if value is None:
            return False
        written_vr = vr if vr in rule.vrs else rule.vrs[0]
        octets = write_element(rule.tag, written_vr, value)
        clear[rule.tag] = octets
        return vr == written_vr and octets[8:] == original

    @staticmethod
    def _implied_vr(header: Header, rule: Rule) -> bytes:
        if len(rule.vrs) == 1:
            return rule.vrs[0]
        return vr_of(rule.tag, signed_pixels=is_signed(header))


def _pixel_data_head(header: Header, length: int) -> bytes:
    """Return the head of Pixel Data: OW for wide and for implicit pixels (PS3.5 Annex A.1, A.2)."""
    vr = header.elements[PIXEL_DATA].vr
    if vr not in (b"", b"OB", b"OW"):
        raise EncryptSecureRTError(ErrorCode.E_DICOM)
    is_bytes = vr == b"OB" and header.value(0x00280100) == b"\x08\x00"
    return write_head(PIXEL_DATA, b"OB" if is_bytes else b"OW", length)
