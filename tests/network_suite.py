"""Many networks, exported by PyTorch: what Convoy computes, alone and on ten workers of which two are gone, beside PyTorch.
scripts/test-networks runs it.

    network_suite.py CONVOY FOLDER [--opset N]... [NETWORK...]

FOLDER keeps the exports (network_export.py), as NETWORK/OPSET, and the times of kernels. For every network and operator set:

- Every output is within 1e-4 of PyTorch's float32 output, relative to its largest element, or within four times the error
  that PyTorch's float32 output has itself, beside its float64 output, if that is more. Integers are the same set.
- Every layer that can be coded was decoded, without the workers that are gone.
- The multiply-adds of the layers are those that network_macs.py counts while PyTorch runs the network.
- Every layer with multiply-adds and weights can be coded. (Not yet transposed convolutions, which are listed.)
- With operator set 13: the partitions that convoy plan chooses cost the least of all (plan_optimum.py; where that cannot
  follow the shapes it is said and is no failure).

An operator set in which PyTorch's exporter refuses a network is reported with the exporter's reason and is no failure.
"""
import argparse
import collections
import hashlib
import json
import os
import subprocess
import sys
import time

import numpy

HERE = os.path.dirname(os.path.abspath(__file__))
NETWORKS = """alexnet vgg16 vgg19_bn resnet18 resnet50 resnext50_32x4d wide_resnet50_2 densenet121 googlenet inception_v3
    squeezenet1_1 mobilenet_v2 mobilenet_v3_small mobilenet_v3_large mnasnet0_5 shufflenet_v2_x1_0 efficientnet_b0
    regnet_y_400mf convnext_tiny vit_b_16 swin_t maxvit_t deeplabv3_mobilenet_v3_large fcn_resnet50 lraspp_mobilenet_v3_large
    own_audio own_video own_unet own_detector""".split()
OPSETS = (11, 13, 17)
PLANNED_OPSET = 13
TOLERANCE = 1e-4
TIMES_OWN = 4  # so often the error of PyTorch's float32 output
GONE = (2, 7)
CLUSTER = ["--workers", "10", "--stragglers", "2"]
# A busy machine may answer late; without fallback that takes time and hides nothing.
CODED = [*CLUSTER, "--distribute", "all", "--no-fallback", "--deadline", "60000"] + [f"--fault={w}:kill" for w in GONE]
REFUSED = 3  # exit statuses: of network_export.py
SKIPPED = 77  # of plan_optimum.py


class Failure(Exception):
    """One sentence."""


class Row:
    """What is known of one network in one operator set."""

    def __init__(self, network, opset):
        self.network, self.opset = network, opset
        self.layers = self.coded = self.macs = self.coded_macs = 0
        self.outputs = {}  # name: Judgement
        self.why = collections.Counter()  # not coded
        self.said, self.plan, self.refused, self.failures = "", None, None, []

    def verdict(self):
        return "not exported" if self.refused else "FAILED" if self.failures else "good"


class Judgement:
    """Errors of one output: of PyTorch's float32, what is allowed, and by the way it was computed."""

    def __init__(self, folder, name):
        self.expected = numpy.load(f"{folder}/{name}.npy")
        exact = numpy.load(f"{folder}/{name}_float64.npy")
        self.is_set = self.expected.dtype.kind in "iu"
        if self.is_set and set(exact) != set(self.expected):
            raise Failure(f"{name}: PyTorch itself finds other integers in float64: this seed decides nothing")
        self.own = self.off_from(self.expected, exact)
        self.allowed = 0 if self.is_set else max(TOLERANCE, TIMES_OWN * self.own)
        self.off = {}

    def off_from(self, actual, expected):
        """Relative to the largest element; infinite if it is something else altogether."""
        if self.is_set:
            return 0 if actual.ndim == 1 and sorted(actual) == sorted(expected) else numpy.inf
        if actual.shape != expected.shape or not numpy.isfinite(actual).all() or not expected.any():
            return numpy.inf
        return numpy.abs(actual - expected.astype(numpy.float64)).max() / numpy.abs(expected).max()

    def judge(self, way, actual):
        self.off[way] = self.off_from(actual, self.expected)
        return self.off[way] <= self.allowed

    def figures(self):
        """By what they are of, as text."""
        if self.is_set:
            return {way: "same" if off == 0 else "others" for way, off in self.off.items()}
        return {name: f"{off:.1e}" for name, off in [("float32", self.own), *self.off.items(), ("allowed", self.allowed)]}


class Suite:
    def __init__(self, convoy, folder):
        self.convoy, self.folder = convoy, folder
        # Times of kernels that were taken beside other work are kept from other programs.
        self.environment = {**os.environ, "XDG_CACHE_HOME": os.path.join(folder, "cache")}
        self.maker = self.made_by()

    @staticmethod
    def made_by():
        """Changes if another export could come out."""
        digest = hashlib.sha256()
        for source in ("network_export.py", "network_macs.py", "networks_own.py"):
            with open(os.path.join(HERE, source), "rb") as file:
                digest.update(file.read())
        for package in ("python3-torch", "python3-torchvision"):
            digest.update(subprocess.run(["dpkg-query", "-W", package], capture_output=True).stdout)
        return digest.hexdigest()

    def call(self, command):
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment)
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
            raise Failure(f"{os.path.basename(command[0])} {command[1]}: exit status {done.returncode}: {said[-1]}")
        return done.stdout

    def export(self, row, folder):
        """Makes the files, unless they are there already."""
        stamp = os.path.join(folder, "made.json")
        made = {}
        if os.path.exists(stamp):
            with open(stamp) as file:
                made = json.load(file)
        if made.get("by") != self.maker:
            command = ["/usr/bin/python3", os.path.join(HERE, "network_export.py"), row.network, folder, str(row.opset)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode not in (0, REFUSED):
                raise Failure(f"network_export.py: {(done.stderr.splitlines() or ['no message'])[-1]}")
            refused = (done.stderr.splitlines() or ["no reason"])[0] if done.returncode else None
            made = {"by": self.maker, "said": done.stdout.strip(), "refused": refused}
            with open(stamp, "w") as file:
                json.dump(made, file)
        row.said, row.refused = made["said"], made["refused"]

    def inspect(self, row, folder):
        """Fills in the layers. Returns the names of those that can be coded."""
        described = json.loads(self.call([self.convoy, "inspect", f"{folder}/model.onnx", *CLUSTER, "--json"]))
        layers = described["layers"]
        coded, here = ([layer for layer in layers if layer["codable"] == codable] for codable in (True, False))
        row.layers, row.coded = len(layers), len(coded)
        row.macs, row.coded_macs = (sum(layer["macs"] for layer in some) for some in (layers, coded))
        row.why.update(f"{layer['op'] if layer['macs'] else 'without multiply-adds'}: {layer['why']}" for layer in here)
        row.why["postponed"] = len(described["postponed"])
        for layer in here:
            if layer["macs"] and layer["weights_bytes"]:
                row.failures.append(f"{layer['name']} cannot be coded: {layer['why']}")
        self.count(row, folder, [layer["macs"] for layer in layers if layer["macs"]])
        return {layer["name"] for layer in coded}

    @staticmethod
    def count(row, folder, said):
        with open(f"{folder}/macs.json") as file:
            counted = collections.Counter(json.load(file))
        said = collections.Counter(said)
        if said != counted:
            row.failures.append(f"multiply-adds: too many {sorted((said - counted).elements())}, missing {sorted((counted - said).elements())}")

    def run(self, row, way, folder, options):
        """Judges every output. Returns the reports of the layers."""
        command = [self.convoy, "run", f"{folder}/model.onnx", f"{folder}/input.npy", "--json", "--quiet", *options]
        for name in row.outputs:
            command += ["--output", f"{name}={folder}/{way}_{name}.npy"]
        told = json.loads(self.call(command))
        if told["degraded"] or told["failed"]:
            row.failures.append(f"{way}: degraded, or failed")
        for name, judgement in row.outputs.items():
            if not judgement.judge(way, numpy.load(f"{folder}/{way}_{name}.npy")):
                row.failures.append(f"{way}: {name} is off by {judgement.off[way]:.2g}, allowed {judgement.allowed:.2g}")
        return told["results"][0]["layers"]

    def compare(self, row, folder):
        names = [name.removesuffix("_float64.npy") for name in sorted(os.listdir(folder)) if name.endswith("_float64.npy")]
        row.outputs = {name: Judgement(folder, name) for name in names}
        codable = self.inspect(row, folder)
        self.run(row, "alone", folder, ["--local"])
        reports = self.run(row, "coded", folder, CODED)
        decoded = {layer["name"] for layer in reports if layer["coded"] and not layer["why_local"]}
        if decoded != codable or not decoded:
            row.failures.append(f"coded: not the layers that inspect names: {sorted(decoded ^ codable)[:3]}")
        if any(set(layer["used"]) & set(GONE) for layer in reports):
            row.failures.append("coded: an answer of a worker that is gone")
        if row.opset == PLANNED_OPSET:
            self.plan(row, f"{folder}/model.onnx")

    def plan(self, row, model):
        command = ["/usr/bin/python3", os.path.join(HERE, "plan_optimum.py"), self.convoy, model]
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment)
        last = ((done.stderr or done.stdout).splitlines() or ["no message"])[-1]
        if done.returncode == SKIPPED:
            row.plan = f"not compared with the best: {last}"
        elif done.returncode:
            row.failures.append(f"plan_optimum.py: {last}")
        else:
            row.plan = last

    def test(self, network, opset):
        row, folder = Row(network, opset), os.path.join(self.folder, network, str(opset))
        os.makedirs(folder, exist_ok=True)
        try:
            self.export(row, folder)
            if not row.refused:
                self.compare(row, folder)
        except Failure as failure:
            row.failures.append(str(failure))
        return row


def share(row):
    return f"{100 * row.coded_macs / row.macs:.1f} %" if row.macs else "-"


def print_row(row, seconds):
    print(f"{row.said or f'{row.network}: operator set {row.opset}'}: {row.verdict()}, {row.layers} layers, {row.coded} coded, {share(row)} of "
          f"{row.macs} multiply-adds ({seconds:.0f} s)")
    for name, judgement in row.outputs.items():
        print(f"    {name}: " + ", ".join(f"{of} {figure}" for of, figure in judgement.figures().items()))
    for why, count in row.why.items():
        if count:
            print(f"    not coded: {count} {why}")
    if row.plan:
        print(f"    plan: {row.plan}")
    for line in [row.refused] if row.refused else row.failures:
        print(f"    {row.verdict()}: {line}")
    sys.stdout.flush()


def print_table(rows):
    columns = ("float32", "alone", "coded", "allowed")
    print(f"\n{'network':28} {'set':>3} {'layers':>6} {'coded':>5} {'multiply-adds':>13} {'coded':>7}  {'output':8}"
          + "".join(f" {column:>7}" for column in columns))
    for row in rows:
        head = f"{row.network:28} {row.opset:3} {row.layers:6} {row.coded:5} {row.macs:13} {share(row):>7}"
        for name, judgement in row.outputs.items():
            figures = judgement.figures()
            print(f"{head}  {name:8}" + "".join(f" {figures.get(column, '-'):>7}" for column in columns) + f"  {row.verdict()}")
            head = " " * len(head)
        if not row.outputs:
            print(f"{head}  {row.verdict()}")
    verdicts = collections.Counter(row.verdict() for row in rows)
    print("errors are relative to the largest element; float32: PyTorch's beside its float64, alone and coded: Convoy's beside PyTorch's float32")
    print(", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()))


def main():
    parser = argparse.ArgumentParser(prog="scripts/test-networks", usage="scripts/test-networks [--opset N]... [NETWORK...]")
    parser.add_argument("convoy")
    parser.add_argument("folder")
    parser.add_argument("networks", nargs="*")
    parser.add_argument("--opset", type=int, action="append")
    parser.add_argument("--list", action="store_true")
    asked = parser.parse_intermixed_args()
    if asked.list:
        print("\n".join(NETWORKS))
        return
    suite, rows = Suite(asked.convoy, asked.folder), []
    for network in asked.networks or NETWORKS:
        for opset in asked.opset or OPSETS:
            start = time.monotonic()
            rows.append(suite.test(network, opset))
            print_row(rows[-1], time.monotonic() - start)
    print_table(rows)
    sys.exit(1 if any(row.failures for row in rows) else 0)


main()
