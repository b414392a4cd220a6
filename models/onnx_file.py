"""What the training scripts share of ONNX files: the export, and the evaluation of a file by PyTorch, node by node.

The evaluation takes attributes and weights from the file alone, so that a fault of the export is seen. It knows the
operators of these models, as PyTorch exports them.
"""
import io
import warnings

import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

OPSET = 13


def export(network, x, input_name, output_names):
    """-> the ONNX model of a network for inputs of the shape of x. Nodes and tensors get the last two parts of the exporter's
    names: /net/down/down.0/Conv becomes down.0/Conv."""
    def short(name):
        return "/".join(name.split("/")[-2:])

    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The shape inference of prim::Constant")
        torch.onnx.export(
            network.eval(), x, file, opset_version=OPSET, input_names=[input_name], output_names=output_names)
    model = onnx.load_from_string(file.getvalue())
    names = [node.name for node in model.graph.node]
    assert len(set(map(short, names))) == len(names), "two nodes would have one name"
    for node in model.graph.node:
        node.name = short(node.name)
        for values in node.input, node.output:
            values[:] = [short(value) for value in values]
    return model


def save_model(model, path):
    onnx.checker.check_model(onnx.shape_inference.infer_shapes(model, strict_mode=True), full_check=True)
    onnx.save(model, str(path))


def conv(a, x, weights, bias):
    assert a["pads"][: len(a["pads"]) // 2] == a["pads"][len(a["pads"]) // 2 :]
    return F.conv2d(x, weights, bias, a["strides"], a["pads"][:2], a["dilations"], a["group"])


def conv_transpose(a, x, weights, bias):
    assert not any(a["pads"]) and a["dilations"] == [1, 1] and a["group"] == 1 and "output_padding" not in a
    return F.conv_transpose2d(x, weights, bias, a["strides"])


def gemm(a, x, weights, bias):
    return a.get("alpha", 1.0) * (x @ (weights.T if a.get("transB", 0) else weights)) + a.get("beta", 1.0) * bias


def max_pool(a, x):
    assert not any(a["pads"]) and not a.get("ceil_mode", 0)
    return F.max_pool2d(x, a["kernel_shape"], a["strides"])


def non_max_suppression(a, boxes, scores, most, overlap, least):
    """One picture. Corners may come in any order: y1, x1, y2, x2 overlap as x1, y1, x2, y2 do."""
    from torchvision.ops import nms  # python3-torchvision

    assert not a.get("center_point_box", 0) and len(boxes) == 1
    rows = []
    for kind, score in enumerate(scores[0]):
        at = torch.nonzero(score > least)[:, 0]
        kept = at[nms(boxes[0][at], score[at], float(overlap))][: int(most)]
        rows += [[0, kind, int(i)] for i in kept]
    return torch.tensor(rows, dtype=torch.int64).reshape(-1, 3)


def resize(a, x, roi, scales):
    assert a["mode"] == b"nearest" and a["coordinate_transformation_mode"] == b"asymmetric" and a["nearest_mode"] == b"floor"
    return F.interpolate(x, scale_factor=scales[2:].tolist(), mode="nearest")


def slice_(a, x, starts, ends, axes, steps):
    for start, end, axis, step in zip(*(v.tolist() for v in (starts, ends, axes, steps))):
        x = x.movedim(axis, 0)[start:end:step].movedim(0, axis)
    return x


OPERATORS = {
    "Add": lambda a, x, y: x + y,
    "Concat": lambda a, *x: torch.cat(x, a["axis"]),
    "Constant": lambda a: torch.from_numpy(numpy_helper.to_array(a["value"]).copy()),
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Flatten": lambda a, x: x.flatten(a.get("axis", 1)),
    "Gemm": gemm,
    "LeakyRelu": lambda a, x: F.leaky_relu(x, a["alpha"]),
    "MaxPool": max_pool,
    "Mul": lambda a, x, y: x * y,
    "NonMaxSuppression": non_max_suppression,
    "Relu": lambda a, x: x.clamp(min=0),
    "Reshape": lambda a, x, shape: x.reshape(shape.tolist()),
    "Resize": resize,
    "Sigmoid": lambda a, x: torch.sigmoid(x),
    "Slice": slice_,
    "Sub": lambda a, x, y: x - y,
    "Transpose": lambda a, x: x.permute(a["perm"]),
}


def load_model(path):
    model = onnx.load(str(path))
    onnx.checker.check_model(model, full_check=True)
    return model


def run_model(model, x):
    """Evaluates the model on its only input -> its outputs in order."""
    values = {w.name: torch.from_numpy(numpy_helper.to_array(w).copy()) for w in model.graph.initializer}
    values[""] = None
    values[model.graph.input[0].name] = x
    for node in model.graph.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        values[node.output[0]] = OPERATORS[node.op_type](attributes, *(values[name] for name in node.input))
    return [values[output.name] for output in model.graph.output]


def relative_error(got, expected):
    """The largest difference of two tensors, relative to the largest element of the second."""
    return float((got - expected).abs().max() / expected.abs().max())
