#!/usr/bin/python3
"""Networks and products of quantised numbers and of halves, with their inputs and what NumPy computes of them.

    quantised_make.py LENET5.onnx DIGITS FOLDER

Quantises LeNet-5 statically, with scales from the stored digits, three ways (VARIANTS). For each there is in FOLDER/VARIANT
    qdq.onnx, qlinear.onnx    the network, in both forms of the standard: DequantizeLinear and QuantizeLinear around operators of
                              floats, and operators of quantised numbers. Outputs: the scores, and the integers of every layer
    qdq.layers.onnx, qlinear.layers.onnx   the layers that are convolutions or products, each with an input of its own
    images.npy, NAME.npy      the digits; the integers of every layer (LAYERS); those of the products' inputs are LAYER.x.npy
and for each of the single models (SINGLES) FOLDER/single/NAME.onnx, NAME.x.npy and NAME.y.npy; FOLDER/single/list has their names, how
they are compared, and how many of their layers workers compute.

The integers are computed exactly: sums of products in float64, in which integers up to 2^53 are exact, and then round(sum *
scales / scale) + zero point in float64, ties to even, saturated, as QuantizeLinear has it. Seeded; the seed is printed.
"""
import os
import sys

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # read when the libraries below are loaded

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

SEED = 20261201
RANDOM = np.random.default_rng(SEED)
OPSET = 13
MICROSOFT = "com.microsoft"
# Types of activations and weights, and whether each output channel has a scale of its own. uint8 weights have a zero point.
VARIANTS = {
    "u8-tensor": (np.uint8, np.uint8, False),
    "u8-channel": (np.uint8, np.int8, True),
    "s8-tensor": (np.int8, np.int8, False),
}
PRODUCTS = ["conv1", "conv2", "fc1", "fc2", "fc3"]
LAYERS = ["image", "conv1", "pool1", "conv2", "pool2", "fc1", "fc2", "fc3", "sum"]  # sum: fc3 with its biases


# --- Arithmetic, in float64


def windows(x, height, width):
    """[N,C,H,W] -> [N, H', W', C*height*width], stride 1, without padding."""
    view = np.lib.stride_tricks.sliding_window_view(x, (height, width), axis=(2, 3))
    return view.transpose(0, 2, 3, 1, 4, 5).reshape(x.shape[0], view.shape[2], view.shape[3], -1)


def convolve(x, w):
    return (windows(x.astype(np.float64), *w.shape[2:]) @ w.reshape(len(w), -1).T.astype(np.float64)).transpose(0, 3, 1, 2)


def pool(x):
    return x.reshape(x.shape[0], x.shape[1], x.shape[2] // 2, 2, x.shape[3] // 2, 2).max(axis=(3, 5))


def column(values, axis, rank):
    """A list along one axis of so many; a number stays one."""
    return np.reshape(values, [-1 if i == axis else 1 for i in range(rank)]) if np.ndim(values) else values


class Scale:
    """Integers of a type, real = (integer - zero) * scale; of several scales those of the channels, along axis 0 of weights."""

    def __init__(self, dtype, scale, zero):
        self.dtype, self.scale, self.zero = dtype, np.asarray(scale, np.float32), np.broadcast_to(np.array(zero, dtype), np.shape(scale))

    @staticmethod
    def covering(dtype, low, high):
        low, high, limits = min(low, 0.0), max(high, 0.0), np.iinfo(dtype)
        scale = np.float32((high - low) / (limits.max - limits.min))
        return Scale(dtype, scale, int(np.clip(np.rint(limits.min - low / scale), limits.min, limits.max)))

    @staticmethod
    def symmetric(dtype, largest):
        return Scale(dtype, np.asarray(largest, np.float32) / np.float32(127), 0)

    def quantize(self, real):
        limits = np.iinfo(self.dtype)
        steps = np.rint(real / column(self.scale, 0, np.ndim(real)).astype(np.float64))
        return np.clip(steps + column(self.zero, 0, np.ndim(real)).astype(np.float64), limits.min, limits.max).astype(self.dtype)

    def shifted(self, integers):
        return integers.astype(np.float64) - column(self.zero, 0, integers.ndim)


# --- LeNet-5


def read_digits(folder):
    names = [line.split()[0] for line in open(os.path.join(folder, "labels.txt"))]
    return np.stack([np.asarray(Image.open(os.path.join(folder, name))) for name in names])[:, None].astype(np.float32) / 255


def read_weights(path):
    """(weights, biases) of every product."""
    graph = onnx.load(path).graph
    weights = {w.name: numpy_helper.to_array(w) for w in graph.initializer}
    return {node.name: [weights[name] for name in node.input[1:]] for node in graph.node if node.name in PRODUCTS}


def run_floats(weights, images):
    """The real numbers of every layer."""
    made = {"image": images.astype(np.float64)}
    x = made["image"]
    for name in PRODUCTS:
        w, b = weights[name]
        y = convolve(x, w) if w.ndim == 4 else x.reshape(len(x), -1) @ w.T.astype(np.float64)
        made[name] = y if name == "fc3" else np.maximum(y + column(b, 1, y.ndim), 0)
        x = pool(made[name]) if w.ndim == 4 else made[name]
    made["sum"] = made["fc3"] + weights["fc3"][1]
    return made


class Network:
    """The quantised network: scales, integer weights and biases, and the integers that it computes."""

    def __init__(self, weights, floats, variant):
        act, kind, per_channel = VARIANTS[variant]
        self.scales = {name: Scale.covering(act, y.min(), y.max()) for name, y in floats.items()}
        self.scales["bias"] = Scale.covering(act, weights["fc3"][1].min(), weights["fc3"][1].max())
        self.weights, self.of_weights, self.biases = {}, {}, {}
        for name in PRODUCTS:
            w, b = weights[name]
            if kind == np.uint8:
                scale = Scale.covering(kind, w.min(), w.max())
            else:
                scale = Scale.symmetric(kind, np.abs(w).reshape(len(w), -1).max(1) if per_channel else np.abs(w).max())
            self.of_weights[name], self.weights[name] = scale, scale.quantize(w)
            if name != "fc3":
                self.biases[name] = np.rint(b / (self.input_scale(name).scale * scale.scale).astype(np.float64)).astype(np.int32)
        self.biases["fc3"] = self.scales["bias"].quantize(weights["fc3"][1])

    def input_scale(self, name):
        return self.scales[(["image"] + PRODUCTS)[PRODUCTS.index(name)]]

    def product(self, name, x):
        """The integers of one product, of the integers of its input."""
        w, x = self.of_weights[name].shifted(self.weights[name]), self.input_scale(name).shifted(x)
        sums = convolve(x, w) if w.ndim == 4 else x @ w.T
        if name != "fc3":
            sums = sums + column(self.biases[name].astype(np.float64), 1, sums.ndim)
        steps = column(self.of_weights[name].scale.astype(np.float64), 1, sums.ndim) * np.float64(self.input_scale(name).scale)
        return self.scales[name].quantize(sums * steps)  # a rectifier, too: no integer is below the zero point

    def run(self, images):
        """The integers of every layer, and of the input of every product."""
        made, inputs = {"image": self.scales["image"].quantize(images.astype(np.float64))}, {}
        x = made["image"]
        for name in PRODUCTS:
            inputs[name] = x = x if self.weights[name].ndim == 4 else x.reshape(len(x), -1)
            x = made[name] = self.product(name, x)
            if name.startswith("conv"):
                x = made["pool" + name[-1]] = pool(x)
        real = [s.shifted(v) * np.float64(s.scale) for s, v in ((self.scales["fc3"], x), (self.scales["bias"], self.biases["fc3"]))]
        made["sum"] = self.scales["sum"].quantize(real[0] + real[1])
        return made, inputs


class Graph:
    """Nodes and constants in the making."""

    def __init__(self):
        self.nodes, self.constants, self.inputs, self.outputs = [], {}, [], []

    def constant(self, name, array):
        self.constants[name] = numpy_helper.from_array(np.array(array, order="C"), name)
        return name

    def node(self, op, inputs, output, domain="", **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], name=output + "." + op, domain=domain, **attributes))
        return output

    def scale(self, name, scale):
        """The names of its scale and zero point."""
        return [self.constant(name + ".scale", scale.scale), self.constant(name + ".zero", scale.zero)]

    def save(self, path):
        graph = helper.make_graph(self.nodes, "quantised", self.inputs, self.outputs, list(self.constants.values()))
        imports = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=8), path)


def info(name, array, batch=None):
    """What has the type and shape of an array; batch: the name of its first axis, which is open then."""
    shape = [batch or array.shape[0]] + list(array.shape[1:])
    return helper.make_tensor_value_info(name, numpy_helper.from_array(array).data_type, shape)


def add_qdq(graph, network, name, x):
    """One product between DequantizeLinear and QuantizeLinear."""
    y = graph.scale(name, network.scales[name])
    x = graph.node("DequantizeLinear", [x] + graph.scale(name + ".x", network.input_scale(name)), name + ".x.real")
    w, axis = (network.weights[name].T, 1) if name == "fc3" else (network.weights[name], 0)  # MatMul has no transB
    w = [graph.constant(name + ".w", w)] + graph.scale(name + ".w", network.of_weights[name])
    inputs = [x, graph.node("DequantizeLinear", w, name + ".w.real", axis=axis)]
    if name == "fc3":
        return graph.node("QuantizeLinear", [graph.node("MatMul", inputs, name + ".product")] + y, name)
    step = graph.constant(name + ".b.scale", network.input_scale(name).scale * network.of_weights[name].scale)
    inputs.append(graph.node("DequantizeLinear", [graph.constant(name + ".b", network.biases[name]), step], name + ".b.real", axis=0))
    if network.weights[name].ndim == 4:
        sums = graph.node("Conv", inputs, name + ".sum")
    else:
        sums = graph.node("Gemm", inputs, name + ".sum", transB=1)
    return graph.node("QuantizeLinear", [graph.node("Relu", [sums], name + ".rectified")] + y, name)


def add_qlinear(graph, network, name, x):
    """One product as an operator of quantised numbers; its saturation rectifies."""
    w = graph.constant(name + ".w", network.weights[name].T if name == "fc3" else network.weights[name])
    inputs = [x] + graph.scale(name + ".x", network.input_scale(name)) + [w] + graph.scale(name + ".w", network.of_weights[name])
    y = graph.scale(name, network.scales[name])
    if name == "fc3":
        return graph.node("QLinearMatMul", inputs + y, name)
    b = [graph.constant(name + ".b", network.biases[name])]
    if network.weights[name].ndim == 4:
        return graph.node("QLinearConv", inputs + y + b, name)
    return graph.node("QGemm", inputs + b + y, name, domain=MICROSOFT, transB=1)


def real(graph, network, name, x):
    return graph.node("DequantizeLinear", [x] + graph.scale(name, network.scales[name]), x + ".real")


def add_pool(graph, network, name, x, form):
    """As it stands in either form."""
    if form == "qlinear":
        return graph.node("MaxPool", [x], "pool" + name[-1], kernel_shape=[2, 2], strides=[2, 2])
    x = graph.node("MaxPool", [real(graph, network, name, x)], "pool" + name[-1] + ".real", kernel_shape=[2, 2], strides=[2, 2])
    return graph.node("QuantizeLinear", [x] + graph.scale(name, network.scales[name]), "pool" + name[-1])


def add_biases(graph, network, x, form):
    """Those of fc3, quantised: QLinearAdd, or Add between the two."""
    b = graph.constant("fc3.b", network.biases["fc3"])
    y = graph.scale("sum", network.scales["sum"])
    if form == "qlinear":
        inputs = [x] + graph.scale("fc3", network.scales["fc3"]) + [b] + graph.scale("bias", network.scales["bias"])
        return graph.node("QLinearAdd", inputs + y, "sum", domain=MICROSOFT)
    b = graph.node("DequantizeLinear", [b] + graph.scale("bias", network.scales["bias"]), "bias.real")
    return graph.node("QuantizeLinear", [graph.node("Add", [real(graph, network, "fc3", x), b], "sum.real")] + y, "sum")


ADD = {"qdq": add_qdq, "qlinear": add_qlinear}


def write_network(network, made, form, path):
    graph = Graph()
    graph.inputs = [info("images", made["image"].astype(np.float32), "batch")]
    x = graph.node("QuantizeLinear", ["images"] + graph.scale("image", network.scales["image"]), "image")
    for name in PRODUCTS:
        if name == "fc1":
            x = graph.node("Flatten", [x], "flat")
        x = ADD[form](graph, network, name, x)
        if name.startswith("conv"):
            x = add_pool(graph, network, name, x, form)
    x = add_biases(graph, network, x, form)
    graph.node("DequantizeLinear", [x] + graph.scale("sum", network.scales["sum"]), "scores")
    graph.outputs = [info("scores", made["sum"].astype(np.float32), "batch")] + [info(name, made[name], "batch") for name in LAYERS]
    graph.save(path)


def write_layers(network, inputs, made, form, path):
    graph = Graph()
    for name in PRODUCTS:
        ADD[form](graph, network, name, name + ".x")
        graph.inputs.append(info(name + ".x", inputs[name]))
        graph.outputs.append(info(name, made[name]))
    graph.save(path)


def write_lenet(model, digits, folder):
    weights, images = read_weights(model), read_digits(digits)
    floats = run_floats(weights, images)
    for variant in VARIANTS:
        into = os.path.join(folder, variant)
        os.makedirs(into)
        network = Network(weights, floats, variant)
        made, inputs = network.run(images)
        np.save(os.path.join(into, "images.npy"), images)
        for name, integers in list(made.items()) + [(name + ".x", x) for name, x in inputs.items()]:
            np.save(os.path.join(into, name + ".npy"), integers)
        for form in ADD:
            write_network(network, made, form, os.path.join(into, form + ".onnx"))
            write_layers(network, inputs, made, form, os.path.join(into, form + ".layers.onnx"))
        same = (made["sum"].argmax(1) == floats["sum"].argmax(1)).sum()
        print("%s: %d of %d first classes are those of float32" % (variant, same, len(images)))


# --- Single operators, and networks of halves


def normal(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def integers(dtype, *shape):
    limits = np.iinfo(dtype)
    return RANDOM.integers(limits.min, limits.max + 1, shape).astype(dtype)


def padded(x, pad):
    return np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))


def conv_integer(graph, channels, filters, size):
    x, w = integers(np.uint8, 1, channels, size, size), integers(np.int8, filters, channels, 3, 3)
    zeros = integers(np.int8, filters)
    inputs = ["x", graph.constant("w", w), graph.constant("x.zero", np.uint8(117)), graph.constant("w.zero", zeros)]
    graph.node("ConvInteger", inputs, "y", pads=[1, 1, 1, 1])
    y = convolve(padded(x.astype(np.float64) - 117, 1), w - column(zeros.astype(np.float64), 0, 4))
    return x, y.astype(np.int32)


def matmul_integer(graph):
    a, b = integers(np.uint8, 2, 30, 96), integers(np.int8, 96, 64)
    zeros = integers(np.int8, 64)
    inputs = ["x", graph.constant("b", b), graph.constant("x.zero", np.uint8(131)), graph.constant("b.zero", zeros)]
    graph.node("MatMulInteger", inputs, "y")
    return a, ((a.astype(np.int64) - 131) @ (b.astype(np.int64) - zeros)).astype(np.int32)


def matmul_integer_left(graph):
    a, b = integers(np.int8, 64, 96), integers(np.uint8, 2, 96, 30)
    zeros = integers(np.int8, 64)
    inputs = [graph.constant("a", a), "x", graph.constant("a.zero", zeros), graph.constant("x.zero", np.uint8(131))]
    graph.node("MatMulInteger", inputs, "y")
    return b, ((a.astype(np.int64) - zeros[:, None]) @ (b.astype(np.int64) - 131)).astype(np.int32)


def dynamic(graph):
    """What quantisers make of a product if they know no scales: those of the input are computed with it."""
    x, b = normal(30, 96), integers(np.int8, 96, 64)
    graph.nodes.append(helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]))
    graph.node("MatMulInteger", ["q", graph.constant("b", b), "zero"], "sum")
    graph.node("Mul", [graph.node("Cast", ["sum"], "real", to=TensorProto.FLOAT), "scale"], "y")
    scale = np.float32(max(x.max(), 0) - min(x.min(), 0)) / np.float32(255)
    of_x = Scale(np.uint8, scale, int(np.rint(-min(x.min(), 0) / scale)))
    return x, (of_x.shifted(of_x.quantize(x)) @ b.astype(np.float64) * np.float64(scale)).astype(np.float32)


def qlinear_matmul_left(graph):
    a, b = integers(np.int8, 64, 96), integers(np.uint8, 2, 96, 30)
    of_a, of_b, of_y = Scale(np.int8, 0.01, 0), Scale(np.uint8, 0.02, 131), Scale(np.uint8, 10, 120)
    inputs = [graph.constant("a", a)] + graph.scale("a", of_a) + ["x"] + graph.scale("x", of_b) + graph.scale("y", of_y)
    graph.node("QLinearMatMul", inputs, "y")
    return b, of_y.quantize(of_a.shifted(a) @ of_b.shifted(b) * (np.float64(of_a.scale) * np.float64(of_b.scale)))


def matmul_left(graph):
    a, x = normal(48, 72), normal(2, 3, 72, 40)
    graph.node("MatMul", [graph.constant("a", a), "x"], "y")
    return x, (a.astype(np.float64) @ x).astype(np.float32)


def gemm_left(graph):
    a, x, c = normal(72, 48), normal(40, 72), normal(48, 1)
    graph.node("Gemm", [graph.constant("a", a), "x", graph.constant("c", c)], "y", transA=1, transB=1, alpha=0.5, beta=2.0)
    return x, (0.5 * a.T.astype(np.float64) @ x.T + 2.0 * c).astype(np.float32)


def rounded(array, kind):
    """To a type of 16 bits, as float64."""
    if kind == TensorProto.FLOAT16:
        return array.astype(np.float16).astype(np.float64)
    bits = array.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32).astype(np.float64)


def halves(graph, kind):
    """Two convolutions, a maximum and a product; computed without rounding in between, as Convoy does."""

    def constant(name, array):
        half = array.astype(np.float16) if kind == TensorProto.FLOAT16 else array.astype(np.float32).view(np.uint16)[..., 1::2]
        graph.constants[name] = helper.make_tensor(name, kind, array.shape, half.tobytes(), raw=True)
        return name

    x, w1, w2, w3 = [rounded(normal(*shape), kind) for shape in ((1, 3, 18, 18), (24, 3, 3, 3), (32, 24, 3, 3), (512, 40))]
    graph.node("Conv", ["x", constant("w1", w1)], "c1")
    graph.node("Relu", ["c1"], "r1")
    graph.node("MaxPool", ["r1"], "p1", kernel_shape=[2, 2], strides=[2, 2])
    graph.node("Conv", ["p1", constant("w2", w2), constant("b2", w2[:, 0, 0, 0])], "c2", strides=[2, 2], pads=[1, 1, 1, 1])
    graph.node("Flatten", ["c2"], "f")
    graph.node("MatMul", ["f", constant("w3", w3)], "y")
    c2 = convolve(padded(pool(np.maximum(convolve(x, w1), 0)), 1), w2)[:, :, ::2, ::2] + column(w2[:, 0, 0, 0], 1, 4)
    y = c2.reshape(1, -1) @ w3
    graph.inputs = [helper.make_tensor_value_info("x", kind, x.shape)]
    graph.outputs = [helper.make_tensor_value_info("y", kind, y.shape)]
    return x.astype(np.float32), y.astype(np.float32)


# Name, what makes it, and how it is compared (quantised_compare.py).
SINGLES = [
    ("conv-integer", lambda graph: conv_integer(graph, 16, 32, 20), "sums"),
    ("conv-integer-wide", lambda graph: conv_integer(graph, 64, 64, 28), "sums"),
    ("matmul-integer", matmul_integer, "sums"),
    ("matmul-integer-left", matmul_integer_left, "sums"),
    ("dynamic", dynamic, "floats"),
    ("qlinear-matmul-left", qlinear_matmul_left, "steps"),
    ("matmul-left", matmul_left, "floats"),
    ("gemm-left", gemm_left, "floats"),
    ("float16", lambda graph: halves(graph, TensorProto.FLOAT16), "float16"),
    ("bfloat16", lambda graph: halves(graph, TensorProto.BFLOAT16), "bfloat16"),
]


CODED = ["Conv", "ConvInteger", "Gemm", "MatMul", "MatMulInteger", "QLinearMatMul"]


def write_singles(folder):
    os.makedirs(folder)
    with open(os.path.join(folder, "list"), "w") as file:
        for name, make, kind in SINGLES:
            graph = Graph()
            x, y = make(graph)
            graph.inputs = graph.inputs or [info("x", x)]
            graph.outputs = graph.outputs or [info("y", y)]
            graph.save(os.path.join(folder, name + ".onnx"))
            np.save(os.path.join(folder, name + ".x.npy"), x)
            np.save(os.path.join(folder, name + ".y.npy"), y)
            file.write("%s %s %d\n" % (name, kind, sum(node.op_type in CODED for node in graph.nodes)))


if __name__ == "__main__":
    print("seed %d" % SEED)
    write_lenet(sys.argv[1], sys.argv[2], sys.argv[3])
    write_singles(os.path.join(sys.argv[3], "single"))
