"""Cases for what ONNX's own cases (release 1.12, operator set 17) do not reach: one node each, with inputs and outputs that
NumPy computes here, in the layout of those cases (test_NAME/model.onnx, test_NAME/test_data_set_0/input_0.pb, ...).

    operator_cases_make.py FOLDER

Each case names the clause of the standard (operator and operator set of ONNX's Operators.md and Changelog.md, or the operator
of ONNX Runtime's ContribOperators.md) that its expectation is written from.
"""
import math
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = sys.argv[1]
RANDOM = np.random.default_rng(20261128)


def info(name, array):
    return helper.make_tensor_value_info(name, numpy_helper.from_array(array, name).data_type, array.shape)


def write(path, array, name):
    with open(path, "wb") as file:
        file.write(numpy_helper.from_array(np.array(array, order="C"), name).SerializeToString())


def case(name, op, clause, opset, inputs, outputs, domain="", **attributes):
    """inputs: arrays, or None for one that is left out. The attributes may hold lists, numbers, texts and types."""
    assert clause
    names = ["x%d" % i if array is not None else "" for i, array in enumerate(inputs)]
    results = ["y%d" % i if array is not None else "" for i, array in enumerate(outputs)]
    node = helper.make_node(op, names, results, domain=domain, **attributes)
    graph = helper.make_graph(
        [node],
        name,
        [info(n, a) for n, a in zip(names, inputs) if a is not None],
        [info(n, a) for n, a in zip(results, outputs) if a is not None],
    )
    imports = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    model = helper.make_model(graph, opset_imports=imports)
    name = "test_" + name
    folder = os.path.join(FOLDER, name, "test_data_set_0")
    os.makedirs(folder)
    onnx.save(model, os.path.join(FOLDER, name, "model.onnx"))
    for kind, arrays in ("input", inputs), ("output", outputs):
        for i, array in enumerate(a for a in arrays if a is not None):
            write(os.path.join(folder, "%s_%d.pb" % (kind, i)), array, "%s%d" % (kind[0] == "i" and "x" or "y", i))


def normal(*shape, dtype=np.float32):
    return RANDOM.standard_normal(shape).astype(dtype)


def column(values, axis, rank):
    """A list along one axis of so many."""
    return np.reshape(values, [-1 if i == axis else 1 for i in range(rank)])


# --- Normalisations


def normalized(x, axes, epsilon):
    x = x.astype(np.float64)
    mean = x.mean(axis=axes, keepdims=True)
    inverse = 1 / np.sqrt(((x - mean) ** 2).mean(axis=axes, keepdims=True) + epsilon)
    return (x - mean) * inverse, mean, inverse


def normalisations():
    x = normal(2, 6, 4, 5)
    y, mean, inverse = normalized(x, (2, 3), 1e-3)
    scale, bias = normal(4, 5), normal(4, 5)
    case("layer_norm_statistics", "LayerNormalization", "LayerNormalization-17: Y, Mean, InvStdDev", 17, [x, scale, bias],
         [(y * scale + bias).astype(np.float32), mean.astype(np.float32), inverse.astype(np.float32)], axis=-2, epsilon=1e-3)
    case("layer_norm_no_bias", "LayerNormalization", "LayerNormalization-17: B is optional", 17, [x, scale],
         [(y * scale).astype(np.float32)], axis=2, epsilon=1e-3)
    half = x.astype(np.float16)
    wide = half.astype(np.float32)
    case("layer_norm_half", "LayerNormalization", "LayerNormalization-17: stash_type 1, float32", 17,
         [half, scale.astype(np.float16)],
         [(normalized(wide, (2, 3), 1e-5)[0] * scale.astype(np.float16)).astype(np.float16)], axis=2)
    scale, bias = normal(6), normal(6)
    y = normalized(x, (2, 3), 1e-5)[0]
    expected = (y * column(scale, 1, 4) + column(bias, 1, 4)).astype(np.float32)
    case("instance_norm_1", "InstanceNormalization", "InstanceNormalization-1: consumed_inputs", 1, [x, scale, bias],
         [expected], consumed_inputs=[0, 0, 0])
    case("instance_norm_22", "InstanceNormalization", "InstanceNormalization-22", 22, [x, scale, bias], [expected])
    grouped = normalized(x.reshape(2, 3, -1), (2,), 1e-2)[0].reshape(x.shape)
    by_group = [normal(3), normal(3)]
    case("group_norm_18", "GroupNormalization", "GroupNormalization-18: scale and bias by group", 18, [x] + by_group,
         [(grouped * column(np.repeat(by_group[0], 2), 1, 4) + column(np.repeat(by_group[1], 2), 1, 4)).astype(np.float32)],
         num_groups=3, epsilon=1e-2)
    case("group_norm_21", "GroupNormalization", "GroupNormalization-21: scale and bias by channel", 21, [x, scale, bias],
         [(grouped * column(scale, 1, 4) + column(bias, 1, 4)).astype(np.float32)], num_groups=3, epsilon=1e-2)
    weights = normal(5)
    squares = (x.astype(np.float64) ** 2).mean(axis=3, keepdims=True)
    case("rms_norm_23", "RMSNormalization", "RMSNormalization-23", 23, [x, weights],
         [(x / np.sqrt(squares + 1e-5) * weights).astype(np.float32)])
    flat = normal(3, 4)
    flat[1] = 0
    for p, norm in (1, np.abs(flat).sum(1, keepdims=True)), (2, np.sqrt((flat**2).sum(1, keepdims=True))):
        expected = np.where(norm == 0, 0, flat / np.where(norm == 0, 1, norm)).astype(np.float32)
        case("lp_norm_%d" % p, "LpNormalization", "LpNormalization-22: a norm of 0 gives 0", 22, [flat], [expected], p=p, axis=1)
        case("lp_norm_%d_legacy" % p, "LpNormalization", "LpNormalization-1", 1, [flat], [expected], p=p)
    deviation = np.sqrt(((x - x.mean(axis=(0, 2), keepdims=True)) ** 2).mean(axis=(0, 2), keepdims=True))
    case("mvn_axes", "MeanVarianceNormalization", "MeanVarianceNormalization-13: axes", 13, [x],
         [((x - x.mean(axis=(0, 2), keepdims=True)) / (deviation + 1e-9)).astype(np.float32)], axes=[0, 2])


def batch_normalisations():
    x, scale, bias, mean = normal(2, 3, 4), normal(3), normal(3), normal(3)
    variance = np.abs(normal(3)) + 0.5
    expected = ((x - column(mean, 1, 3)) / np.sqrt(column(variance, 1, 3) + 1e-5) * column(scale, 1, 3) + column(bias, 1, 3))
    inputs = [x, scale, bias, mean, variance.astype(np.float32)]
    expected = expected.astype(np.float32)
    case("batch_norm_1", "BatchNormalization", "BatchNormalization-1: is_test, consumed_inputs", 1, inputs, [expected],
         is_test=1, consumed_inputs=[0, 0, 0, 1, 1])
    case("batch_norm_6", "BatchNormalization", "BatchNormalization-6: is_test, spatial", 6, inputs, [expected], is_test=1, spatial=1)
    case("batch_norm_15", "BatchNormalization", "BatchNormalization-15: types of their own for the statistics", 15,
         [x.astype(np.float16), scale.astype(np.float16), bias.astype(np.float16), mean, variance.astype(np.float32)],
         [((x.astype(np.float16).astype(np.float32) - column(mean, 1, 3)) / np.sqrt(column(variance, 1, 3) + 1e-5)
           * column(scale.astype(np.float16), 1, 3) + column(bias.astype(np.float16), 1, 3)).astype(np.float16)])


# --- Quantised numbers


def quantized(x, scale, zero, dtype):
    limits = np.iinfo(dtype)
    scaled = np.rint(x.astype(np.float32) / np.asarray(scale, np.float32)).astype(np.float64) + zero
    return np.clip(scaled, limits.min, limits.max).astype(dtype)


def quantisation():
    x = (normal(3, 4, 6) * 40).astype(np.float32)
    scale, zero = np.array([0.5, 1.25, 2, 0.1], np.float32), np.array([0, 3, 128, 255], np.uint8)
    y = quantized(x, column(scale, 1, 3), column(zero.astype(int), 1, 3), np.uint8)
    case("quantize_axis", "QuantizeLinear", "QuantizeLinear-13: axis", 13, [x, scale, zero], [y], axis=-2)
    case("dequantize_axis", "DequantizeLinear", "DequantizeLinear-13: axis", 13, [y, scale, zero],
         [((y.astype(np.float32) - column(zero, 1, 3).astype(np.float32)) * column(scale, 1, 3)).astype(np.float32)], axis=1)
    scales = np.abs(normal(3, 4, 2)) + np.float32(0.2)
    zeros = RANDOM.integers(-20, 20, (3, 4, 2)).astype(np.int8)
    wide, shift = np.repeat(scales, 4, axis=2)[:, :, :6], np.repeat(zeros, 4, axis=2)[:, :, :6]
    y = quantized(x, wide, shift.astype(int), np.int8)
    case("quantize_block", "QuantizeLinear", "QuantizeLinear-21: block_size", 21, [x, scales, zeros], [y], axis=2, block_size=4)
    case("dequantize_block", "DequantizeLinear", "DequantizeLinear-21: block_size", 21, [y, scales, zeros],
         [(y.astype(np.float32) - shift) * wide], axis=2, block_size=4)
    one = np.array(0.25, np.float32)
    for dtype, zero in (np.int16, 300), (np.uint16, 30000):
        case("quantize_" + np.dtype(dtype).name, "QuantizeLinear", "QuantizeLinear-21: 16 bits", 21,
             [x, one, np.array(zero, dtype)], [quantized(x, one, zero, dtype)])
    case("quantize_output_dtype", "QuantizeLinear", "QuantizeLinear-21: output_dtype", 21, [x, one], [quantized(x, one, 0, np.int8)],
         output_dtype=TensorProto.INT8)
    case("quantize_int32", "QuantizeLinear", "QuantizeLinear-13: x of int32", 13,
         [np.array([-700, 3, 5, 900], np.int32), np.array(2, np.float32), np.array(1, np.int8)], [np.array([-128, 3, 3, 127], np.int8)])
    case("dequantize_int32", "DequantizeLinear", "DequantizeLinear-13: x of int32, no zero point", 13,
         [np.array([-70000, 3, 1 << 30], np.int32), one], [np.array([-17500, 0.75, 1 << 28], np.float32)])
    halves = (normal(5) * 10).astype(np.float16)
    case("quantize_half", "QuantizeLinear", "QuantizeLinear-19: float16", 19, [halves, np.array(0.5, np.float16), np.array(3, np.uint8)],
         [quantized(halves.astype(np.float32), 0.5, 3, np.uint8)])
    case("dequantize_half", "DequantizeLinear", "DequantizeLinear-19: y of the scale's type", 19,
         [np.array([0, 7, 255], np.uint8), np.array(0.5, np.float16), np.array(3, np.uint8)], [np.array([-1.5, 2, 126], np.float16)])
    case("dynamic_quantize_zeros", "DynamicQuantizeLinear", "DynamicQuantizeLinear-11: the range contains 0", 11,
         [np.zeros(3, np.float32)], [np.zeros(3, np.uint8), np.array(0, np.float32), np.array(0, np.uint8)])


def convolution(x, w):
    """Valid, stride 1, in two dimensions, in float64."""
    rows, columns = x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1
    y = np.zeros((x.shape[0], w.shape[0], rows, columns))
    for i in range(w.shape[2]):
        for j in range(w.shape[3]):
            y += np.einsum("nchw,kc->nkhw", x[:, :, i : i + rows, j : j + columns].astype(np.float64), w[:, :, i, j].astype(np.float64))
    return y


def quantised_products():
    x = RANDOM.integers(0, 255, (1, 3, 6, 7)).astype(np.uint8)
    w = RANDOM.integers(-127, 127, (4, 3, 3, 2)).astype(np.int8)
    bias = RANDOM.integers(-5000, 5000, 4).astype(np.int32)
    x_scale, x_zero, w_scale = np.array(0.02, np.float32), np.array(120, np.uint8), np.array([0.01, 0.02, 0.005, 0.013], np.float32)
    y_scale, y_zero = np.array(0.11, np.float32), np.array(100, np.uint8)
    sums = convolution(x.astype(int) - 120, w.astype(int))
    real = (sums + column(bias, 1, 4)) * (x_scale * column(w_scale, 1, 4)) / y_scale
    case("qlinear_conv_channels", "QLinearConv", "QLinearConv-10: w_scale by output channel, B", 10,
         [x, x_scale, x_zero, w, w_scale, np.zeros(4, np.int8), y_scale, y_zero, bias], [np.clip(np.rint(real) + 100, 0, 255).astype(np.uint8)])
    zeros = np.array([1, -2, 3, 0], np.int8)
    shifted = convolution(x.astype(int) - 120, w.astype(int) - column(zeros, 0, 4))
    case("conv_integer_channels", "ConvInteger", "ConvInteger-10: w_zero_point by output channel", 10, [x, w, x_zero, zeros],
         [shifted.astype(np.int32)])
    a, b = RANDOM.integers(0, 255, (3, 5)).astype(np.uint8), RANDOM.integers(-127, 127, (5, 4)).astype(np.int8)
    a_zero, b_zero = np.array([3, 100, 7], np.uint8), np.array([1, 0, -3, 20], np.int8)
    product = (a.astype(int) - column(a_zero, 0, 2)) @ (b.astype(int) - column(b_zero, 1, 2))
    case("matmul_integer_lists", "MatMulInteger", "MatMulInteger-10: zero points by row and by column", 10, [a, b, a_zero, b_zero],
         [product.astype(np.int32)])
    a_scale, b_scale = np.array([0.02, 0.01, 0.03], np.float32), np.array([0.01, 0.02, 0.005, 0.04], np.float32)
    real = product * (column(a_scale, 0, 2) * column(b_scale, 1, 2)) / np.float32(0.3)
    case("qlinear_matmul_lists", "QLinearMatMul", "QLinearMatMul-10: scales by row and by column", 10,
         [a, a_scale, a_zero, b, b_scale, b_zero, np.array(0.3, np.float32), np.array(7, np.uint8)],
         [np.clip(np.rint(real) + 7, 0, 255).astype(np.uint8)])


def microsoft():
    def scalar(value, dtype=np.float32):
        return np.array(value, dtype)

    def real(x, scale, zero):
        return (x.astype(np.float32) - np.float32(zero)) * np.float32(scale)

    def add(name, op, inputs, expected, **attributes):
        case(name, op, "ContribOperators.md: com.microsoft." + op, 17, inputs, expected, domain="com.microsoft", **attributes)

    a, b = RANDOM.integers(0, 255, (2, 3, 4)).astype(np.uint8), RANDOM.integers(0, 255, (3, 1)).astype(np.uint8)
    scales = scalar(0.05), scalar(3, np.uint8), scalar(0.02), scalar(130, np.uint8), scalar(0.06), scalar(40, np.uint8)
    left, right = real(a, 0.05, 3), real(b, 0.02, 130)
    add("qlinear_add", "QLinearAdd", [a, scales[0], scales[1], b, scales[2], scales[3], scales[4], scales[5]],
        [quantized(left + right, 0.06, 40, np.uint8)])
    wide = (normal(3, 4) * 1000).astype(np.float32)
    add("microsoft_quantize", "QuantizeLinear", [wide, scalar(0.25), scalar(300, np.int16)], [quantized(wide, 0.25, 300, np.int16)])
    add("microsoft_dequantize", "DequantizeLinear", [quantized(wide, 0.25, 300, np.int16), scalar(0.25), scalar(300, np.int16)],
        [real(quantized(wide, 0.25, 300, np.int16), 0.25, 300)])
    add("qlinear_mul", "QLinearMul", [a, scales[0], None, b, scales[2], scales[3], scales[4], scales[5]],
        [quantized(real(a, 0.05, 0) * right, 0.06, 40, np.uint8)])
    add("qlinear_leaky_relu", "QLinearLeakyRelu", [a, scales[0], scalar(90, np.uint8), scales[2], scales[3]],
        [quantized(np.where(real(a, 0.05, 90) < 0, 0.2 * real(a, 0.05, 90), real(a, 0.05, 90)), 0.02, 130, np.uint8)], alpha=0.2)
    add("qlinear_sigmoid", "QLinearSigmoid", [a, scales[0], scalar(90, np.uint8), scalar(0.004), scalar(1, np.uint8)],
        [quantized(1 / (1 + np.exp(-real(a, 0.05, 90).astype(np.float64))), 0.004, 1, np.uint8)])
    # No mean lies half way between two steps of the result, where rounding decides.
    x = RANDOM.integers(-128, 127, (2, 3, 4, 5)).astype(np.int8)
    add("qlinear_global_average_pool", "QLinearGlobalAveragePool",
        [x, scalar(0.1), scalar(-3, np.int8), scalar(0.0317), scalar(5, np.int8)],
        [quantized(real(x, 0.1, -3).mean(axis=(2, 3), keepdims=True), 0.0317, 5, np.int8)])
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    add("qlinear_global_average_pool_last", "QLinearGlobalAveragePool",
        [last, scalar(0.1), scalar(-3, np.int8), scalar(0.0317), scalar(5, np.int8)],
        [quantized(real(last, 0.1, -3).mean(axis=(1, 2), keepdims=True), 0.0317, 5, np.int8)], channels_last=1)
    other = RANDOM.integers(0, 255, (2, 2, 4)).astype(np.uint8)
    add("qlinear_concat", "QLinearConcat", [scalar(0.07), scalar(50, np.uint8), a, scales[0], scales[1], other, scales[2], scales[3]],
        [quantized(np.concatenate([left, real(other, 0.02, 130)], axis=1), 0.07, 50, np.uint8)], axis=1)
    m, n = RANDOM.integers(0, 255, (3, 5)).astype(np.uint8), RANDOM.integers(-127, 127, (4, 5)).astype(np.int8)
    c = RANDOM.integers(-900, 900, 4).astype(np.int32)
    n_scale, n_zero = np.array([0.01, 0.02, 0.03, 0.04], np.float32), np.array([0, 1, 2, -3], np.int8)
    product = (m.astype(int) - 7) @ (n.astype(int) - column(n_zero, 0, 2)).T + c
    sums = product * (np.float32(0.5) * np.float32(0.1) * n_scale)
    add("qgemm_float", "QGemm", [m, scalar(0.1), scalar(7, np.uint8), n, n_scale, n_zero, c], [sums.astype(np.float32)], alpha=0.5, transB=1)
    add("qgemm", "QGemm", [m, scalar(0.1), scalar(7, np.uint8), n, n_scale, n_zero, c, scalar(2.5), scalar(120, np.uint8)],
        [quantized(sums, 2.5, 120, np.uint8)], alpha=0.5, transB=1)
    image, filters, z = normal(1, 2, 5, 5), normal(3, 2, 3, 3), normal(1, 3, 3, 3)
    y = convolution(image, filters) + z
    add("fused_conv", "FusedConv", [image, filters, None, z], [np.where(y < 0, 0.3 * y, y).astype(np.float32)], activation="LeakyRelu",
        activation_params=[0.3])
    y = convolution(image, filters) + column([1, -1, 0.5], 1, 4)
    add("fused_conv_clip", "FusedConv", [image, filters, np.array([1, -1, 0.5], np.float32)], [np.clip(y, -0.5, 1.5).astype(np.float32)],
        activation="Clip", activation_params=[-0.5, 1.5])


# --- Functions of one and two numbers


def functions():
    x = np.concatenate([normal(20) * 3, np.array([0, -0.0, np.inf, -np.inf, np.nan], np.float32)])
    erf = np.vectorize(math.erf)
    finite = normal(25) * 3
    wide = finite.astype(np.float64)
    case("gelu_20", "Gelu", "Gelu-20: approximate none", 20, [finite], [(wide / 2 * (1 + erf(wide / math.sqrt(2)))).astype(np.float32)])
    case("gelu_20_tanh", "Gelu", "Gelu-20: approximate tanh", 20, [finite],
         [(wide / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (wide + 0.044715 * wide**3)))).astype(np.float32)], approximate="tanh")
    case("mish_18", "Mish", "Mish-18", 18, [finite], [(wide * np.tanh(np.log1p(np.exp(wide)))).astype(np.float32)])
    case("swish_24", "Swish", "Swish-24: alpha", 24, [finite], [(wide / (1 + np.exp(-1.5 * wide))).astype(np.float32)], alpha=1.5)
    case("hard_swish_22", "HardSwish", "HardSwish-22", 22, [finite], [(wide * np.clip(wide / 6 + 0.5, 0, 1)).astype(np.float32)])
    case("relu_int8", "Relu", "Relu-14: integers", 14, [np.array([-128, -1, 0, 7], np.int8)], [np.array([0, 0, 0, 7], np.int8)])
    case("relu_nan", "Relu", "Relu-14: max(0,x) as NumPy has it", 14, [x], [np.maximum(x, 0)])
    case("clip_nan", "Clip", "Clip-13: NumPy's clip", 13, [x, np.array(-1, np.float32), np.array(2, np.float32)], [np.clip(x, -1, 2)])
    case("clip_6", "Clip", "Clip-6: attributes", 6, [finite], [np.clip(finite, -1, 2)], min=-1.0, max=2.0)
    case("clip_int64", "Clip", "Clip-12: integers beyond 2^53", 12, [np.array([-5, (1 << 60) + 1, 1 << 62], np.int64), None,
         np.array((1 << 61) + 1, np.int64)], [np.array([-5, (1 << 60) + 1, (1 << 61) + 1], np.int64)])
    case("is_inf_positive", "IsInf", "IsInf-20: detect_negative 0", 20, [x], [x == np.inf], detect_negative=0)
    case("is_inf_half", "IsInf", "IsInf-20: float16", 20, [x.astype(np.float16)], [np.isinf(x.astype(np.float16))])
    case("is_nan_half", "IsNaN", "IsNaN-13: float16", 13, [x.astype(np.float16)], [np.isnan(x.astype(np.float16))])
    case("shrink_int", "Shrink", "Shrink-9", 9, [finite], [np.where(finite < -1.5, finite + 0.5, np.where(finite > 1.5, finite - 0.5, 0)).astype(np.float32)],
         lambd=1.5, bias=0.5)
    a, b = np.array([6, 3, 255, 8], np.uint16), np.array([2, 5, 15, 8], np.uint16)
    for op, function in ("BitwiseAnd", np.bitwise_and), ("BitwiseOr", np.bitwise_or), ("BitwiseXor", np.bitwise_xor):
        case(op.lower(), op, op + "-18", 18, [a, b], [function(a, b)])
    case("bitwisenot", "BitwiseNot", "BitwiseNot-18", 18, [a], [~a])
    big = np.array([1 << 63, (1 << 64) - 1, 5], np.uint64)
    case("less_uint64", "Less", "Less-13: uint64 beyond 2^63", 13, [big, np.array([7, 1 << 63, 6], np.uint64)], [np.array([False, False, True])])
    case("div_uint64", "Div", "Div-14: uint64", 14, [big, np.array([3, 2, 2], np.uint64)], [big // np.array([3, 2, 2], np.uint64)])
    case("max_uint64", "Max", "Max-13: uint64", 13, [big, np.array([7, 1 << 63, 6], np.uint64)], [np.maximum(big, np.array([7, 1 << 63, 6], np.uint64))])
    far = np.array([(1 << 62) + 1], np.int64)
    case("pad_int64", "Pad", "Pad-13: an integer beyond 2^53", 13, [far, np.array([1, 1], np.int64), far[0] - 2], [np.array([far[0] - 2, far[0], far[0] - 2])])
    case("pow_int_by_half", "Pow", "Pow-15: the result has the base's type", 15, [np.array([4, 9, 2], np.int32), np.array([0.5, 0.5, 3], np.float32)],
         [np.array([2, 3, 8], np.int32)])
    case("cast_uint64", "Cast", "Cast-13", 13, [big], [big.astype(np.float32)], to=TensorProto.FLOAT)
    case("cast_1", "Cast", "Cast-1: to is a text", 1, [np.array([1.5, -2.5], np.float32)], [np.array([1, -2], np.int32)], to="INT32")


def legacy():
    x, y = normal(2, 3, 4, 5), normal(3, 4)
    case("add_6_axis", "Add", "Add-6: broadcast at axis", 6, [x, y], [x + y[None, :, :, None]], broadcast=1, axis=1)
    case("mul_1_scalar", "Mul", "Mul-1: broadcast, consumed_inputs", 1, [x, np.array([2], np.float32)], [x * 2], broadcast=1, consumed_inputs=[0, 0])
    case("greater_1_axis", "Greater", "Greater-1: broadcast at axis", 1, [x, y], [x > y[None, :, :, None]], broadcast=1, axis=1)
    case("pow_1_axis", "Pow", "Pow-1: broadcast at axis", 1, [np.abs(x), np.abs(y)], [np.power(np.abs(x), np.abs(y)[None, :, :, None])], broadcast=1, axis=1)
    slope = normal(3)
    case("prelu_6_channels", "PRelu", "PRelu-6: a slope for each channel", 6, [x, slope], [np.where(x < 0, x * slope[None, :, None, None], x)])
    a, b, c = normal(3, 4), normal(4, 5), normal(5)
    case("gemm_6", "Gemm", "Gemm-6: broadcast", 6, [a, b, c], [(0.5 * a.astype(np.float64) @ b + 2 * c).astype(np.float32)], alpha=0.5, beta=2.0, broadcast=1)
    wide = normal(2, 3, 4)
    flat = np.exp(wide.reshape(2, 12).astype(np.float64))
    case("softmax_11", "Softmax", "Softmax-11: over all axes from axis on", 11, [wide], [(flat / flat.sum(1, keepdims=True)).reshape(2, 3, 4).astype(np.float32)], axis=1)
    case("dropout_1", "Dropout", "Dropout-1: is_test", 1, [wide], [wide], is_test=1, ratio=0.4, consumed_inputs=[0])


def reductions():
    x = normal(3, 4, 5)
    axes = np.array([0, -1], np.int64)
    wide = x.astype(np.float64)
    for op, expected in (
        ("ReduceL1", np.abs(wide).sum((0, 2))),
        ("ReduceL2", np.sqrt((wide**2).sum((0, 2)))),
        ("ReduceSumSquare", (wide**2).sum((0, 2))),
        ("ReduceLogSumExp", np.log(np.exp(wide).sum((0, 2)))),
        ("ReduceProd", wide.prod((0, 2))),
    ):
        case(op.lower() + "_18", op, op + "-18: axes are an input", 18, [x, axes], [expected.astype(np.float32)], keepdims=0)
    case("reduce_log_sum_exp_large", "ReduceLogSumExp", "ReduceLogSumExp-18: no overflow", 18, [np.array([1000, 1000], np.float32)],
         [np.array([1000 + math.log(2)], np.float32)])
    flags = np.array([[True, False], [False, False]])
    case("reduce_max_bool", "ReduceMax", "ReduceMax-20: bool", 20, [flags, np.array([0], np.int64)], [np.array([True, False])], keepdims=0)
    empty = np.zeros((2, 0, 3), np.float32)
    case("reduce_max_empty", "ReduceMax", "ReduceMax-20: minus infinity of an empty set", 20, [empty, np.array([1], np.int64)],
         [np.full((2, 1, 3), -np.inf, np.float32)])
    case("reduce_prod_empty", "ReduceProd", "ReduceProd-18: 1 of an empty set", 18, [empty, np.array([1], np.int64)], [np.ones((2, 1, 3), np.float32)])
    case("reduce_max_nan", "ReduceMax", "ReduceMax-18 as NumPy has it", 18, [np.array([1, np.nan, 3], np.float32)], [np.array([np.nan], np.float32)])
    case("reduce_sum_int64", "ReduceSum", "ReduceSum-13: integers beyond 2^53", 13, [np.array([(1 << 60) + 1, 2], np.int64)], [np.array([(1 << 60) + 3], np.int64)])
    case("reduce_noop", "ReduceSum", "ReduceSum-13: noop_with_empty_axes", 13, [x], [x], noop_with_empty_axes=1)


def halves():
    x, w, b = normal(1, 2, 6, 6, dtype=np.float16), normal(3, 2, 3, 3, dtype=np.float16), normal(3, dtype=np.float16)
    case("conv_half", "Conv", "Conv-11: float16", 11, [x, w, b],
         [(convolution(x.astype(np.float32), w.astype(np.float32)) + column(b, 1, 4)).astype(np.float16)])
    case("conv_double", "Conv", "Conv-11: float64", 11, [x.astype(np.float64), w.astype(np.float64)], [convolution(x.astype(np.float64), w.astype(np.float64))])
    a = normal(3, 4, dtype=np.float16)
    m = normal(4, 2, dtype=np.float16)
    case("matmul_half", "MatMul", "MatMul-13: float16", 13, [a, m], [(a.astype(np.float32) @ m.astype(np.float32)).astype(np.float16)])
    i, j = RANDOM.integers(-(1 << 40), 1 << 40, (2, 3)), RANDOM.integers(-(1 << 40), 1 << 40, (3, 2))
    case("matmul_int64", "MatMul", "MatMul-13: integers wrap around", 13, [i, j], [i @ j])


for make in (normalisations, batch_normalisations, quantisation, quantised_products, microsoft, functions, legacy, reductions, halves):
    make()
print(len(os.listdir(FOLDER)), "cases")
