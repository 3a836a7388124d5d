"""DICOM inside the worker: parse, classify, seal, and write results.

`protect` turns an original's header into a protected one; `results` writes new objects out of
protected data. Values of originals never leave this package but sealed.
"""
