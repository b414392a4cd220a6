#!/usr/bin/python3
"""Compares what quantised_test.sh has run of quantised_make.py's models, and prints it.

    quantised_compare.py FOLDER

Of each model MODEL.onnx the outputs are in MODEL.alone, MODEL.six and MODEL.ten (workers, of which two are gone). Exit status 1
if something is beyond the bounds below, with a line for each.
"""
import os
import sys

import numpy as np

LAYERS = ["conv1", "conv2", "fc1", "fc2", "fc3"]
NETWORK = ["image", "conv1", "pool1", "conv2", "pool2", "fc1", "fc2", "fc3", "sum"]
MOST_STEPS, MOST_DIFFERING = 1, 1e-3  # of one layer: what a rounding near a tie may do
CLOSE = 1e-5  # of the largest element: decoding in float32, by several kernels
MOST_SUMS = 5e-2  # the share of coded sums of integers that may differ; alone they are exact, being less than 2^24
DIGITS = {"float16": (2.0**-10, 2.0**-24), "bfloat16": (2.0**-7, 2.0**-133)}  # one unit in the last place: of the element, at least

failures = 0


def fail(what):
    global failures
    failures += 1
    print("FAILED: " + what)


def load(*names):
    return np.load(os.path.join(*names))


class Steps:
    """Integers that differ: how many, by how much at most."""

    def __init__(self, a, b):
        difference = np.abs(a.astype(np.int64) - b.astype(np.int64))
        self.differ, self.largest, self.share = int((difference > 0).sum()), int(difference.max()), float((difference > 0).mean())

    def __str__(self):
        return "%9.4f %% by %d" % (100 * self.share, self.largest)

    def bound(self, what, most=MOST_DIFFERING):
        if self.largest > MOST_STEPS or self.share > most:
            fail("%s: %s" % (what, self))


def compare_layers(folder, form):
    """Each layer on inputs that are exact."""
    print("\n%s, %s: share of the values of a layer that differ, and by how many steps at most" % (os.path.basename(folder), form))
    print("%-8s %9s %17s %17s %17s" % ("layer", "values", "alone, exact", "six, alone", "ten, alone"))
    for name in LAYERS:
        alone, six, ten = (load(folder, "%s.layers.%s" % (form, who), name + ".npy") for who in ("alone", "six", "ten"))
        found = [Steps(alone, load(folder, name + ".npy")), Steps(six, alone), Steps(ten, alone)]
        print("%-8s %9d %s %s %s" % (name, alone.size, *found))
        for steps, what in zip(found, ("alone and exact", "six workers and alone", "ten workers and alone")):
            steps.bound("%s, %s, %s: %s" % (os.path.basename(folder), form, name, what))


def compare_network(folder, form):
    """The whole network: errors of a step go on from layer to layer."""
    print("through the network:")
    for name in NETWORK:
        alone, six, ten = (load(folder, "%s.%s" % (form, who), name + ".npy") for who in ("alone", "six", "ten"))
        print("%-8s %9d %s %s %s" % (name, alone.size, Steps(alone, load(folder, name + ".npy")), Steps(six, alone), Steps(ten, alone)))
    alone = load(folder, form + ".alone", "scores.npy")
    for who in "six", "ten":
        coded = load(folder, "%s.%s" % (form, who), "scores.npy")
        same = int((coded.argmax(1) == alone.argmax(1)).sum())
        deviation = np.abs(coded - alone).max() / np.abs(alone).max()
        print("scores, %s and alone: %d of %d first classes agree, largest deviation %.2g of the largest score" % (who, same, len(alone), deviation))
        if same != len(alone):
            fail("%s, %s: %s workers: only %d of %d first classes agree" % (os.path.basename(folder), form, who, same, len(alone)))


def beyond(a, b, kind):
    """By how much a and b differ beyond what is allowed at each element, of the largest element."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    largest = np.abs(b).max()
    unit, least = DIGITS.get(kind, (0, 0))
    place = np.maximum(2.0 ** np.floor(np.log2(np.maximum(np.abs(a), np.abs(b)) + 1e-300)) * unit, least) if unit else 0
    return float((np.abs(a - b) - place).max() / largest)


def compare_single(folder, name, kind):
    exact = load(folder, name + ".y.npy")
    alone, six, ten = (load(folder, name + "." + who, "y.npy") for who in ("alone", "six", "ten"))
    pairs = (alone, exact, "alone and exact"), (six, alone, "six workers and alone"), (ten, alone, "ten workers and alone")
    for a, b, what in pairs:
        if a.shape != b.shape:
            fail("%s: shapes %s and %s" % (name, a.shape, b.shape))
            continue
        if kind == "steps":
            print("%-20s %-22s %s" % (name, what, Steps(a, b)))
            Steps(a, b).bound("%s: %s" % (name, what))
            continue
        error = float(np.abs(a.astype(np.float64) - b).max() / np.abs(b.astype(np.float64)).max())
        print("%-20s %-22s %9.4f %% differ, by %.2g of the largest at most" % (name, what, 100 * (a != b).mean(), error))
        if kind == "sums":
            Steps(a, b).bound("%s: %s" % (name, what), 0 if b is exact else MOST_SUMS)
        if beyond(a, b, kind) > CLOSE:
            fail("%s: %s: beyond %g of the largest" % (name, what, CLOSE))


def main():
    folder = sys.argv[1]
    variants = sorted(entry for entry in os.listdir(folder) if os.path.exists(os.path.join(folder, entry, "qdq.onnx")))
    for variant in variants:
        for form in "qdq", "qlinear":
            compare_layers(os.path.join(folder, variant), form)
            compare_network(os.path.join(folder, variant), form)
    print()
    for line in open(os.path.join(folder, "single", "list")):
        compare_single(os.path.join(folder, "single"), *line.split()[:2])
    if not variants or failures:
        sys.exit("quantised_compare.py: %d failures" % failures)


main()
