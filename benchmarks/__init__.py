"""Measurements of the engines. Times vary with the machine; ratios within one interleaved run compare."""
