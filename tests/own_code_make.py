"""Archives of coefficients for own_code_test.sh, in the folder that is given; good ones and such as must be refused."""
import os
import sys

import numpy as np

folder = sys.argv[1]
n = 8
nodes = np.array([-1 + 2.0 * j / (n - 1) for j in range(n)])
whole = np.ones((n, 1))


def powers(base, count):
    """Powers 0 to count - 1 by repeated multiplication, and the next one."""
    out, power = np.empty((n, count)), np.ones(n)
    for i in range(count):
        out[:, i] = power
        power = power * base
    return out, power


def save(name, compressed=False, **arrays):
    (np.savez_compressed if compressed else np.savez)(os.path.join(folder, name + ".npz"), **arrays)


three, rest = powers(nodes, 3)
two, _ = powers(rest, 2)
six, _ = powers(nodes, 6)
save("vandermonde", workers=n, G_A_1=three, G_B_1=two, G_A_2=whole, G_B_2=six)
save("deflated", True, workers=np.int16(n), G_A_1=np.asfortranarray(three), G_B_1=two, G_A_2=whole, G_B_2=six)

# Two random pieces of each operand: four results of a worker, 16 unknowns of up to 24 results.
random = np.random.default_rng(1)
save("pieces", workers=n, p_A=2, p_B=2, G_A_1=random.standard_normal((2 * n, 4)), G_B_1=random.standard_normal((2 * n, 4)),
     G_A_2=np.ones((2 * n, 1)) * np.tile([[1.0], [0.5]], (n, 1)), G_B_2=random.standard_normal((2 * n, 10)))
save("systematic", workers=n, G_A_1=np.vstack([np.eye(6), np.vander([1.0, 2.0], 6)]), G_B_1=whole,
     G_A_2=whole, G_B_2=np.vstack([np.eye(6), np.vander([1.0, 2.0], 6)]))

# Rows beyond the range of float32, whose products are beyond that of float64.
huge = random.standard_normal((n, 6))
save("huge", workers=n, G_A=np.full((n, 1), 1e200), G_B=1e200 * huge)
save("tiny", workers=n, G_A=np.full((n, 1), 1e-160), G_B=1e-160 * huge)

twins = six.copy()
twins[5] = twins[2]
save("twins", workers=n, G_A=whole, G_B=twins, threshold=6)
save("all", workers=n, G_A=whole, G_B=np.eye(n))
save("other", workers=n, G_A_1=three, G_B_1=two + 1e-3, G_A_2=whole, G_B_2=six)
save("no_workers", G_A=three, G_B=two)
save("half", workers=2.5, G_A=three, G_B=two)
save("no_filters", workers=n, G_A=three)
save("rows", workers=n, G_A=three[:-1], G_B=two)
save("misspelt", workers=n, G_A=three, G_B=two, treshold=7)
save("nan", workers=n, G_A=three * np.nan, G_B=two)
save("complex", workers=n, G_A=three + 0j, G_B=two)
with open(os.path.join(folder, "no_zip.npz"), "wb") as file:
    file.write(b"no archive")
