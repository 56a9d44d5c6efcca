"""Compiled kernels of the numba engine, and the programs of kernel calls made from a graph.

Every module here but this one imports numba: only ``edgernn.runtime.engines.numba`` imports them, when
it opens a file.
"""
