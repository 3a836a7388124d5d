"""Speed of `protect`: real headers through client and worker, one thread and two.

    .venv/bin/python Testing/benchmarks/bench_protect.py [seconds for each figure]

The floor for CT is 250 instances a second and thread outside SGX, the aim 500. Reading, decoding
and writing the same header with pydicom, without any sealing, is there to compare.
"""

import datetime
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

import pydicom
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from data_pack import DATA

from encryptsecurert_protocol.headers import (
    HeaderRequest,
    decode_request,
    encode_answer,
    encode_request,
)
from encryptsecurert_worker.dicom.protect import ProtectionKeys, Protector
from EncryptSecureRTLib.client.dicomfiles import header_request, splice, split_file

SETS = {
    "CT, explicit VR": "ct_abdomen_crlm/*/*.dcm",
    "CT, implicit VR": "sts_ct_mr_pet/*/dicom/CT/image/*.dcm",
    "MR": "sts_ct_mr_pet/*/dicom/MR_T1/image/*.dcm",
    "PET": "sts_ct_mr_pet/*/dicom/PET/image/*.dcm",
    "RT structure set": "dicomrt_breast_dicompyler/rtss.dcm",
    "RT plan": "dicomrt_breast_dicompyler/rtplan.dcm",
    "RT dose": "dicomrt_breast_dicompyler/rtdose.dcm",
}


def _certificate(common_name: str) -> bytes:
    key = rsa.generate_private_key(65537, 3072)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.DER)


def _rate(work: Callable[[int], object], seconds: float, threads: int = 1) -> float:
    """Return calls of `work` a second; it is called with 0, 1, 2 and so on by each thread."""
    counts = [0] * threads
    stop = time.perf_counter() + seconds

    def run(number: int) -> None:
        while time.perf_counter() < stop:
            work(counts[number])
            counts[number] += 1

    workers = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.perf_counter() - start)


def _rewrite_with_pydicom(octets: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(BytesIO(octets), stop_before_pixels=True)
        dataset.decode()
        for element in dataset.iterall():
            _ = element.value
        dataset.save_as(BytesIO())


def _row(name: str, paths: Sequence[Path], protector: Protector, seconds: float) -> None:
    splits = [split_file(path) for path in paths]
    requests = [header_request(split) for split in splits]
    wire = [encode_request(request) for request in requests]
    answers = [protector.protect(request) for request in requests]
    count = len(paths)

    def over_the_wire(number: int) -> None:
        request: HeaderRequest = decode_request(wire[number % count])
        encode_answer(protector.protect(request))

    with tempfile.TemporaryDirectory() as folder:
        figures = [
            _rate(lambda n: protector.protect(requests[n % count]), seconds),
            _rate(lambda n: protector.protect(requests[n % count]), seconds, 2),
            _rate(over_the_wire, seconds),
            _rate(lambda n: split_file(paths[n % count]), seconds),
            _rate(
                lambda n: splice(
                    answers[n % count], paths[n % count], splits[n % count], Path(folder)
                ),
                seconds,
            ),
            _rate(lambda n: _rewrite_with_pydicom(bytes(splits[n % count].header)), seconds),
        ]
    sizes = f"{len(splits[0].header):>8}{len(answers[0].header):>9}"
    print(f"{name:<18}{sizes}" + "".join(f"{figure:>11.0f}" for figure in figures))


def main() -> None:
    """Print the table."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    protector = Protector(
        ProtectionKeys(
            uid_key=bytes(32),
            pid_key=b"\1" * 32,
            dateshift_key=b"\2" * 32,
            recipient_certificate=_certificate("0f3a"),
            escrow_certificate=_certificate("77c1"),
        )
    )
    print(f"{'':<18}{'header':>8}{'sealed':>9}" + f"{'instances per second':>28}")
    heads = ("protect", "2 threads", "with wire", "split", "splice", "pydicom")
    print(f"{'':<18}{'bytes':>8}{'bytes':>9}" + "".join(f"{head:>11}" for head in heads))
    for name, pattern in SETS.items():
        paths = sorted(DATA.glob(pattern))
        if not paths:
            print(f"{name:<18} the data pack beside the checkout is not there")
            continue
        _row(name, paths, protector, seconds)


if __name__ == "__main__":
    main()
