"""Condition numbers of the rotation code, computed another way than src/code/placement.c does.

    study_numerics_oracle.py numerics.csv [numerics-samples.csv]

For every row of the plainly placed rotation code of which the file has all survivor sets: the singular values of the complex
Vandermonde matrix of the survivors, [exp(-2 pi i j m / n)], m < delta, by NumPy, for each of the C(n, delta) sets. Worst, mean and
median must agree to 1e-6, relative; with the samples every set's condition number and noise gain must, too. Exits with 1 if not.
"""

import csv
import itertools
import math
import sys

import numpy

TOLERANCE = 1e-6
MOST_SETS = 10000


def all_sets(n, delta):
    """Condition number and noise gain of each set, in the order of who is lost."""
    vandermonde = numpy.exp(-2j * numpy.pi * numpy.outer(numpy.arange(n), numpy.arange(delta)) / n)
    lost = list(itertools.combinations(range(n), n - delta))
    survivors = numpy.array([[w for w in range(n) if w not in gone] for gone in lost])
    values = numpy.linalg.svd(vandermonde[survivors], compute_uv=False)
    # The rows' norm is the square root of delta, and so is that of as many columns: nu is the Frobenius norm of the inverse.
    return values[:, 0] / values[:, -1], numpy.sqrt((values**-2).sum(axis=1))


def differs(what, found, expected):
    if abs(found / expected - 1) <= TOLERANCE:
        return 0
    print(f"{what}: the study has {found:.10g}, NumPy {expected:.10g}")
    return 1


def check_samples(path, kappa, nu):
    """kappa, nu: {(n, delta): arrays}."""
    bad = seen = 0
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            cluster = int(row["n"]), int(row["delta"])
            if row["family"] != "rotation" or row["placement"] != "plain" or row["network"] != "-" or cluster not in kappa:
                continue
            seen += 1
            index = int(row["set"])
            name = f"rotation {cluster}, set {index}"
            bad += differs(name + ", kappa", float(row["kappa"]), kappa[cluster][index])
            bad += differs(name + ", nu", float(row["nu"]), nu[cluster][index])
    return bad, seen


def main():
    kappa, nu, bad = {}, {}, 0
    with open(sys.argv[1], newline="") as file:
        for row in csv.DictReader(file):
            n, delta = int(row["n"]), int(row["delta"])
            count = math.comb(n, delta)
            if row["family"] != "rotation" or row["placement"] != "plain" or count > MOST_SETS:
                continue
            if int(row["sets"]) != count:
                print(f"rotation ({n},{delta}): {row['sets']} sets, not {count}")
                bad += 1
                continue
            kappa[n, delta], nu[n, delta] = all_sets(n, delta)
            for name, expected in (("worst", numpy.max), ("mean", numpy.mean), ("median", numpy.median)):
                value = expected(kappa[n, delta])
                bad += differs(f"rotation ({n},{delta}), {name} kappa", float(row["kappa_" + name]), value)
                if n == 31:
                    print(f"n = {n}, delta = {delta}, {count} sets: {name} kappa {value:.9g}")
    if (31, 28) not in kappa:
        print("there is no row of rotation with n = 31, delta = 28")
        bad += 1
    if len(sys.argv) > 2:
        wrong, seen = check_samples(sys.argv[2], kappa, nu)
        bad += wrong
        if seen != sum(len(k) for k in kappa.values()):
            print(f"the samples have {seen} sets of rotation")
            bad += 1
    sys.exit(1 if bad else 0)


main()
