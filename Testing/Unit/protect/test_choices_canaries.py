"""Canaries in real files that are sealed whole, vouched for, with moved dates: none in clear."""

from typing import Any

import pytest
from Testing.Unit.protect.kinds import pictures_and_some_of_each_class, sop_class_of
from Testing.Unit.protect.test_kinds_canaries import planted_in

from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_protocol.headers import encode_answer
from encryptsecurert_protocol.limits import KIB
from encryptsecurert_worker.dicom.protect import Protector
from encryptsecurert_worker.dicom.protect.choices import Choices, Dates, PixelText
from encryptsecurert_worker.dicom.protect.iods import IODS, SEALED_WHOLE, Iod
from EncryptSecureRTLib.client.dicomfiles import header_request, split_file

pytestmark = pytest.mark.real_data

MOST_OCTETS = 128 * KIB  # more are looked through for long, and have no more attributes
CHOICES = Choices(pixels=PixelText.VOUCHED, dates=Dates.SHIFT)


@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "vouched for, dates moved"])
def test_no_canary_of_a_real_file_stands_in_clear(site: Any, is_whole: bool) -> None:
    protector = Protector(site.keys, CHOICES)
    files = in_all = 0
    for path in pictures_and_some_of_each_class():
        try:
            request = header_request(split_file(path, whole=is_whole))
            if len(request.header) > MOST_OCTETS:
                continue
            answer = protector.protect(request)
        except EncryptSecureRTError:
            continue
        iod: Iod = SEALED_WHOLE if is_whole else IODS[sop_class_of(answer)]
        planted = planted_in(request, iod, path.name)
        files += 1
        in_all += len(planted.needles)

        changed = protector.answer(planted.request)

        assert changed.code is None, path.name
        assert planted.found_in(encode_answer(changed)) == [], path.name
    assert files >= 60
    assert in_all > 3000
