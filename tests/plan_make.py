#!/usr/bin/python3
"""Writes two networks of many kinds of layers, with weights of zeros, and inputs for them.

    plan_make.py FOLDER

FOLDER/kinds.onnx: convolutions with strides, dilations, unequal pads, groups and one for each channel, some of them without a name,
and a product of one row. FOLDER/names.onnx: products of many rows and of two variables, and names as nobody would choose them.
FOLDER/kinds.npy, FOLDER/names.npy: their inputs.
"""
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

nodes, weights = [], []


def weight(name, *shape):
    weights.append(numpy_helper.from_array(np.zeros(shape, np.float32), name))
    return name


def node(op, inputs, output, name="", **attributes):
    nodes.append(helper.make_node(op, inputs, [output], name=name, **attributes))
    return output


def conv(x, name, channels, filters, kernel, groups=1, named=True, **attributes):
    w = weight("w_" + name, filters, channels // groups, kernel, kernel)
    return node("Conv", [x, w], name, name if named else "", group=groups, **attributes)


def save(folder, file, shape, output, shape_out):
    value = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, file, [value("x", TensorProto.FLOAT, shape)],
                              [value(output, TensorProto.FLOAT, shape_out)], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), f"{folder}/{file}.onnx")
    np.save(f"{folder}/{file}.npy", np.ones(shape, np.float32))
    nodes.clear()
    weights.clear()


def main():
    folder = sys.argv[1]
    x = conv("x", "first", 3, 32, 7, strides=[2, 2], pads=[3, 3, 3, 3])
    x = conv(x, "nameless", 32, 64, 3, named=False, pads=[1, 1, 1, 1])
    x = conv(x, "dilated", 64, 64, 3, dilations=[2, 2], pads=[2, 1, 2, 1])
    x = node("Relu", [x], "relu", "relu")
    x = conv(x, "each", 64, 64, 3, groups=64, strides=[2, 1], pads=[1, 1, 1, 1])
    x = conv(x, "point", 64, 128, 1)
    x = conv(x, "grouped", 128, 96, 3, groups=4, pads=[1, 1, 1, 1])
    x = node("GlobalAveragePool", [x], "pool", "pool")
    x = node("Flatten", [x], "flat", "flat")
    x = node("Gemm", [x, weight("w_fc", 96, 1000)], "fc", "fc")
    save(folder, "kinds", [1, 3, 112, 112], x, [1, 1000])

    x = node("MatMul", ["x", weight("w_a", 256, 512)], "a", "größe \"a\"")
    x = node("MatMul", [x, weight("w_b", 512, 256)], "b", "two words")
    y = node("Transpose", [x], "turned", "", perm=[0, 2, 1])
    x = node("MatMul", [x, y], "both", "two words")
    x = node("MatMul", [x, weight("w_c", 50, 10)], "c", "x" * 300)
    save(folder, "names", [1, 50, 256], x, [1, 50, 10])


main()
