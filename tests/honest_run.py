"""Runs a network on honest workers, every answer verified, on inputs that are as unlike as possible, until so many answers were checked. Prints a
line: the answers, alarms, and the layers that were computed here, by reason. Ends with status 1 if there was an alarm, or a layer of which it
could not be told whether its answers were right.

    honest_run.py MODEL ANSWERS SEED FOLDER CONVOY OPTION...      OPTIONs of convoy run; FOLDER is for scratch files
"""
import collections
import json
import os
import subprocess
import sys

import numpy

FIRST_ROWS = 75  # then as many as are needed
MOST_BYTES = 96 << 20  # of a file of inputs


def photo(random, shape):
    """Noise whose spectrum falls as 1/f, like that of photographs, from 0 to 1."""
    fy, fx = numpy.meshgrid(numpy.fft.fftfreq(shape[1]), numpy.fft.rfftfreq(shape[2]), indexing="ij")
    spectrum = numpy.fft.rfft2(random.normal(size=shape)) / numpy.maximum(numpy.hypot(fy, fx), 1 / shape[2])
    picture = numpy.fft.irfft2(spectrum, s=shape[1:])
    return (picture - picture.min()) / (picture.max() - picture.min())


def ramp(shape, y, x):
    return numpy.broadcast_to(y * numpy.linspace(0, 1, shape[1])[:, None] + x * numpy.linspace(0, 1, shape[2]), shape)


def one_pixel(random, shape, ground, value):
    picture = ground * random.normal(size=shape)
    picture[:, random.integers(shape[1]), random.integers(shape[2])] = value
    return picture


def one_row(random, shape):
    picture = random.normal(size=shape)
    picture[:, random.integers(shape[1]), :] *= 1e6
    return picture


def scaled(scale):
    return lambda random, shape: scale * random.normal(size=shape)


def channels_apart(random, shape):
    return random.normal(size=shape) * 10.0 ** numpy.linspace(-4, 4, shape[0])[:, None, None]


KINDS = {
    "noise": scaled(1),
    "photo": photo,
    "photo, bytes": lambda random, shape: numpy.round(255 * photo(random, shape)),
    "black": lambda random, shape: numpy.zeros(shape),
    "constant": lambda random, shape: numpy.full(shape, random.normal()),
    "white": lambda random, shape: numpy.ones(shape),
    "one pixel on black": lambda random, shape: one_pixel(random, shape, 0, 1),
    "one pixel of 1e5": lambda random, shape: one_pixel(random, shape, 1, 1e5),
    "one row of 1e6": one_row,
    "gradient": lambda random, shape: ramp(shape, *random.normal(size=2)),
    "gradient of 1000": lambda random, shape: ramp(shape, *(1000 * random.normal(size=2))),
    "checkerboard": lambda random, shape: numpy.broadcast_to((numpy.indices(shape[1:]).sum(0) % 2) * 2.0 - 1, shape),
    "halves": lambda random, shape: numpy.broadcast_to((numpy.arange(shape[2]) >= shape[2] // 2) * 1.0, shape),
    "sparse": lambda random, shape: (random.random(shape) < 0.01) * random.normal(size=shape),
    "very sparse": lambda random, shape: (random.random(shape) < 0.001) * 100.0,
    "far from zero": lambda random, shape: 1000 + random.normal(size=shape),
    "of all sizes": lambda random, shape: numpy.exp(6 * random.normal(size=shape)) * random.choice([-1, 1], shape),
    "unlike channels": channels_apart,
    "1e-3": scaled(1e-3),
    "1e-10": scaled(1e-10),
    "1e-30": scaled(1e-30),
    "1e-42": scaled(1e-42),  # denormal
    "1e4": scaled(1e4),
    "1e15": scaled(1e15),
    "1e30": scaled(1e30),
}
NOT_IN_BF16 = "1e-42"  # of which bf16 keeps no digit: an answer to it is rounding alone, and cannot be told from any other


def input_shape(convoy, model):
    """[C,H,W] of the model's only input."""
    dims = json.loads(subprocess.run([convoy, "inspect", model, "--json"], check=True, capture_output=True).stdout)["inputs"][0]["shape"]
    return dims[-3:]


class Tally:
    def __init__(self):
        self.rows = self.answers = self.alarms = self.unchecked = 0
        self.here = collections.Counter()

    def add(self, result, kind):
        self.rows += 1
        for layer in result["layers"]:
            if layer["coded"] and layer["verify_ms"] > 0:
                self.answers += len(layer["used"])
            elif layer["coded"]:
                self.unchecked += len(layer["used"])
            self.alarms += len(layer["wrong"])
            if layer["why_local"] and layer["family"]:
                self.here[layer["why_local"]] += 1
            if layer["wrong"] or layer["why_local"] == "answers that cannot be checked":
                print(f"    {layer['name']} of {kind}: wrong {layer['wrong']}, {layer['why_local']}")

    def is_good(self):
        return not self.alarms and not self.unchecked and not self.here["answers that cannot be checked"]


def run_rows(command, tally, kinds, log_file):
    """Runs the command, which has an input of each of these kinds."""
    with open(log_file, "w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        for line in process.stdout:
            if line.startswith('{"input"'):
                result = json.loads(line.rstrip().rstrip(","))
                tally.add(result, kinds[result.get("row", 0)])
        failed = process.wait() != 0
    with open(log_file) as log:
        lines = [line for line in log if failed or "is wrong" in line or "cannot be checked" in line]
    print("".join("    " + line for line in lines[:20]), end="")
    if failed:
        sys.exit(f"{' '.join(command)}: exit status {process.returncode}")


def main():
    model, wanted, seed, folder, convoy = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
    options = sys.argv[6:]
    random = numpy.random.default_rng(seed)
    shape = input_shape(convoy, model)
    most_rows = MOST_BYTES // (4 * int(numpy.prod(shape)))
    inputs, audit = os.path.join(folder, "inputs.npy"), os.path.join(folder, "audit")
    names = [kind for kind in KINDS if kind != NOT_IN_BF16 or "bf16" not in options]
    tally, rows = Tally(), FIRST_ROWS
    while tally.answers < wanted:
        before = tally.answers
        kinds = random.permutation([names[i % len(names)] for i in range(rows)])
        numpy.save(inputs, numpy.stack([KINDS[kind](random, tuple(shape)) for kind in kinds]).astype(numpy.float32))
        open(audit, "w").close()
        run_rows([convoy, "run", model, inputs, "--batch", "--json", "--audit", audit, *options], tally, kinds, os.path.join(folder, "log"))
        with open(audit) as lines:
            told = sum(1 for _ in lines)
        if told > tally.alarms:
            print(f"    {told} lines of the audit")
        tally.alarms = max(tally.alarms, told)
        if tally.answers == before:
            break  # not one layer is decoded
        rows = max(8, min(most_rows, int((wanted - tally.answers) * tally.rows / tally.answers) + 1))
    here = ", ".join(f"{count} {why}" for why, count in sorted(tally.here.items()))
    print(f"{tally.answers} answers to {tally.rows} inputs, {tally.alarms} alarms" + (f", {tally.unchecked} not checked" if tally.unchecked else "") + (f"; layers computed here: {here}" if here else ""), flush=True)
    sys.exit(0 if tally.is_good() else 1)


main()
