"""Where a worker's evidence comes from.

    provider        the seam: a quote over 64 octets
    gramine         quotes by the CPU, through Gramine's attestation device
    simulated*      quotes by software under a test PKI of its own; protects nothing
    ratls_cert      the TLS certificate that carries the evidence
    measurement     what the simulation calls MRENCLAVE
    release         what a policy needs to know of a worker

The modules named `simulated*` are not part of the measured image and are imported only where the
configuration asks for the simulation. Nothing here falls back from one provider to another.
"""
