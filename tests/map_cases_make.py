#!/usr/bin/python3
"""Operators on maps (pooling, transposed convolution, resizing, regions, grids) in operator sets and forms that the
official node tests of ONNX 1.12 do not reach, with the right outputs, which NumPy or PyTorch computes.

    map_cases_make.py FOLDER

Writes FOLDER/test_NAME/model.onnx and test_data_set_0/{input,output}_N.pb for every case, as the official tests have them
(tests/conformance_test.c). Cases that begin with `official` are examples of the standard, with its own numbers.
"""
import itertools
import math
import os
import sys

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper

SEED = 1
random = np.random.RandomState(SEED)
count = 0


def case(name, nodes, opset, inputs, outputs):
    """inputs, outputs: arrays by the names that the nodes give them."""
    global count
    nodes = nodes if isinstance(nodes, list) else [nodes]

    def infos(arrays):
        return [
            helper.make_tensor_value_info(key, helper.np_dtype_to_tensor_dtype(array.dtype)
                                          if hasattr(helper, "np_dtype_to_tensor_dtype")
                                          else onnx.mapping.NP_TYPE_TO_TENSOR_TYPE[array.dtype], array.shape)
            for key, array in arrays.items()
        ]

    graph = helper.make_graph(nodes, name, infos(inputs), infos(outputs))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=4 if opset < 10 else 8)
    folder = f"{sys.argv[1]}/test_{name}_{opset}/test_data_set_0"
    os.makedirs(folder)
    onnx.save(model, f"{folder}/../model.onnx")
    for kind, arrays in (("input", inputs), ("output", outputs)):
        for i, (key, array) in enumerate(arrays.items()):
            with open(f"{folder}/{kind}_{i}.pb", "wb") as file:
                file.write(numpy_helper.from_array(np.ascontiguousarray(array), key).SerializeToString())
    count += 1


def node(op, inputs, outputs="y", **attributes):
    return helper.make_node(op, inputs.split(" "), outputs.split(" "), **attributes)


def f32(*arguments):
    return np.array(arguments[0] if len(arguments) == 1 else arguments, dtype=np.float32)


def normal(*shape):
    return random.normal(size=shape).astype(np.float32)


# --- Resize, Upsample -----------------------------------------------------------------------------------------------------


def resize_matrix(n, out, scale, length, mode, coordinates="half_pixel", nearest_mode="round_prefer_floor", a=-0.75,
                  antialias=False, exclude=False, roi=(0.0, 1.0)):
    """[out,n] weights of one axis, and which rows are extrapolated."""
    matrix, outside = np.zeros((out, n)), np.zeros(out, dtype=bool)
    stretch = max(1.0, 1 / scale) if antialias else 1.0

    def kernel(d):
        d = abs(d)
        if mode == "linear":
            return max(0.0, 1 - d)
        if d <= 1:
            return (a + 2) * d**3 - (a + 3) * d**2 + 1
        return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a if d < 2 else 0.0

    for o in range(out):
        at = {
            "half_pixel": lambda: (o + 0.5) / scale - 0.5,
            "half_pixel_symmetric": lambda: n / 2 * (1 - out / length) + (o + 0.5) / scale - 0.5,
            "pytorch_half_pixel": lambda: (o + 0.5) / scale - 0.5 if out > 1 else 0.0,
            "align_corners": lambda: o * (n - 1) / (length - 1) if out > 1 else 0.0,
            "asymmetric": lambda: o / scale,
            "tf_half_pixel_for_nn": lambda: (o + 0.5) / scale,
            "tf_crop_and_resize": lambda: roi[0] * (n - 1) + o * (roi[1] - roi[0]) * (n - 1) / (out - 1)
            if out > 1 else 0.5 * (roi[0] + roi[1]) * (n - 1),
        }[coordinates]()
        if coordinates == "tf_crop_and_resize" and not 0 <= at <= n - 1:
            outside[o] = True
            continue
        if mode == "nearest":
            k = {
                "round_prefer_floor": lambda: math.ceil(at - 0.5),
                "round_prefer_ceil": lambda: math.floor(at + 0.5),
                "floor": lambda: math.floor(at),
                "ceil": lambda: math.ceil(at),
            }[nearest_mode]()
            matrix[o, min(max(k, 0), n - 1)] = 1
            continue
        reach = math.ceil(stretch * (1 if mode == "linear" else 2))
        for k in range(math.floor(at) - reach - 1, math.floor(at) + reach + 2):
            if exclude and not 0 <= k < n:
                continue
            matrix[o, min(max(k, 0), n - 1)] += kernel((k - at) / stretch)
        if exclude or stretch > 1:
            matrix[o] /= matrix[o].sum()
    return matrix, outside


def resize(x, scales=None, sizes=None, roi=None, extrapolation=0.0, **options):
    y = x.astype(np.float64)
    for axis in range(x.ndim):
        n = x.shape[axis]
        scale = float(scales[axis]) if scales is not None else sizes[axis] / n
        length = n * scale if scales is not None else sizes[axis]
        out = int(np.floor(np.float32(n) * np.float32(scale))) if scales is not None else int(sizes[axis])
        if roi is not None:
            options["roi"] = (float(roi[axis]), float(roi[axis + x.ndim]))
        matrix, outside = resize_matrix(n, out, scale, length, **options)
        y = np.moveaxis(np.tensordot(matrix, y, (1, axis)), 0, axis)
        y[(slice(None),) * axis + (outside,)] = extrapolation
    return y


def resize_modes():
    x = normal(1, 2, 5, 4)
    plain = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]
    scalings = {"up": f32(1, 1, 1.7, 2.5), "down": f32(1, 1, 0.55, 0.8), "one": f32(1, 1, 0.3, 0.3)}
    for coordinates, (which, scales), mode in itertools.product(plain, scalings.items(), ["nearest", "linear", "cubic"]):
        for opset in (11, 13, 19):
            y = resize(x, scales, mode=mode, coordinates=coordinates)
            case(f"resize_{mode}_{coordinates}_{which}",
                 node("Resize", "x r s" if opset == 11 else "x  s", mode=mode, coordinate_transformation_mode=coordinates),
                 opset, {"x": x, **({"r": f32([])} if opset == 11 else {}), "s": scales}, {"y": y.astype(np.float32)})
    sizes = np.array([1, 2, 7, 3])
    for coordinates, rounding in itertools.product(
            plain + ["tf_half_pixel_for_nn"], ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]):
        y = resize(x, sizes=sizes, mode="nearest", coordinates=coordinates, nearest_mode=rounding)
        case(f"resize_nearest_{coordinates}_{rounding}",
             node("Resize", "x r s z", coordinate_transformation_mode=coordinates, nearest_mode=rounding), 11,
             {"x": x, "r": f32([]), "s": f32([]), "z": sizes}, {"y": y.astype(np.float32)})
    for a, exclude, coordinates in itertools.product([-0.5, -0.75], [0, 1], plain):
        y = resize(x, sizes=sizes, mode="cubic", coordinates=coordinates, a=a, exclude=exclude)
        case(f"resize_cubic_{coordinates}_{'half' if a == -0.5 else 'most'}_{exclude}",
             node("Resize", "x   z", mode="cubic", coordinate_transformation_mode=coordinates, cubic_coeff_a=a,
                  exclude_outside=exclude), 13, {"x": x, "z": sizes}, {"y": y.astype(np.float32)})
    roi = f32(0, 0, 0.1, 0.9, 1, 1, 1.2, 0.3)
    for mode in ("nearest", "linear", "cubic"):
        y = resize(x, sizes=sizes, mode=mode, coordinates="tf_crop_and_resize", roi=roi, extrapolation=7.5)
        case(f"resize_crop_{mode}",
             node("Resize", "x r  z", mode=mode, coordinate_transformation_mode="tf_crop_and_resize",
                  extrapolation_value=7.5), 13, {"x": x, "r": roi, "z": sizes}, {"y": y.astype(np.float32)})
    cube = normal(2, 1, 3, 4, 5)
    y = resize(cube, f32(1, 1, 2, 0.5, 1.5), mode="linear")
    case("resize_volume", node("Resize", "x  s", mode="linear"), 13, {"x": cube, "s": f32(1, 1, 2, 0.5, 1.5)},
         {"y": y.astype(np.float32)})
    for mode, exclude, which in itertools.product(["linear", "cubic"], [0, 1], ["half_pixel", "align_corners"]):
        y = resize(x, sizes=[1, 2, 2, 9], mode=mode, antialias=True, exclude=exclude, coordinates=which)
        case(f"resize_antialias_{mode}_{which}_{exclude}",
             node("Resize", "x   z", mode=mode, antialias=1, exclude_outside=exclude, coordinate_transformation_mode=which),
             18, {"x": x, "z": np.array([1, 2, 2, 9])}, {"y": y.astype(np.float32)})


def resize_types():
    """Elements of any type by nearest; integers by sums of floats, cut off."""
    for dtype in (np.uint8, np.int8, np.int32, np.int64, np.float64, np.float16, np.bool_):
        x = random.randint(0, 2 if dtype == np.bool_ else 100, size=(1, 1, 3, 4)).astype(dtype)
        y = resize(x, sizes=[1, 1, 5, 6], mode="nearest").astype(dtype)
        case(f"resize_nearest_{np.dtype(dtype).name}", node("Resize", "x   z"), 13,
             {"x": x, "z": np.array([1, 1, 5, 6])}, {"y": y})
    x = np.array([[[[250, 3], [3, 100]]]])
    for dtype in (np.uint8, np.int32, np.int64, np.float64, np.float16):
        y = resize(x, f32(1, 1, 2, 2), mode="linear")
        case(f"resize_linear_{np.dtype(dtype).name}", node("Resize", "x  s", mode="linear"), 13,
             {"x": x.astype(dtype), "s": f32(1, 1, 2, 2)}, {"y": y.astype(dtype)})
    level = np.full((1, 1, 3, 3), 7)  # every sum is 7, which must not become 6
    for dtype in (np.uint8, np.int64):
        case(f"resize_level_{np.dtype(dtype).name}", node("Resize", "x   z", mode="linear"), 13,
             {"x": level.astype(dtype), "z": np.array([1, 1, 8, 8])}, {"y": np.full((1, 1, 8, 8), 7).astype(dtype)})


def resize_official():
    """Of ONNX 1.15, backend/test/case/node/resize.py."""
    x = np.arange(1, 17, dtype=np.float32).reshape(1, 1, 4, 4)
    small, wide = x[:, :, :2, :2] * 0 + f32([[1, 2], [3, 4]]), np.arange(1, 9, dtype=np.float32).reshape(1, 1, 2, 4)
    scales, sizes = f32(1, 1, 0.6, 0.6), np.array([1, 1, 3, 3])
    for mode, by, y in (
        ("linear", "scales", [[2.875, 4.5], [9.375, 11]]),
        ("linear", "sizes", [[2.3636363, 3.590909, 4.818182], [7.2727275, 8.5, 9.727273], [12.181818, 13.409091, 14.636364]]),
        ("cubic", "scales", [[2.5180721, 4.2858863], [9.589329, 11.357142]]),
        ("cubic", "sizes", [[1.7750092, 3.1200073, 4.4650054], [7.1550016, 8.5, 9.844998], [12.534994, 13.8799925, 15.224991]]),
    ):
        inputs = {"x": x, "s": scales} if by == "scales" else {"x": x, "z": sizes}
        case(f"official_resize_antialias_{mode}_{by}",
             node("Resize", "x  s" if by == "scales" else "x   z", mode=mode, antialias=1), 18, inputs, {"y": f32([[y]])})
    twice = np.repeat(np.repeat(small, 2, 2), 3, 3)
    for axes, s in (([2, 3], f32(2, 3)), ([3, 2], f32(3, 2)), ([-1, -2], f32(3, 2))):
        case(f"official_resize_axes_{'_'.join(str(a) for a in axes).replace('-', 'm')}",
             node("Resize", "x  s", axes=axes), 18, {"x": small, "s": s}, {"y": twice})
    for axes, roi in (([2, 3], f32(0.4, 0.6, 0.6, 0.8)), ([3, 2], f32(0.6, 0.4, 0.8, 0.6))):
        case(f"official_resize_crop_axes_{axes[0]}",
             node("Resize", "x r  z", mode="linear", coordinate_transformation_mode="tf_crop_and_resize", axes=axes), 18,
             {"x": x, "r": roi, "z": np.array([3, 3])}, {"y": f32([[[[7.6, 7.9, 8.2], [8.8, 9.1, 9.4], [10, 10.3, 10.6]]]])})
    for name, data, policy, z, y in (
        ("up_not_larger", small, "not_larger", [7, 8], np.repeat(np.repeat(small, [4, 3], 2), [4, 3], 3)),
        ("up_not_smaller", small, "not_smaller", [7, 8], np.repeat(np.repeat(small, 4, 2), 4, 3)),
        ("down_not_larger", wide, "not_larger", [1, 3], f32([[[[1, 3]]]])),
        ("down_not_smaller", wide, "not_smaller", [1, 3], f32([[[[1, 2, 4], [5, 6, 8]]]])),
    ):
        case(f"official_resize_{name}", node("Resize", "x   z", axes=[2, 3], keep_aspect_ratio_policy=policy), 18,
             {"x": data, "z": np.array(z)}, {"y": y})
    line = f32([[[[1, 2, 3, 4]]]])
    case("official_resize_symmetric",
         node("Resize", "x  s", mode="linear", coordinate_transformation_mode="half_pixel_symmetric"), 19,
         {"x": line, "s": f32(1, 1, 1, 0.6)}, {"y": f32([[[[1.6666667, 3.3333333]]]])})
    s = f32(1, 1, 2.3, 2.94)
    case("resize_symmetric_up",
         node("Resize", "x  s", mode="linear", coordinate_transformation_mode="half_pixel_symmetric"), 19,
         {"x": small, "s": s}, {"y": resize(small, s, mode="linear", coordinates="half_pixel_symmetric").astype(np.float32)})


def upsample():
    """Before operator set 11: positions are asymmetric; the nearest element is that before it, or, of an axis that
    shrinks, that behind it (ONNX 1.5, test_resize_downsample_nearest)."""
    small, wide = f32([[[[1, 2], [3, 4]]]]), np.arange(1, 9, dtype=np.float32).reshape(1, 1, 2, 4)
    nearest = np.repeat(np.repeat(small, 2, 2), 3, 3)
    linear = f32([[[[1, 1.5, 2, 2], [2, 2.5, 3, 3], [3, 3.5, 4, 4], [3, 3.5, 4, 4]]]])
    case("upsample_nearest", node("Upsample", "x", height_scale=2.0, width_scale=3.0), 1, {"x": small}, {"y": nearest})
    case("upsample_bilinear", node("Upsample", "x", height_scale=2.0, width_scale=2.0, mode="bilinear"), 1,
         {"x": small}, {"y": linear})
    case("upsample_nearest", node("Upsample", "x", scales=[1.0, 1.0, 2.0, 3.0]), 7, {"x": small}, {"y": nearest})
    case("upsample_linear", node("Upsample", "x", scales=[1.0, 1.0, 2.0, 2.0], mode="linear"), 7, {"x": small}, {"y": linear})
    case("upsample_linear", node("Upsample", "x s", mode="linear"), 9, {"x": small, "s": f32(1, 1, 2, 2)}, {"y": linear})
    case("official_resize_up_nearest", node("Resize", "x s"), 10, {"x": small, "s": f32(1, 1, 2, 3)}, {"y": nearest})
    case("official_resize_up_linear", node("Resize", "x s", mode="linear"), 10, {"x": small, "s": f32(1, 1, 2, 2)},
         {"y": linear})
    case("official_resize_down_nearest", node("Resize", "x s"), 10, {"x": wide, "s": f32(1, 1, 0.6, 0.6)},
         {"y": f32([[[[1, 3]]]])})


# --- Pooling --------------------------------------------------------------------------------------------------------------

pools = {1: (F.max_pool1d, F.avg_pool1d), 2: (F.max_pool2d, F.avg_pool2d), 3: (F.max_pool3d, F.avg_pool3d)}


def places(x, indices, column_major):
    """Of each map's flattened positions, as PyTorch counts, those of the flattened tensor."""
    spatial, size = x.shape[2:], int(np.prod(x.shape[2:]))
    if column_major:
        position = np.unravel_index(indices, spatial)
        indices = np.ravel_multi_index(position, spatial, order="F")
    return indices + size * np.arange(x.shape[0] * x.shape[1]).reshape(x.shape[:2] + (1,) * len(spatial))


def max_pool():
    for spatial in (1, 2, 3):
        x = normal(2, 3, *[7, 6, 5][:spatial])
        for stride, pad, dilation, ceil in ((1, 0, 1, 0), (2, 1, 1, 0), (2, 1, 1, 1), (2, 0, 2, 1)):
            y, i = pools[spatial][0](torch.tensor(x), 2 if pad == 0 else 3, stride, pad, dilation, bool(ceil), True)
            for order, opset in ((0, 8), (1, 12), (1, 22)):
                if opset == 8 and (dilation != 1 or ceil):
                    continue
                more = {"dilations": [dilation] * spatial, "ceil_mode": ceil} if opset > 8 else {}
                case(f"max_pool_{spatial}_{stride}_{pad}_{dilation}_{ceil}_{order}",
                     node("MaxPool", "x", "y i", kernel_shape=[2 if pad == 0 else 3] * spatial, strides=[stride] * spatial,
                          pads=[pad] * 2 * spatial, storage_order=order, **more), opset, {"x": x},
                     {"y": y.numpy(), "i": places(x, i.numpy(), order).astype(np.int64)})
    x = random.randint(-99, 99, size=(1, 2, 6, 6)).astype(np.int8)
    y = F.max_pool2d(torch.tensor(x.astype(np.float32)), 3, 2, 1).numpy().astype(np.int8)
    case("max_pool_int8", node("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]), 12, {"x": x}, {"y": y})


def average_pool():
    x = np.arange(1, 17, dtype=np.float32).reshape(1, 1, 4, 4)
    case("official_average_pool_dilations",
         node("AveragePool", "x", kernel_shape=[2, 2], strides=[1, 1], dilations=[2, 2], ceil_mode=1), 19, {"x": x},
         {"y": f32([[[[6, 7], [10, 11]]]])})
    for spatial in (1, 2, 3):
        x = normal(2, 2, *[8, 7, 6][:spatial])
        for stride, pad, ceil, include in itertools.product((2, 3), (0, 1), (0, 1), (0, 1)):
            y = pools[spatial][1](torch.tensor(x), 3, stride, pad, bool(ceil), bool(include))
            case(f"average_pool_{spatial}_{stride}_{pad}_{ceil}_{include}",
                 node("AveragePool", "x", kernel_shape=[3] * spatial, strides=[stride] * spatial, pads=[pad] * 2 * spatial,
                      ceil_mode=ceil, count_include_pad=include), 10 if stride == 2 else 22, {"x": x}, {"y": y.numpy()})


def norm_pool(x, kernel, stride, pads, dilation, p, ceil=False):
    """pads: before and behind every axis."""
    x = np.abs(x.astype(np.float64)) ** p
    for axis in range(2, x.ndim):
        n, reach = x.shape[axis], (kernel - 1) * dilation + 1
        room = n + sum(pads) - reach
        out = (room + stride - 1 if ceil else room) // stride + 1
        if ceil and (out - 1) * stride >= n + pads[0]:
            out -= 1
        widths = [(0, 0)] * x.ndim
        widths[axis] = (pads[0], pads[1] + stride)
        padded = np.pad(x, widths)
        x = sum(np.take(padded, np.arange(out) * stride + k * dilation, axis) for k in range(kernel))
    return (x ** (1 / p)).astype(np.float32)


def lp_pool():
    x = np.arange(1, 17, dtype=np.float32).reshape(1, 1, 4, 4)
    case("official_lp_pool_dilations", node("LpPool", "x", kernel_shape=[2, 2], strides=[1, 1], dilations=[2, 2], p=2), 18,
         {"x": x}, {"y": f32([[[[14.560219778561036, 16.24807680927192], [21.633307652783937, 23.49468024894146]]]])})
    for spatial in (1, 2, 3):
        x = normal(2, 2, *[8, 7, 6][:spatial])
        case(f"lp_pool_{spatial}", node("LpPool", "x", kernel_shape=[2] * spatial, p=2.5), 1, {"x": x},
             {"y": norm_pool(x, 2, 1, (0, 0), 1, 2.5)})
        case(f"lp_pool_{spatial}", node("LpPool", "x", kernel_shape=[3] * spatial, strides=[2] * spatial,
                                        pads=[1] * spatial + [2] * spatial, p=3), 2, {"x": x},
             {"y": norm_pool(x, 3, 2, (1, 2), 1, 3)})
        case(f"lp_pool_{spatial}", node("LpPool", "x", kernel_shape=[2] * spatial), 11, {"x": x},
             {"y": norm_pool(x, 2, 1, (0, 0), 1, 2)})
        case(f"lp_pool_same_{spatial}", node("LpPool", "x", kernel_shape=[3] * spatial, auto_pad="SAME_LOWER", p=1), 11,
             {"x": x}, {"y": norm_pool(x, 3, 1, (1, 1), 1, 1)})
        case(f"lp_pool_{spatial}", node("LpPool", "x", kernel_shape=[2] * spatial, strides=[3] * spatial, ceil_mode=1,
                                        dilations=[2] * spatial, pads=[1] * 2 * spatial), 22, {"x": x},
             {"y": norm_pool(x, 2, 3, (1, 1), 2, 2, True)})
        axes = tuple(range(2, x.ndim))
        for opset, p in ((1, 1.5), (2, 3), (22, 2)):
            y = (np.abs(x.astype(np.float64)) ** p).sum(axis=axes, keepdims=True) ** (1 / p)
            case(f"global_lp_pool_{spatial}", node("GlobalLpPool", "x", **({} if opset == 22 else {"p": p})), opset, {"x": x},
                 {"y": y.astype(np.float32)})


def max_unpool():
    for spatial in (1, 2, 3):
        x = normal(2, 2, *[8, 6, 4][:spatial])
        y, i = pools[spatial][0](torch.tensor(x), 2, 2, return_indices=True)
        back = [F.max_unpool1d, F.max_unpool2d, F.max_unpool3d][spatial - 1](y, i, 2, 2).numpy()
        case(f"max_unpool_{spatial}", [
            node("MaxPool", "x", "p i", kernel_shape=[2] * spatial, strides=[2] * spatial),
            node("MaxUnpool", "p i", kernel_shape=[2] * spatial, strides=[2] * spatial),
        ], 11, {"x": x}, {"y": back})
    x, i = f32([[[[1, 2]]]]), np.array([[[[0, 7]]]])
    case("max_unpool_pads", node("MaxUnpool", "x i", kernel_shape=[2, 3], strides=[1, 3], pads=[0, 1, 0, 1]), 9,
         {"x": x, "i": i}, {"y": f32([[[[1, 0, 0, 0], [0, 0, 0, 2]]]])})
    case("max_unpool_shape", node("MaxUnpool", "x i o", kernel_shape=[2, 3], strides=[1, 3], pads=[0, 1, 0, 1]), 22,
         {"x": x, "i": i, "o": np.array([1, 1, 3, 5])},
         {"y": f32([[[[1, 0, 0, 0, 0], [0, 0, 0, 2, 0], [0, 0, 0, 0, 0]]]])})


# --- ConvTranspose --------------------------------------------------------------------------------------------------------

transposed = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


def conv_transpose():
    for spatial, group, stride, dilation, pad, more in (
        (1, 1, 2, 1, 1, 1), (1, 3, 3, 2, 0, 2), (2, 1, 2, 1, 1, 1), (2, 2, 2, 1, 0, 0), (2, 4, 1, 2, 2, 1), (2, 1, 3, 1, 2, 2),
        (3, 1, 2, 1, 1, 1), (3, 2, 2, 2, 0, 0),
    ):
        x, w, b = normal(2, 4 * group, *[5, 4, 3][:spatial]), normal(4 * group, 3, *[3] * spatial), normal(3 * group)
        y = transposed[spatial](torch.tensor(x), torch.tensor(w), torch.tensor(b), stride, pad, more, group, dilation)
        attributes = dict(strides=[stride] * spatial, dilations=[dilation] * spatial, pads=[pad] * 2 * spatial, group=group,
                          output_padding=[more] * spatial)
        inputs = {"x": x, "w": w, "b": b}
        name = f"conv_transpose_{spatial}_{group}_{stride}_{dilation}"
        for opset in (1, 11, 22):
            case(name, node("ConvTranspose", "x w b", **attributes), opset, inputs, {"y": y.numpy()})
        nodes = [node("ConvTranspose", "x w b", "t", **attributes), node("LeakyRelu", "t", alpha=0.25)]
        case(f"{name}_fused", nodes, 11, inputs, {"y": F.leaky_relu(y, 0.25).numpy()})
        case(f"{name}_unfused", nodes + [node("Softsign", "y", "z")], 11, inputs,
             {"y": F.leaky_relu(y, 0.25).numpy(), "z": F.softsign(F.leaky_relu(y, 0.25)).numpy()})
    x, w = normal(1, 4, 5, 5), normal(4, 3, 3, 3)
    x[0, 1, 2, 2] = np.inf
    case("conv_transpose_infinity", node("ConvTranspose", "x w", strides=[2, 2]), 11, {"x": x, "w": w},
         {"y": F.conv_transpose2d(torch.tensor(x), torch.tensor(w), None, 2).numpy()})
    x = normal(1, 2, 5)
    for kernel, stride in ((4, 3), (3, 2), (2, 2), (1, 3), (6, 2)):
        w = normal(2, 3, kernel)
        full = F.conv_transpose1d(torch.tensor(x), torch.tensor(w), None, stride).numpy()
        wide = np.pad(full, ((0, 0), (0, 0), (0, 5)))  # more positions than windows reach are zero
        for mode, opset in itertools.product(("SAME_UPPER", "SAME_LOWER"), (1, 11)):
            out = 5 * stride
            over = max(0, full.shape[2] - out)
            begin = over // 2 if mode == "SAME_UPPER" else over - over // 2
            case(f"conv_transpose_{mode.lower()}_{kernel}_{stride}", node("ConvTranspose", "x w", auto_pad=mode, strides=[stride]),
                 opset, {"x": x, "w": w}, {"y": wide[:, :, begin : begin + out]})
        case(f"conv_transpose_valid_{kernel}_{stride}", node("ConvTranspose", "x w", auto_pad="VALID", strides=[stride]), 11,
             {"x": x, "w": w}, {"y": full})
        for out in (full.shape[2] - 3, full.shape[2] + 2):
            begin = 2 if out < full.shape[2] else 0
            case(f"conv_transpose_shape_{kernel}_{stride}_{out}",
                 node("ConvTranspose", "x w", output_shape=[out], strides=[stride]), 11, {"x": x, "w": w},
                 {"y": wide[:, :, begin : begin + out]})
    for dtype in (np.float16, np.float64):  # small whole numbers: exact
        x, w = random.randint(-4, 5, size=(1, 2, 3, 3)), random.randint(-4, 5, size=(2, 2, 2, 2))
        y = F.conv_transpose2d(torch.tensor(x).double(), torch.tensor(w).double(), None, 2).numpy()
        case(f"conv_transpose_{np.dtype(dtype).name}", node("ConvTranspose", "x w", strides=[2, 2]), 11,
             {"x": x.astype(dtype), "w": w.astype(dtype)}, {"y": y.astype(dtype)})


# --- Regions --------------------------------------------------------------------------------------------------------------


def bilinear(m, y, x, largest):
    height, width = m.shape
    if y < -1 or y > height or x < -1 or x > width:
        return 0.0
    y, x = max(y, 0), max(x, 0)
    top, left = min(int(y), height - 1), min(int(x), width - 1)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    dy, dx = (0 if top == height - 1 else y - top), (0 if left == width - 1 else x - left)
    parts = [(1 - dy) * (1 - dx) * m[top, left], (1 - dy) * dx * m[top, right],
             dy * (1 - dx) * m[bottom, left], dy * dx * m[bottom, right]]
    return max(parts) if largest else sum(parts)


def roi_align(x, rois, images, bins, samples, scale, half, largest):
    y = np.zeros((len(rois), x.shape[1], *bins))
    for r, roi in enumerate(rois.astype(np.float64)):
        left, top, right, bottom = roi * scale - (0.5 if half else 0)
        size = np.array([bottom - top, right - left])
        size = size if half else np.maximum(size, 1)
        step = size / bins
        grid = [samples or math.ceil(s) for s in step]
        for c, i, j in itertools.product(*map(range, y.shape[1:])):
            values = [
                bilinear(x[images[r], c], top + (i + (a + 0.5) / grid[0]) * step[0], left + (j + (b + 0.5) / grid[1]) * step[1],
                         largest)
                for a in range(grid[0]) for b in range(grid[1])
            ]
            if values:
                y[r, c, i, j] = max(values) if largest else sum(values) / max(1, grid[0] * grid[1])
    return y.astype(np.float32)


def max_roi_pool(x, rois, bins, scale):
    y = np.zeros((len(rois), x.shape[1], *bins), dtype=np.float32)
    for r, (image, *roi) in enumerate(rois):
        left, top, right, bottom = (int(math.floor(v * scale + 0.5)) for v in roi)
        height, width = max(bottom - top + 1, 1), max(right - left + 1, 1)
        for i, j in itertools.product(*map(range, bins)):
            rows = [v for v in range(top + i * height // bins[0], top - (-(i + 1) * height // bins[0])) if 0 <= v < x.shape[2]]
            columns = [v for v in range(left + j * width // bins[1], left - (-(j + 1) * width // bins[1])) if 0 <= v < x.shape[3]]
            if rows and columns:
                y[r, :, i, j] = x[int(image)][:, rows][:, :, columns].max(axis=(1, 2))
    return y


def regions():
    x, images = normal(2, 3, 9, 11), np.array([1, 0, 1, 0])
    rois = f32([[0, 0, 40, 33], [7.3, -5, 29, 60], [12, 12, 12.5, 13], [30, 20, 10, 5]])
    for mode, samples, half in itertools.product(("avg", "max"), (0, 1, 3), (False, True)):
        y = roi_align(x, rois, images, (3, 2), samples, 0.25, half, mode == "max")
        attributes = dict(mode=mode, sampling_ratio=samples, output_height=3, output_width=2, spatial_scale=0.25)
        if not half:
            case(f"roi_align_{mode}_{samples}", node("RoiAlign", "x r i", **attributes), 10,
                 {"x": x, "r": rois, "i": images}, {"y": y})
        case(f"roi_align_{mode}_{samples}_{half}",
             node("RoiAlign", "x r i", coordinate_transformation_mode="half_pixel" if half else "output_half_pixel",
                  **attributes), 16, {"x": x, "r": rois, "i": images}, {"y": y})
    y = roi_align(x, rois, images, (1, 1), 0, 1.0, True, False)
    case("roi_align_defaults", node("RoiAlign", "x r i"), 22, {"x": x, "r": rois, "i": images}, {"y": y})
    rois = f32([[1, 0, 0, 40, 33], [0, 7.3, -5, 29, 60], [1, 12, 12, 12.5, 13], [0, 30, 20, 10, 5], [0, 90, 90, 99, 99]])
    case("max_roi_pool", node("MaxRoiPool", "x r", pooled_shape=[3, 2], spatial_scale=0.25), 1, {"x": x, "r": rois},
         {"y": max_roi_pool(x, rois, (3, 2), 0.25)})
    rois[:, 1:] /= 4
    case("max_roi_pool", node("MaxRoiPool", "x r", pooled_shape=[4, 5]), 22, {"x": x, "r": rois},
         {"y": max_roi_pool(x, rois, (4, 5), 1)})


# --- GridSample -----------------------------------------------------------------------------------------------------------


def grid_sample():
    names = {"bilinear": "linear", "nearest": "nearest", "bicubic": "cubic"}
    x, grid = normal(2, 3, 5, 4), (2.5 * random.uniform(-1, 1, size=(2, 3, 6, 2))).astype(np.float32)
    inside = (0.9 * random.uniform(-1, 1, size=(2, 3, 6, 2))).astype(np.float32)
    volume, places3 = normal(1, 2, 3, 4, 5), (2 * random.uniform(-1, 1, size=(1, 2, 3, 2, 3))).astype(np.float32)
    for mode, padding, corners in itertools.product(names, ("zeros", "border", "reflection"), (0, 1)):
        # PyTorch brings places to the border after it has rounded them or chosen cubic neighbours, the standard before.
        places2 = grid if mode == "bilinear" or padding == "zeros" else inside
        for opset in (16, 20):
            y = F.grid_sample(torch.tensor(x), torch.tensor(places2), mode, padding, bool(corners)).numpy()
            case(f"grid_sample_{mode}_{padding}_{corners}",
                 node("GridSample", "x g", mode=mode if opset == 16 else names[mode], padding_mode=padding,
                      align_corners=corners), opset, {"x": x, "g": places2}, {"y": y})
        if mode == "bicubic":
            continue
        places3_here = places3 if mode == "bilinear" or padding == "zeros" else 0.45 * places3
        y = F.grid_sample(torch.tensor(volume), torch.tensor(places3_here), mode, padding, bool(corners)).numpy()
        case(f"grid_sample_volume_{mode}_{padding}_{corners}",
             node("GridSample", "x g", mode=names[mode], padding_mode=padding, align_corners=corners), 20,
             {"x": volume, "g": places3_here}, {"y": y})
    line = F.grid_sample(torch.tensor(x[:, :, 2:3]), torch.cat([torch.tensor(grid[:, :1, :, :1]), torch.zeros(2, 1, 6, 1)], 3),
                         align_corners=True).numpy()[:, :, 0]
    case("grid_sample_line", node("GridSample", "x g", align_corners=1), 20, {"x": x[:, :, 2], "g": grid[:, 0, :, :1]}, {"y": line})
    grid_sample_official()


def grid_sample_official():
    """Of ONNX 1.16, backend/test/case/node/gridsample.py: what is half way is rounded to the even position, in volumes
    too; cubic neighbours."""
    x = f32([[[[0, 1], [2, 3], [4, 5]]]])
    grid = f32([[[[-1, -0.8], [-0.6, -0.5], [-0.1, -0.2], [0.7, 0]], [[0, 0.4], [0.2, -0.2], [-0.3, 0.5], [-1, 1]]]])
    for mode, corners, y in (
        ("nearest", 0, [[0, 0, 2, 3], [4, 3, 4, 4]]), ("nearest", 1, [[0, 0, 2, 3], [2, 3, 4, 4]]),
        ("linear", 0, [[0, 0.45, 1.8, 2.4], [3.7, 2.1, 3.7, 1]]), ("linear", 1, [[0.4, 1.2, 2.05, 2.85], [3.3, 2.2, 3.35, 4]]),
        ("cubic", 0, [[-0.17325, 0.284265, 1.923106, 2.568], [5.170375, 2.284414, 4.744844, 1.046875]]),
        ("cubic", 1, [[0.304001, 1.12875, 2.26627, 3.144844], [4.5315, 2.45536, 4.599819, 4]]),
    ):
        case(f"official_grid_sample_{mode}_{corners}", node("GridSample", "x g", mode=mode, align_corners=corners), 20,
             {"x": x, "g": grid}, {"y": f32([[y]])})
    x = np.arange(1, 13, dtype=np.float32).reshape(1, 1, 3, 2, 2)
    grid = f32([[
        [[[-1, -1, -1], [-1, -0.5, 0.3]], [[-0.5, -0.5, -0.5], [1, -0.6, -1]], [[-0.2, -0.2, -0.2], [0.4, 0.2, 0.6]],
         [[0, 0, 0], [-1, 0, 0]]],
        [[[0, 0, 0], [-1, 1, 0]], [[-0.2, -0.2, -0.2], [1, 0.4, -0.2]], [[0.5, 0.5, 0.5], [-1, -0.8, 0.8]],
         [[1, 1, 1], [0.4, 0.6, -0.3]]],
    ]])
    for mode, corners, y in (
        ("nearest", 0, [[[1, 5], [1, 0], [5, 12], [5, 5]], [[5, 0], [5, 0], [12, 9], [0, 8]]]),
        ("nearest", 1, [[[1, 5], [1, 2], [5, 12], [5, 5]], [[5, 7], [5, 8], [12, 9], [12, 8]]]),
        ("linear", 0, [[[0.125, 3.4], [2, 0.45], [4.7, 10.9], [6.5, 3]], [[6.5, 1.75], [4.7, 3.3], [11, 2.52], [1.5, 5.49]]]),
    ):
        case(f"official_grid_sample_volume_{mode}_{corners}", node("GridSample", "x g", mode=mode, align_corners=corners), 20,
             {"x": x, "g": grid}, {"y": f32([[y]])})


# --- Blocks, and experimental operators -----------------------------------------------------------------------------------


def blocks():
    x = normal(2, 12, 3, 2)
    n, c, h, w = x.shape
    dcr = x.reshape(n, 2, 2, 3, h, w).transpose(0, 3, 4, 1, 5, 2).reshape(n, 3, 6, 4)
    crd = x.reshape(n, 3, 2, 2, h, w).transpose(0, 1, 4, 2, 5, 3).reshape(n, 3, 6, 4)
    case("depth_to_space", node("DepthToSpace", "x", blocksize=2), 1, {"x": x}, {"y": dcr})
    case("depth_to_space_dcr", node("DepthToSpace", "x", blocksize=2, mode="DCR"), 11, {"x": x}, {"y": dcr})
    case("depth_to_space_crd", node("DepthToSpace", "x", blocksize=2, mode="CRD"), 13, {"x": x}, {"y": crd})
    case("depth_to_space_int8", node("DepthToSpace", "x", blocksize=2), 13, {"x": (9 * x).astype(np.int8)},
         {"y": (9 * dcr).astype(np.int8)})
    for opset in (1, 13):
        case("space_to_depth", node("SpaceToDepth", "x", blocksize=2), opset, {"x": dcr}, {"y": x})


def experimental():
    x = normal(2, 3, 5, 6)
    bias = [1.0, -2.0, 0.5]
    case("image_scaler", node("ImageScaler", "x", scale=0.25, bias=bias), 1, {"x": x},
         {"y": x * f32(0.25) + f32(bias)[:, None, None]})
    case("image_scaler_plain", node("ImageScaler", "x", scale=0.25), 3, {"x": x}, {"y": x * f32(0.25)})
    case("crop_border", node("Crop", "x", border=[1, 2, 3, 1]), 1, {"x": x}, {"y": x[:, :, 2:4, 1:3]})
    case("crop_scale", node("Crop", "x", border=[1, 2, 0, 0], scale=[3, 4]), 6, {"x": x}, {"y": x[:, :, 2:5, 1:5]})
    case("affine", node("Affine", "x", alpha=3.0, beta=-1.5), 1, {"x": x}, {"y": (3 * x.astype(float) - 1.5).astype(np.float32)})
    case("affine_scalar", node("Affine", "x", alpha=3.0), 1, {"x": f32([2])}, {"y": f32([6])})
    case("scale", node("Scale", "x", scale=-2.0), 1, {"x": x}, {"y": -2 * x})
    wide = x.astype(float)
    case("parametric_softplus", node("ParametricSoftplus", "x", alpha=0.5, beta=3.0), 1, {"x": x},
         {"y": (0.5 * np.log1p(np.exp(3 * wide))).astype(np.float32)})
    case("scaled_tanh", node("ScaledTanh", "x", alpha=1.7, beta=0.7), 7, {"x": x},
         {"y": (np.float64(np.float32(1.7)) * np.tanh(np.float64(np.float32(0.7)) * wide)).astype(np.float32)})
    half = (np.arange(24).reshape(1, 2, 3, 4) / 4).astype(np.float16)
    case("image_scaler_half", node("ImageScaler", "x", scale=2.0, bias=[1.0, 2.0]), 6, {"x": half},
         {"y": (2 * half + np.array([1, 2], dtype=np.float16)[:, None, None])})


def main():
    for make in (resize_modes, resize_types, resize_official, upsample, max_pool, average_pool, lp_pool, max_unpool,
                 conv_transpose, regions, grid_sample, blocks, experimental):
        make()
    print(f"{count} cases, seed {SEED}")


main()
