#!/usr/bin/python3
"""Writes files as other programs write them, and the values that NumPy and Pillow read from them.

    files_make.py FOLDER

FOLDER/cases has one line a case: the model, the input file, the file of expected values, the largest difference that is
allowed, and further options of convoy run. Models are 1x1 convolutions that copy their input. FOLDER/refused has the model, a file
that must be refused, and words of the sentence.
"""
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageOps

HEIGHT, WIDTH = 6, 8
SEED = 1
rng = np.random.default_rng(SEED)
cases, refused = [], []


def copy_model(name, channels, external=None):
    """A model that returns its input, [1,channels,HEIGHT,WIDTH]; external: the file of its weights."""
    shape = [1, channels, HEIGHT, WIDTH]
    weights = numpy_helper.from_array(np.eye(channels, dtype=np.float32).reshape(channels, channels, 1, 1), "w")
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], name="conv")], "copy",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    if external:
        onnx.save_model(model, name, save_as_external_data=True, location=external, size_threshold=0)
    else:
        onnx.save(model, name)


def expect(file, values, tolerance=0, options="", model="rgb.onnx"):
    expected = f"expected{len(cases)}.npy"
    np.save(expected, np.ascontiguousarray(values, np.float32))
    cases.append(f"{model} {file} {expected} {tolerance} {options}")


def picture(image):
    """[3,H,W] of a Pillow image as it is."""
    return np.asarray(image.convert("RGB")).transpose(2, 0, 1)


def npy_file(name, header, data):
    text = header.encode() + b"\n"
    with open(name, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data)


def arrays():
    shape = (1, 3, HEIGHT, WIDTH)
    small = rng.integers(0, 2, shape)
    for number, descr in enumerate(["<b1", "|b1", "<u1", ">u1", "=u1", "<i1", "|i1", "u1", "?", "B", "uint8", "=f4", "|f4", "f4",
                                    ">f4", "f", "float32", ">f8", "double", ">f2", "e", "<i2", ">i2", "h", "<u2", ">u2", ">i4",
                                    "<u4", ">u4", ">i8", "<u8", ">u8", "Q"]):
        name = f"array{number}.npy"
        npy_file(name, f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}",
                 small.astype(np.dtype(descr)).tobytes())
        expect(name, np.load(name))
    # Python 2 wrote long integers into shapes. The axes the other way round, and big-endian at that.
    npy_file("long.npy", "{'descr': '<u2', 'fortran_order': False, 'shape': (1L, 3L, 6L, 8L), }",
             small.astype("<u2").tobytes())
    expect("long.npy", np.load("long.npy"))
    wide = rng.integers(-30000, 30000, shape)
    np.save("fortran.npy", np.asfortranarray(wide.astype(">i2")))
    expect("fortran.npy", wide)
    doubles = rng.standard_normal(shape) * 1e5
    np.save("doubles.npy", doubles)
    expect("doubles.npy", doubles)
    for name, dtype, value, words in [("exact", np.int64, 16777217, "element 5, the int64 16777217"),
                                      ("range", np.float64, 1e300, "beyond the range of float32"),
                                      ("text", "U1", 0, "'<U1'"), ("complex", np.complex64, 0, "'<c8'")]:
        array = np.zeros(shape, dtype)
        array.reshape(-1)[5] = value
        np.save(f"{name}.npy", array)
        refused.append(f"rgb.onnx {name}.npy {words}")


def protos():
    for dtype in ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool", "float16", "float64"]:
        values = rng.integers(0, 2 if dtype == "bool" else 100, (1, 3, HEIGHT, WIDTH)).astype(dtype)
        raw = numpy_helper.from_array(values, "x")
        fields = helper.make_tensor("x", raw.data_type, values.shape, values.reshape(-1).tolist())
        for kind, proto in [("raw", raw), ("fields", fields)]:
            with open(f"{dtype}-{kind}.pb", "wb") as file:
                file.write(proto.SerializeToString())
            expect(f"{dtype}-{kind}.pb", numpy_helper.to_array(proto))


def text_pictures():
    rgb = rng.integers(0, 256, (HEIGHT, WIDTH, 3))
    rows = "\n".join(" ".join(map(str, row.reshape(-1))) + " # a row" for row in rgb)
    with open("p3.ppm", "w") as file:
        file.write(f"P3\n# colours as text\n{WIDTH} {HEIGHT}\n255\n{rows}\n")
    expect("p3.ppm", rgb.transpose(2, 0, 1), options="--preset raw")
    deep = rng.integers(0, 65536, (HEIGHT, WIDTH, 3))
    with open("p3-16.ppm", "w") as file:
        file.write(f"P3 {WIDTH} {HEIGHT} 65535 " + " ".join(map(str, deep.reshape(-1))))
    with open("p6-16.ppm", "wb") as file:
        file.write(f"P6 {WIDTH} {HEIGHT} 65535\n".encode() + deep.astype(">u2").tobytes())
    for name in ["p3-16.ppm", "p6-16.ppm"]:
        expect(name, (deep * 255 / 65535).transpose(2, 0, 1), 1e-5, "--preset raw")
    grey = rng.integers(0, 1001, (HEIGHT, WIDTH))
    with open("p2.pgm", "w") as file:
        file.write(f"P2 {WIDTH} {HEIGHT} 1000 " + " ".join(map(str, grey.reshape(-1))))
    expect("p2.pgm", (grey * 255 / 1000)[None], 255 / 65535, "--preset raw", "grey.onnx")


def orientations():
    smooth = np.add.outer(np.arange(HEIGHT) * 20, np.arange(WIDTH) * 9)[:, :, None] + np.array([0, 10, 30])
    noise = rng.integers(0, 256, (HEIGHT, WIDTH, 3))
    for orientation in range(1, 9):
        for name, pixels in [(f"exif{orientation}.jpg", smooth), (f"exif{orientation}.png", noise)]:
            if orientation >= 5:  # what lies on its side becomes as high as the model's input
                pixels = pixels.transpose(1, 0, 2)
            exif = Image.Exif()
            exif[0x010F] = "a camera"
            exif[0x0112] = orientation
            Image.fromarray(np.ascontiguousarray(pixels, np.uint8)).save(name, exif=exif.tobytes())
            expect(name, picture(ImageOps.exif_transpose(Image.open(name))), options="--preset raw")


def transparency():
    rgba = Image.fromarray(rng.integers(0, 256, (HEIGHT, WIDTH, 4)).astype(np.uint8), "RGBA")
    rgba.save("rgba.png")
    rgba.convert("LA").save("la.png")
    indexed = Image.fromarray(rng.integers(0, 16, (HEIGHT, WIDTH)).astype(np.uint8), "P")
    indexed.putpalette(rng.integers(0, 256, 48).astype(np.uint8).tobytes())
    indexed.save("palette.png", transparency=bytes(range(0, 256, 17)))
    key = Image.fromarray(rng.integers(0, 2, (HEIGHT, WIDTH)).astype(np.uint8) * 200)
    key.save("grey-key.png", transparency=200)
    key.convert("RGB").save("rgb-key.png", transparency=(200, 200, 200))
    for name in ["rgba.png", "la.png", "palette.png", "grey-key.png", "rgb-key.png"]:
        top = Image.open(name).convert("RGBA")
        for colour, options in [("white", ""), ("white", "--background white"), ("black", "--background black"),
                                ("#ff8003", "--background #ff8003"), ("#3af", "--background=#3AF")]:
            ground = Image.new("RGBA", top.size, colour)
            ground.alpha_composite(top)
            # Pillow keeps 7 more bits and then may round the other way.
            expect(name, picture(ground), 1, f"--preset raw {options}")


def inks():
    smooth = np.add.outer(np.arange(HEIGHT) * 20, np.arange(WIDTH) * 9)[:, :, None] + np.array([0, 50, 90, 20])
    Image.fromarray(smooth.astype(np.uint8), "CMYK").save("cmyk.jpg", quality=95)
    expect("cmyk.jpg", picture(Image.open("cmyk.jpg")), options="--preset raw")


def deep_pictures():
    grey = rng.integers(0, 65536, (HEIGHT, WIDTH)).astype(np.uint16)
    Image.fromarray(grey).save("deep.png")
    expect("deep.png", (np.asarray(Image.open("deep.png")) * 255 / 65535)[None], 1e-5, "--preset raw", "grey.onnx")
    expect("deep.png", (grey / 65535)[None], 3e-7, "", "grey.onnx")


def hub():
    """A cache as hubs lay it out: names are links to blobs, whose own names are hashes."""
    values = rng.standard_normal((1, 3, HEIGHT, WIDTH))
    np.save("hub.npy", values)
    copy_model("hub/made/model.onnx", 3, "model.onnx_data")
    for folder in ["hub/blobs", "hub/snapshots/abc", "hub/elsewhere"]:
        os.makedirs(folder)
    os.rename("hub/made/model.onnx", "hub/blobs/7f83b1")
    os.rename("hub/made/model.onnx_data", "hub/blobs/657f18")
    os.symlink("../../blobs/7f83b1", "hub/snapshots/abc/model.onnx")
    os.symlink("../../blobs/657f18", "hub/snapshots/abc/model.onnx_data")
    expect("hub.npy", values, model="hub/snapshots/abc/model.onnx")
    # The weights are beside the real model alone.
    copy_model("hub/beside/model.onnx", 3, "weights")
    os.symlink("hub/beside/model.onnx", "linked.onnx")
    expect("hub.npy", values, model="linked.onnx")
    # A link that leads out of both folders.
    copy_model("hub/out/model.onnx", 3, "weights")
    os.rename("hub/out/weights", "hub/elsewhere/weights")
    os.symlink("../elsewhere/weights", "hub/out/weights")
    refused.append("hub/out/model.onnx hub.npy leads out of the folder of the model by a symbolic link")


def main():
    os.chdir(sys.argv[1])
    copy_model("rgb.onnx", 3)
    copy_model("grey.onnx", 1)
    for make in [arrays, protos, text_pictures, orientations, transparency, inks, deep_pictures, hub]:
        make()
    for name, lines in [("cases", cases), ("refused", refused)]:
        with open(name, "w") as file:
            file.write("\n".join(lines) + "\n")
    print(f"seed {SEED}: {len(cases)} cases, {len(refused)} files to be refused")


main()
