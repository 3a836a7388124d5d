"""The report of one `protect` job, built up instance by instance."""

from collections import Counter
from collections.abc import Iterable, Sequence

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.offline import OfflineRecipient
from encryptsecurert_protocol.protection_reports import KindReport, ProtectionReport
from encryptsecurert_worker.dicom.manifest.entries import ProtectedFile
from encryptsecurert_worker.dicom.protect.choices import Choices, Dates, PixelText
from encryptsecurert_worker.dicom.protect.iods import Iod
from encryptsecurert_worker.dicom.protect.protector import ExaminedHeader
from encryptsecurert_worker.dicom.protect.shell import METHOD
from encryptsecurert_worker.dicom.report.counting import ClearCount, SealedTally
from encryptsecurert_worker.dicom.report.rows import rows_of

NOT_COVERED = (
    "Pixels stand in clear, whatever they show: heads have faces, implants and dental work "
    "identify, and text may be burned in where a file does not say so.",
    "Contours, plans, doses and geometry stand in clear: they describe the patient's body.",
    "Pixels and geometry allow to compare a protected study with an original one.",
    "Sizes and counts stay visible: of files, images, contours and beams, and of what was sealed "
    "to 4096 octets.",
    "Pseudonyms and UIDs are the same for the same original at this site, so that studies of a "
    "patient stay connected. Whoever has the site's keys can find who it is.",
    "What was sealed is encrypted with RSA-3072 and AES-256-CBC, as PS3.15 has it: a later quantum "
    "computer opens files that were kept.",
    "The study's manifest, a file of its own, tells the pseudonym, mapped UIDs and digests of "
    "protected files.",
    "Names of files and folders, and what lies beside the protected copy, are not looked at.",
)

_MOVED = (
    "Moved dates keep their intervals: whoever knows the true day of one study of a patient knows "
    "all of that patient's.",
)
_VOUCHED = ("That no pixel of pictures shows text is the user's word: nobody has looked at them.",)


def not_covered(choices: Choices, offline: Sequence[OfflineRecipient] = ()) -> tuple[str, ...]:
    """Return what protection does not mean, as it was chosen and as the site's bundle has it."""
    return (
        *NOT_COVERED,
        *map(_opened_offline, offline),
        *(_MOVED if choices.dates is Dates.SHIFT else ()),
        *(_VOUCHED if choices.pixels is PixelText.VOUCHED else ()),
    )


def _opened_offline(recipient: OfflineRecipient) -> str:
    classes = ", ".join(one.value for one in recipient.classes)
    return (
        f"A key outside of any worker ({recipient.name}) opens of every file: {classes}. Nobody "
        "hears when it is used, and it cannot be taken back from these files."
    )


class _KindCount:
    """The counts of one SOP class."""

    def __init__(self, iod: Iod, dates: Dates) -> None:
        self.name = iod.name
        self.instances = 0
        self.vouched = 0
        self.clear = ClearCount(rows_of(iod, dates))
        self.sealed = SealedTally()


class JobReport:
    """Hears of each instance, and tells the counts in the end.

    Parameters
    ----------
    algorithm : of the task.
    choices : of the job's user.
    offline : recipients of the site's bundle, who have items of their own.
    """

    def __init__(
        self, algorithm: str, choices: Choices, offline: Sequence[OfflineRecipient] = ()
    ) -> None:
        self._algorithm = algorithm
        self._offline = offline
        self._choices = choices
        self._studies: set[str] = set()
        self._kinds: dict[bytes, _KindCount] = {}
        self._refused: Counter[str] = Counter()

    def add(
        self, original: ExaminedHeader, sealed_tags: Iterable[int], protected: ProtectedFile
    ) -> None:
        """Count a protected instance.

        Parameters
        ----------
        sealed_tags : of the original's attributes that do not stand in clear as they were.
        protected : what was made of it.
        """
        count = self._kinds.get(original.sop_class)
        if count is None:
            count = _KindCount(original.iod, self._choices.dates)
            self._kinds[original.sop_class] = count
        self._studies.add(protected.study)
        count.instances += 1
        count.vouched += original.vouched
        count.clear.add(protected.header)
        count.sealed.add(tuple(sealed_tags), original.header.elements)

    def refuse(self, code: ErrorCode) -> None:
        """Count a refused instance."""
        self._refused[code.name] += 1

    def report(self) -> ProtectionReport:
        """Return the report.

        Raises
        ------
        EncryptSecureRTError
            E_INTERNAL if something stands in clear that no row of a kind's allow-list has.
        """
        return ProtectionReport(
            profile=METHOD.decode("ascii"),
            algorithm=self._algorithm,
            options={"dates": self._choices.dates.value, "pixels": self._choices.pixels.value},
            studies=tuple(sorted(self._studies)),
            kinds=tuple(
                KindReport(
                    sop_class=sop_class.decode("ascii"),
                    name=count.name,
                    instances=count.instances,
                    vouched=count.vouched,
                    attributes=count.clear.attributes(),
                    sealed=count.sealed.counts(),
                )
                for sop_class, count in sorted(self._kinds.items())
            ),
            refused=tuple(sorted(self._refused.items())),
            not_covered=not_covered(self._choices, self._offline),
        )
