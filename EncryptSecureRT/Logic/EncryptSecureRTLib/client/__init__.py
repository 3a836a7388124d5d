"""The client: attested transport, sealed uploads, jobs, receipts, DICOM files, command line.

Import from the modules; nothing is imported here, so that the panel's child process starts fast.
"""
