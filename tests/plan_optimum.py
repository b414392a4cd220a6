#!/usr/bin/python3
"""Whether convoy plan finds the least cost of FCDCC, and how near the paper's closed form comes to it.

    plan_optimum.py CONVOY MODEL [WORKERS STRAGGLERS]

Enumerates, for every convolution and every product by a constant of an ONNX file, what may be coded and what that costs one
worker, by the formulas of docs/scheme.md and of FCDCC (arXiv 2411.01579), section V, and shares no code with the program:

    up = l_A·C·Ĥ·W    down = l_A·l_B·N_groups·m·h·W'    stored = l_B·C·m·K_H·K_W    multiply-adds = down·C/groups·K_H·K_W
    cost = λ_up·up + λ_down·down + λ_store·stored + λ_comp·multiply-adds, at the largest admitted threshold

The clusters are small enough that the bound on errors refuses no threshold. For some λ the choice of `convoy plan --objective paper` must cost the least, and the program's own figures of every candidate of
some layers must be these. Beside that, for information: the nearest admitted neighbour of the
closed form k_A* = sqrt(λ_up·W·H'·s·4δ / (λ_store·N·K_H·K_W)), and what it costs more. Exit status 1 if a choice is not the best, 77 if
onnx.shape_inference does not find the shape of a layer's input, as where a slice begins at a computed place.
"""
import json
import math
import subprocess
import sys

import onnx
from onnx import numpy_helper, shape_inference

MOST_EXPLAINED = 8  # layers, evenly spaced: the model is read again for each
LAMBDAS = [(1, 1, 1, 0), (1, 4, 0.25, 0), (0.5, 0.5, 8, 0.0009765625)]  # exact in float32


class Unknown(Exception):
    """A shape that is not found."""


class Layer:
    """One convolution, or a product as one: [M,K]·[K,N] has M rows, kernel 1 and nothing across."""

    def __init__(self, name, batch, groups, channels, filters, size, kernel, stride, dilation, pads):
        self.name, self.batch, self.groups, self.channels, self.filters = name, batch, groups, channels, filters
        self.size, self.kernel, self.stride, self.dilation = size, kernel, stride, dilation
        self.out = [(size[i] + pads[i] + pads[i + len(size)] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1
                    for i in range(len(size))]

    def candidates(self, most):
        """(k_A, k_B): δ, of all that layer and rotation code admit with δ <= most."""
        def up(a, b):
            return -(-a // b)
        found = {}
        rows, channels = self.out[0], self.filters // self.groups
        for a in [1, *range(4, rows + 1, 2)]:
            if a > 2 and up(rows, a) == up(rows, a - 2):
                continue
            for b in [1, *range(4, channels + 1, 2)]:
                delta = (a * b if 1 not in (a, b) else 2 * max(a, b)) // 4 if max(a, b) > 1 else 1
                if delta <= most:
                    found[a, b] = delta
        return found

    def costs(self, a, b):
        pieces_a, pieces_b = 2 if a > 1 else 1, 2 if b > 1 else 1
        h = -(-self.out[0] // a)
        slice_rows = (h - 1) * self.stride[0] + (self.kernel[0] - 1) * self.dilation[0] + 1
        m = -(-(self.filters // self.groups) // b)
        kernel = math.prod(self.kernel)
        up = pieces_a * self.batch * self.channels * slice_rows * math.prod(self.size[1:])
        down = pieces_a * pieces_b * self.batch * self.groups * m * h * math.prod(self.out[1:])
        stored = pieces_b * self.channels * m * kernel
        return up, down, stored, down * (self.channels // self.groups) * kernel

    def closed_form(self, delta, price):
        across = self.batch * math.prod(self.size[1:])
        store = price[2] * (self.filters // self.groups) * math.prod(self.kernel)
        return math.sqrt(price[0] * across * self.out[0] * self.stride[0] * 4 * delta / store)


def total(costs, price):
    return sum(l * c for l, c in zip(price, costs))


def attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def input_of(node, shapes):
    shape = shapes.get(node.input[0]) or [None]
    if None in shape:
        raise Unknown(f"onnx.shape_inference does not find the shape of '{node.input[0]}'")
    return shape


def conv_of(node, name, shapes):
    weights, (batch, channels, *size) = shapes[node.input[1]], input_of(node, shapes)
    a, axes = attributes(node), len(size)
    return Layer(name, batch, a.get("group", 1), channels, weights[0], size, weights[2:], a.get("strides", [1] * axes),
                 a.get("dilations", [1] * axes), a.get("pads", [0] * 2 * axes))


def product_of(node, name, shapes):
    *rows, inner = input_of(node, shapes)
    swapped = node.op_type == "Gemm" and attributes(node).get("transB", 0)
    outputs = shapes[node.input[1]][0 if swapped else 1]
    return Layer(name, 1, 1, inner, outputs, [math.prod(rows)], [1], [1], [1], [0, 0])


def layers_of(path):
    """By name, those that have a constant second factor."""
    model = shape_inference.infer_shapes(onnx.load(path), data_prop=True)
    graph = model.graph
    shapes = {t.name: list(t.dims) for t in graph.initializer}
    constants = set(shapes)
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            shapes[node.output[0]] = list(numpy_helper.to_array(node.attribute[0].t).shape)
            constants.add(node.output[0])
    of_inputs = [d for value in graph.input for d in value.type.tensor_type.shape.dim]
    opened = {d.dim_param for d in of_inputs if d.HasField("dim_param")}  # the open axes of the model's inputs are 1
    for value in [*graph.input, *graph.value_info, *graph.output]:
        if value.name not in constants:
            shapes[value.name] = [1 if d.dim_param in opened else d.dim_value or None for d in value.type.tensor_type.shape.dim]
    found = {}
    for index, node in enumerate(graph.node):
        name = node.name or f"{node.op_type}_{index}"
        if node.op_type == "Conv":
            found[name] = conv_of(node, name, shapes)
        elif node.op_type in ("Gemm", "MatMul") and node.input[1] in constants and len(shapes[node.input[1]]) == 2:
            found[name] = product_of(node, name, shapes)
    return found


def planned(convoy, model, cluster, price, *more):
    command = [convoy, "plan", model, "--objective", "paper", "--lambda", ",".join(map(str, price)), "--distribute", "all",
               "--no-trials", "--workers", str(cluster[0]), "--stragglers", str(cluster[1]), "--json", *more]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def check_candidates(layer, convoy, model, cluster):
    """The program lists the same candidates, with the same thresholds and costs."""
    price = LAMBDAS[-1]
    listed = {(c["kA"], c["kB"]): c for c in planned(convoy, model, cluster, price, "--explain", layer.name)["choices"]}
    expected = layer.candidates(cluster[0] - cluster[1])
    assert {parts: c["delta"] for parts, c in listed.items()} == expected, f"{layer.name}: not the candidates"
    for parts, c in listed.items():
        costs = layer.costs(*parts)
        assert (c["up"], c["down"], c["stored"], c["macs"]) == costs, f"{layer.name} {parts}: not these costs {costs}: {c}"
        assert math.isclose(c["paper_cost"], total(costs, price), rel_tol=1e-9), f"{layer.name} {parts}: {c}"


def compare(layer, choice, cluster, price):
    """Prints one line; whether the choice costs the least."""
    candidates = layer.candidates(cluster[0] - cluster[1])
    delta = max(candidates.values())
    costs = {parts: total(layer.costs(*parts), price) for parts, d in candidates.items() if d == delta}
    best = min(costs, key=costs.get)
    chosen = choice["kA"], choice["kB"]
    good = choice["coded"] and choice["delta"] == delta and costs.get(chosen, math.inf) <= costs[best] * (1 + 1e-12)
    ideal = layer.closed_form(delta, price)
    near = min(costs, key=lambda parts: abs(math.log(parts[0] / ideal)))
    print(f"{layer.name[-40:]:40} {delta:3} {chosen[0]:3}x{chosen[1]:<4} {best[0]:3}x{best[1]:<4} {costs[best]:12.0f} "
          f"{ideal:8.2f} {near[0]:3}x{near[1]:<4} {100 * (costs[near] / costs[best] - 1):6.1f} %{'' if good else '  NOT THE BEST'}")
    return good, costs[near] / costs[best] - 1


def main():
    convoy, model = sys.argv[1:3]
    cluster = tuple(map(int, sys.argv[3:5])) or (10, 2)
    try:
        layers = layers_of(model)
    except Unknown as reason:
        print(reason)
        return 77
    assert layers, "no layer can be coded"
    wrong, losses = 0, []
    for price in LAMBDAS:
        print(f"lambda {price}, {cluster[0]} workers, {cluster[1]} stragglers\n{'layer':40}   δ  chosen     best         cost"
              f"     k_A*  nearest      loss")
        choices = {c["name"]: c for c in planned(convoy, model, cluster, price)["layers"]}
        for name, layer in layers.items():
            good, loss = compare(layer, choices[name], cluster, price)
            wrong += not good
            losses.append(loss)
    for layer in list(layers.values())[::-(-len(layers) // MOST_EXPLAINED)]:
        check_candidates(layer, convoy, model, cluster)
    losses.sort()
    print(f"{len(losses)} choices, {wrong} not the best; the closed form's neighbour costs {100 * losses[len(losses) // 2]:.1f} % "
          f"more in the median, {100 * losses[-1]:.1f} % at most")
    return 1 if wrong else 0


sys.exit(main())
