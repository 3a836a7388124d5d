"""What the worker can compute: each task parses its parameters, opens its inputs, runs, returns.

A task knows DICOM and numerics; it knows no HTTP, no disk and no certificate. Dose comparison and
registration find their place here beside `segment` and `protect`.
"""
