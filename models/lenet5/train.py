#!/usr/bin/python3
"""Train LeNet-5 on scikit-learn's handwritten digits; write the model and the held-out digits.

Writes into --out (default: the folder of this script):
    lenet5.onnx         the network, input `image` float32 [batch,1,32,32], output `scores` float32 [batch,10]
    labels.txt          the ten class names, line i = class i
    digits/NNN.png      the held-out pictures, 32x32, 8-bit grey, white on black
    digits/labels.txt   one line a picture: "NNN.png LABEL"

The held-out pictures are used once, after training: nothing is chosen by them. The accuracy printed is that of
lenet5.onnx as read back from the disk on the PNG files as read back from the disk, grey/255 being the input.
One thread, everything seeded: the same machine and libraries give the same bytes again.

Source of the topology: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition",
Proc. IEEE 86(11), 1998; with ReLU, max pooling, and a fully connected last layer, as is usual today.
"""
import argparse
import os
import pathlib
import sys
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # read when the libraries below are loaded

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import digits
from onnx_file import OPSET, load_model, relative_error, run_model, save_model

SIZE = 32  # pixels
EPOCHS = 60
BATCH = 32
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-4
MAX_ROTATION_DEGREES = 12.0
MAX_SHIFT_PIXELS = 3.0  # of 32; a pixel of the original is 4
MAX_SCALING = 0.1
REQUIRED_ACCURACY = 0.98

DESCRIPTION = (
    "LeNet-5 (ReLU, max pooling) for handwritten digits. Input: one grey channel, 32x32, white on black, grey/255. "
    "Output: ten scores (no softmax), index = digit. Trained by models/lenet5/train.py (seed {seed}, {train} pictures, "
    "{epochs} epochs of AdamW with small rotations, shifts and scalings). Data: 'Optical Recognition of Handwritten "
    "Digits', E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998, as distributed with scikit-learn under "
    "BSD-3-Clause, enlarged from 8x8 to 32x32."
)


def make_network():
    """[N,1,32,32] -> conv 6@28x28 -> pool 14x14 -> conv 16@10x10 -> pool 5x5 -> 400 -> 120 -> 84 -> 10.

    The names given here become the names of the nodes in the ONNX file.
    """
    layers = {
        "conv1": nn.Conv2d(1, 6, 5), "relu1": nn.ReLU(), "pool1": nn.MaxPool2d(2),
        "conv2": nn.Conv2d(6, 16, 5), "relu2": nn.ReLU(), "pool2": nn.MaxPool2d(2),
        "flatten": nn.Flatten(),
        "fc1": nn.Linear(400, 120), "relu3": nn.ReLU(),
        "fc2": nn.Linear(120, 84), "relu4": nn.ReLU(),
        "fc3": nn.Linear(84, 10),
    }  # fmt: skip
    network = nn.Sequential()
    for name, layer in layers.items():
        network.add_module(name, layer)
    return network


def enlarge(picture):
    """[8,8] of 0..16 -> [32,32] of 0..255, bilinear."""
    grey = Image.fromarray(np.rint(picture * (255 / 16)).astype(np.uint8))
    return np.asarray(grey.resize((SIZE, SIZE), Image.Resampling.BILINEAR))


def to_tensor(pictures):
    """uint8 [N,32,32] -> float32 [N,1,32,32] in 0..1: the `unit` preset of the program."""
    return torch.from_numpy(np.asarray(pictures)).float().unsqueeze(1) / 255


def augment(x):
    """Rotate, shift and scale every picture of x [N,1,32,32] a little, at random."""
    n = len(x)
    angle = (torch.rand(n) * 2 - 1) * np.deg2rad(MAX_ROTATION_DEGREES)
    scale = 1 + (torch.rand(n) * 2 - 1) * MAX_SCALING
    shift = (torch.rand(n, 2) * 2 - 1) * (MAX_SHIFT_PIXELS * 2 / SIZE)  # the grid spans -1..1
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    matrix = torch.stack([torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)], 1)
    return F.grid_sample(x, F.affine_grid(matrix, x.shape, align_corners=False), align_corners=False)


def accuracy(scores, labels):
    return float((scores.argmax(1).numpy() == labels).mean())


def train(network, parts):
    """A fixed number of epochs, the last weights: no checkpoint is chosen."""
    x, y = to_tensor(parts["train"][0]), torch.from_numpy(parts["train"][1])
    x_validation, y_validation = to_tensor(parts["validation"][0]), parts["validation"][1]
    steps = EPOCHS * -(-len(x) // BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for epoch in range(1, EPOCHS + 1):
        network.train()
        for batch in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(network(augment(x[batch])), y[batch]).backward()
            optimizer.step()
            schedule.step()
        if epoch % 10 == 0:
            network.eval()
            with torch.no_grad():
                print(f"epoch {epoch:3}: validation accuracy {accuracy(network(x_validation), y_validation):.2%}")
    network.eval()


def write_model(network, path, description):
    """Export, then give nodes and tensors the names of the layers (the exporter says /conv1/Conv)."""
    torch.onnx.export(
        network, torch.zeros(1, 1, SIZE, SIZE), str(path), opset_version=OPSET, input_names=["image"],
        output_names=["scores"], dynamic_axes={"image": {0: "batch"}, "scores": {0: "batch"}})
    model = onnx.load(str(path))
    layers = [name for name, _ in network.named_children()]
    assert len(layers) == len(model.graph.node), "the exporter made more than one node of a layer"
    renamed = {"scores": "scores"}
    for name, node in zip(layers, model.graph.node):
        node.name = name
        node.input[0] = renamed.get(node.input[0], node.input[0])
        node.output[0] = renamed.setdefault(node.output[0], name + "_out")
    model.graph.name = "lenet5"
    model.doc_string = description
    save_model(model, path)


def write_digits(folder, pictures, labels):
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for i, (picture, label) in enumerate(zip(pictures, labels)):
        Image.fromarray(picture).save(folder / f"{i:03}.png", optimize=True)
        lines.append(f"{i:03}.png {label}\n")
    (folder / "labels.txt").write_text("".join(lines))


def read_digits(folder):
    """-> pictures uint8 [N,32,32], labels [N], in the order of labels.txt."""
    lines = [line.split() for line in (folder / "labels.txt").read_text().splitlines()]
    pictures = [np.asarray(Image.open(folder / name)) for name, _ in lines]
    return np.stack(pictures), np.array([int(label) for _, label in lines])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent, metavar="DIR")
    parser.add_argument("--seed", type=int, default=1, help="of split, weights and augmentation (default 1)")
    args = parser.parse_args()

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(args.seed)
    start = time.monotonic()
    parts = {name: (np.stack([enlarge(p) for p in pictures]), labels)
             for name, (pictures, labels) in digits.split(args.seed).items()}
    print(f"seed {args.seed}; pictures: " + ", ".join(f"{len(y)} {name}" for name, (_, y) in parts.items()))
    network = make_network()
    train(network, parts)

    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "lenet5.onnx"
    write_model(network, path, DESCRIPTION.format(seed=args.seed, train=len(parts["train"][1]), epochs=EPOCHS))
    (args.out / "labels.txt").write_text("".join(f"{i}\n" for i in range(10)))
    write_digits(args.out / "digits", *parts["held-out"])

    pictures, labels = read_digits(args.out / "digits")
    x = to_tensor(pictures)
    with torch.no_grad():
        scores, expected = run_model(load_model(path), x)[0], network(x)
    error = relative_error(scores, expected)
    right = int((scores.argmax(1).numpy() == labels).sum())
    print(f"lenet5.onnx against the trained network: largest relative error {error:.1e}")
    print(f"held-out accuracy: {right} of {len(labels)} = {right / len(labels):.2%} "
          f"(seed {args.seed}, {time.monotonic() - start:.0f} s)")
    if error > 1e-5:
        sys.exit("train.py: lenet5.onnx does not compute what was trained")
    if right / len(labels) < REQUIRED_ACCURACY:
        sys.exit(f"train.py: the held-out accuracy is below the required {REQUIRED_ACCURACY:.0%}")


if __name__ == "__main__":
    main()
