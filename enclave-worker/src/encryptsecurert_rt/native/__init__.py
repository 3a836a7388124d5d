"""Kernels in C, built ahead of time into one shared object, and the seam that loads it.

Each kernel works on one tile of a larger array, holds no state, allocates nothing without a bound
and returns 0 or a negative code. Every size is checked in Python and again in C. Python cuts the
work into tiles of a fixed size, so that the result is the same, bit for bit, for any number of
threads; `ctypes` releases the interpreter's lock while a kernel runs.
"""
