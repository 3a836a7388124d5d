"""Radiotherapy numerics on arrays: no input or output, no network, nothing of ours imported.

Arrays are (k, j, i), coordinates LPS in mm. Usable by anyone without the worker.
"""
