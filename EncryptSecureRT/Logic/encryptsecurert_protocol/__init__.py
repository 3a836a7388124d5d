"""What client and worker must agree on, byte for byte, and nothing else.

Wire messages with strict decoding, sealing, signatures, limits and errors. This package is
measured into the enclave, so it stays small: standard library and `cryptography` only, and no
measurement, policy value or trust root (a measurement inside itself would be a circle).
The normative text is `docs/protocol.md`; vectors are in `Testing/vectors/`.
"""
