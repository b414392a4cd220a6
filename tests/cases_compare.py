#!/usr/bin/python3
"""Compares two .npy files value by value; exit status 1 with a sentence if they differ.

    cases_compare.py ACTUAL EXPECTED

A value may be off by TOLERANCE of the largest in its channel, axis 1. What is not finite must be the same.
"""
import sys

import numpy

TOLERANCE = 1e-4


def main():
    actual, expected = (numpy.load(path).astype(numpy.float64) for path in sys.argv[1:3])
    if actual.shape != expected.shape:
        sys.exit(f"{sys.argv[1]} has the shape {actual.shape}, not {expected.shape}")
    finite = numpy.isfinite(expected)
    others = tuple(axis for axis in range(expected.ndim) if axis != 1)
    size = numpy.abs(numpy.where(finite, expected, 0)).max(axis=others, keepdims=True)
    same = (actual == expected) | (numpy.isnan(actual) & numpy.isnan(expected))
    with numpy.errstate(invalid="ignore"):
        near = numpy.abs(actual - expected) <= TOLERANCE * size
    wrong = ~(same | (near & finite))
    if wrong.any():
        first = tuple(int(i) for i in numpy.argwhere(wrong)[0])
        sys.exit(f"{sys.argv[1]}: {wrong.sum()} of {wrong.size} values are wrong; {first} is {actual[first]}, not {expected[first]}")


main()
