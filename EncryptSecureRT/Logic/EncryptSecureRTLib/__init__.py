"""EncryptSecureRT on the workstation: attestation, client, custodian, scene and panel.

Sub-packages and what belongs in them: `attest` (evidence to verdict), `client` (transport,
jobs, command line), `custodian` (the site key custodian's commands), `scene` (MRML nodes to
arrays, the one place where RAS meets LPS) and `panel` (widgets). Nothing is imported here, so
that loading the Slicer module stays cheap.
"""
