#!/usr/bin/python3
"""Small models that are easy to get wrong, with an input and the right output, which NumPy computes.

    cases_make.py FOLDER

Writes FOLDER/CASE/model.onnx, input.npy and expected.npy for every case. A new case is a function here that returns the
nodes, the opset, the weights, the shape of the model's input, the input and the output, and its line in CASES; and a line
in cases_test.sh.
"""
import os
import sys

import numpy
import onnx
from onnx import helper, numpy_helper

SEED = 1


def convolve(x, weights, bias=None):
    """Convolution of [N,C,H,W] with odd square filters [K,C,S,S], stride 1, padded so that the size stays; in float64."""
    side = weights.shape[2]
    pad = side // 2
    height, width = x.shape[2:]
    padded = numpy.pad(x.astype(numpy.float64), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    y = numpy.zeros((x.shape[0], weights.shape[0], height, width))
    for i in range(side):
        for j in range(side):
            y += numpy.einsum("kc,nchw->nkhw", weights[:, :, i, j], padded[:, :, i : i + height, j : j + width])
    return y if bias is None else y + bias[:, None, None]


def convolution(inputs, output, side, name="conv"):
    return helper.make_node("Conv", inputs, [output], name=name, pads=4 * [side // 2])


def nan_before_relu(random):
    """The root of a negative number is NaN, and so is everything after it, rectified or not."""
    x, w = random.normal(size=(1, 4, 5, 6)), random.normal(size=(3, 4, 1, 1))
    nodes = [
        helper.make_node("Sqrt", ["x"], ["s"], name="root"),
        convolution(["s", "w"], "c", 1),
        helper.make_node("Relu", ["c"], ["y"], name="relu"),
    ]
    with numpy.errstate(invalid="ignore"):
        c = convolve(numpy.sqrt(x), w)
    return nodes, 13, {"w": w}, x.shape, x, numpy.where(c < 0, 0, c)


def batch_norm_training(random):
    """Until operator set 13 five outputs mean training mode, whether somebody reads them or not."""
    x, w = random.normal(size=(1, 3, 9, 11)), random.normal(size=(8, 3, 3, 3))
    names = ["bias", "scale", "shift", "mean"]
    weights = {"w": w, "variance": random.uniform(0.5, 2, size=8), **{n: random.normal(size=8) for n in names}}
    nodes = [
        convolution(["x", "w", "bias"], "c", 3),
        helper.make_node(
            "BatchNormalization", ["c", "scale", "shift", "mean", "variance"], ["y", "m", "v", "sm", "sv"], name="norm"
        ),
    ]
    c = convolve(x, w, weights["bias"])
    centred = c - c.mean(axis=(0, 2, 3), keepdims=True)
    deviation = numpy.sqrt(c.var(axis=(0, 2, 3), keepdims=True) + 1e-5)
    y = centred / deviation * weights["scale"][:, None, None] + weights["shift"][:, None, None]
    return nodes, 9, weights, x.shape, x, y


def open_first_axis(random):
    """An image [h,w,3] of any size is one inference."""
    x, w, b = random.normal(size=(8, 10, 3)), random.normal(size=(8, 3, 3, 3)), random.normal(size=8)
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], name="turn", perm=[2, 0, 1]),
        helper.make_node("Unsqueeze", ["t", "axes"], ["u"], name="batch"),
        convolution(["u", "w", "b"], "c", 3),
        helper.make_node("ReduceMean", ["c"], ["y"], name="pool", axes=[2, 3], keepdims=0),
    ]
    y = convolve(x.transpose(2, 0, 1)[None], w, b).mean(axis=(2, 3))
    return nodes, 13, {"w": w, "b": b, "axes": numpy.array([0])}, ("h", "w", 3), x, y


def log_of_zero(random):
    """A minus infinity before a convolution stays where it is, and the rectifier makes it 0."""
    x = numpy.abs(random.normal(size=(1, 3, 16, 16)))
    x[0, 1, 7, 8] = 0
    w, b = numpy.abs(random.normal(size=(8, 3, 3, 3))), random.normal(size=8)
    nodes = [
        helper.make_node("Log", ["x"], ["e"], name="log"),
        convolution(["e", "w", "b"], "c", 3),
        helper.make_node("Relu", ["c"], ["y"], name="relu"),
    ]
    with numpy.errstate(divide="ignore"):
        return nodes, 13, {"w": w, "b": b}, x.shape, x, numpy.maximum(convolve(numpy.log(x), w, b), 0)


def wide_log_of_zero(random):
    """The same in a layer for which kernels of Winograd's algorithm exist: they add inputs before they multiply."""
    x, w = numpy.abs(random.normal(size=(1, 64, 32, 32))), numpy.abs(random.normal(size=(64, 64, 3, 3)))
    x[0, 11, 7, 8] = 0
    nodes = [helper.make_node("Log", ["x"], ["e"], name="log"), convolution(["e", "w"], "y", 3)]
    with numpy.errstate(divide="ignore"):
        return nodes, 13, {"w": w}, x.shape, x, convolve(numpy.log(x), w)


def channel_of_zeros(random):
    """A channel that was pruned is its bias, however small that is."""
    x, w, b = random.normal(size=(1, 8, 16, 16)), random.normal(size=(16, 8, 3, 3)), random.normal(size=16)
    w[5], b[5] = 0, 1e-6
    return [convolution(["x", "w", "b"], "y", 3)], 13, {"w": w, "b": b}, x.shape, x, convolve(x, w, b)


def overflowing_exp(random):
    """An infinity before a convolution makes others at its place alone."""
    x, w = random.normal(size=(1, 3, 16, 16)), numpy.abs(random.normal(size=(8, 3, 1, 1)))
    x[0, 2, 3, 4] = 100
    nodes = [helper.make_node("Exp", ["x"], ["e"], name="exp"), convolution(["e", "w"], "y", 1)]
    with numpy.errstate(over="ignore"):
        e = numpy.exp(x).astype(numpy.float32)
    return nodes, 13, {"w": w}, x.shape, x, convolve(e, w)


def infinite_weight(random):
    """An infinite weight makes one channel infinite."""
    x, w = numpy.abs(random.normal(size=(1, 3, 16, 16))) + 0.1, random.normal(size=(8, 3, 1, 1))
    w[5, 1] = numpy.inf
    return [convolution(["x", "w"], "y", 1)], 13, {"w": w}, x.shape, x, convolve(x, w)


def largest_numbers(random):
    """Numbers near the end of float32's range, which only the code's coefficients take beyond it."""
    x, w = 8e37 * random.normal(size=(1, 3, 16, 16)), 1e-30 * random.normal(size=(8, 3, 3, 3))
    return [convolution(["x", "w"], "y", 3)], 13, {"w": w}, x.shape, x, convolve(x, w)


def channel_sizes(count):
    """Sizes of channels from 1e5 down to 1, as batch normalisation that is folded into weights makes them."""
    return 10.0 ** numpy.linspace(5, 0, count)


def unlike_outputs(random):
    """Outputs of a product, the smallest of which is 100,000 times smaller than the largest."""
    x, g = random.normal(size=(1, 4, 4, 4)), random.normal(size=(64, 16)) * channel_sizes(16)
    g = g.astype(numpy.float32)
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"], name="flat"),
        helper.make_node("Gemm", ["f", "g"], ["y"], name="fc"),
    ]
    return nodes, 13, {"g": g}, x.shape, x, x.reshape(1, 64) @ g.astype(numpy.float64)


def unlike_channels(random):
    """The same of a convolution's channels."""
    x = random.normal(size=(1, 6, 16, 16))
    w = (random.normal(size=(32, 6, 3, 3)) * channel_sizes(32)[::-1, None, None, None]).astype(numpy.float32)
    return [convolution(["x", "w"], "y", 3)], 13, {"w": w}, x.shape, x, convolve(x, w.astype(numpy.float64))


def float64_maps(random):
    """Convolutions in float64 with layers between them that are not coded; every map has many channels."""
    x, w, v = (random.normal(size=size) for size in [(1, 3, 16, 16), (32, 3, 3, 3), (32, 32, 3, 3)])
    nodes = [helper.make_node("Cast", [name], [f"{name}64"], to=onnx.TensorProto.DOUBLE) for name in ["x", "w", "v"]] + [
        convolution(["x64", "w64"], "c", 3, "conv1"),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("MaxPool", ["r"], ["p"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        convolution(["p", "v64"], "d", 3, "conv2"),
        helper.make_node("Add", ["d", "p"], ["a"], name="add"),
        helper.make_node("Cast", ["a"], ["y"], name="back", to=onnx.TensorProto.FLOAT),
    ]
    pooled = numpy.maximum(convolve(x, w), 0).reshape(1, 32, 8, 2, 8, 2).max(axis=(3, 5))
    return nodes, 13, {"w": w, "v": v}, x.shape, x, convolve(pooled, v) + pooled


CASES = {
    "float64-maps": float64_maps,
    "log-of-zero": log_of_zero,
    "wide-log-of-zero": wide_log_of_zero,
    "channel-of-zeros": channel_of_zeros,
    "overflowing-exp": overflowing_exp,
    "infinite-weight": infinite_weight,
    "largest-numbers": largest_numbers,
    "unlike-outputs": unlike_outputs,
    "unlike-channels": unlike_channels,
    "nan-before-relu": nan_before_relu,
    "batch-norm-training": batch_norm_training,
    "open-first-axis": open_first_axis,
}


def to_float32(array):
    return array.astype(numpy.float32) if array.dtype == numpy.float64 else array


def rounded(random):
    """A generator whose numbers are those of float32, so that model, input and NumPy have the same."""
    class Rounded:
        def __getattr__(self, name):
            return lambda *args, **options: getattr(random, name)(*args, **options).astype(numpy.float32).astype(float)

    return Rounded()


def write(folder, name):
    random = numpy.random.RandomState(SEED)
    nodes, opset, weights, shape, x, y = CASES[name](rounded(random))
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, y.shape)],
        [numpy_helper.from_array(to_float32(weight), weight_name) for weight_name, weight in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=4 if opset < 10 else 7)
    os.makedirs(f"{folder}/{name}")
    onnx.save(model, f"{folder}/{name}/model.onnx")
    numpy.save(f"{folder}/{name}/input.npy", to_float32(x))
    numpy.save(f"{folder}/{name}/expected.npy", to_float32(y))


def main():
    for name in CASES:
        write(sys.argv[1], name)
    print(f"{len(CASES)} cases, seed {SEED}")


main()
