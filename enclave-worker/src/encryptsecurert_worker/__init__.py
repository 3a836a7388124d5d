"""The attested worker: server, evidence, vault, jobs, DICOM in and out, tasks.

Everything here is measured into the enclave, but `evidence.simulated`, which a release image
leaves out. Numerics belong in `encryptsecurert_rt`, wire formats in `encryptsecurert_protocol`.
"""

__version__ = "0.1.0"
