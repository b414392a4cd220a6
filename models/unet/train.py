#!/usr/bin/python3
"""Train a small U-Net on scenes with simple shapes; write the model and held-out scenes with their masks.

Writes into --out (default: the folder of this script):
    unet.onnx           the network, input `image` float32 [1,3,64,64], output `scores` float32 [1,5,64,64]
    labels.txt          the five class names, line i = class i; class 0 is the background
    scenes/NN.png       some of the held-out scenes, 64x64, 8 bits of red, green and blue
    masks/NN.png        their truths, 64x64, 8-bit grey: the class of each pixel (nearly black to the eye)

The held-out scenes are drawn from a stream of random numbers of their own, and used once, after training. The last figures
printed are those of unet.onnx as read back from the disk on the PNG files as read back from the disk, red, green and blue/255
being the input. One thread, everything seeded: the same machine and libraries give the same bytes again.

Source of the topology: O. Ronneberger, P. Fischer, T. Brox, "U-Net: Convolutional Networks for Biomedical Image
Segmentation", arXiv 1505.04597, 2015; with fewer maps, padded convolutions and batch normalisation, as is usual today.
"""
import argparse
import os
import pathlib
import sys
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # read when the libraries below are loaded

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import scenes
from onnx_file import export, load_model, relative_error, run_model, save_model
from scenes import FINE

SIZE = 64  # pixels a side
LABELS = "background", "disc", "square", "triangle", "star"
MOST_SHAPES = 6  # in a scene; where there is no room for one it is left out
RADII = 9, 18  # pixels
TRAIN = 4000  # scenes
VALIDATION = 200  # scenes; settings are judged by these, not by the held-out ones
HELD_OUT = 200  # scenes
WRITTEN = 20  # of the held-out scenes
EPOCHS = 8
BATCH = 8
LEARNING_RATE = 4e-3
WEIGHT_DECAY = 1e-4
MAPS = 8, 16, 32, 48  # at 64, 32, 16 and 8 pixels a side
REQUIRED_OVERLAP = 0.9

DESCRIPTION = (
    "A small U-Net for simple shapes in cluttered scenes. Input: red, green and blue, 64x64, /255. Output: scores (no softmax) "
    "of the classes background, disc, square, triangle and star for each pixel. Trained by models/unet/train.py (seed {seed}, "
    "{train} scenes, {epochs} epochs of AdamW), which draws all pictures itself."
)


def outline(kind, x, y, radius, angle):
    """The corners of a square, a triangle or a star."""
    corners = {"square": 4, "triangle": 3, "star": 10}[kind]
    radii = np.where(np.arange(corners) % 2 == 0, 1, 0.45 if kind == "star" else 1) * radius
    angles = angle + 2 * np.pi * np.arange(corners) / corners
    return [(float(px), float(py)) for px, py in zip(x + radii * np.cos(angles), y + radii * np.sin(angles))]


def make_scene(random):
    """-> uint8 [SIZE,SIZE,3], and the class of each pixel, uint8 [SIZE,SIZE]: that of the shape that covers half of it."""
    picture = scenes.clutter(random, SIZE)
    mask = np.zeros((SIZE, SIZE), np.uint8)
    for _ in range(random.integers(1, MOST_SHAPES + 1)):
        kind = int(random.integers(1, len(LABELS)))
        radius, angle = FINE * random.uniform(*RADII), random.uniform(0, 2 * np.pi)
        x, y = random.uniform(radius / 2, SIZE * FINE - radius / 2, 2)
        image = Image.new("L", (SIZE * FINE, SIZE * FINE))
        draw = ImageDraw.Draw(image)
        if LABELS[kind] == "disc":
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)
        else:
            draw.polygon(outline(LABELS[kind], x, y, radius, angle), fill=255)
        cover = np.asarray(scenes.smaller(image), dtype=np.float32) / 255
        if mask[cover > 0].any():
            continue  # no two shapes overlap
        scenes.lay(random, picture, cover)
        mask[cover >= 0.5] = kind
    return scenes.bytes_of(picture), mask


def convolve(inputs, outputs):
    """Two convolutions of 3x3, each with batch normalisation and ReLU; one where the maps are largest, since that takes long."""
    layers = []
    for i in (inputs, outputs) if outputs > MAPS[0] else (inputs,):
        layers += nn.Conv2d(i, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """[N,3,64,64] -> scores [N,5,64,64]."""

    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList([convolve(i, o) for i, o in zip((3, *MAPS), MAPS)])
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ModuleList([nn.ConvTranspose2d(i, o, 2, 2) for i, o in zip(MAPS[:0:-1], MAPS[-2::-1])])
        self.join = nn.ModuleList([convolve(2 * o, o) for o in MAPS[-2::-1]])
        self.head = nn.Conv2d(MAPS[0], len(LABELS), 1)

    def forward(self, x):
        maps = []
        for i, down in enumerate(self.down):
            x = down(self.pool(x) if i else x)
            maps.append(x)
        for up, join, beside in zip(self.up, self.join, maps[-2::-1]):
            x = join(torch.cat([up(x), beside], 1))
        return self.head(x)


def train(network, parts):
    """A fixed number of epochs, the last weights: no checkpoint is chosen."""
    x, y = scenes.to_tensor(parts["train"][0]), torch.from_numpy(parts["train"][1]).long()
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, EPOCHS * -(-len(x) // BATCH), pct_start=0.1)
    for epoch in range(1, EPOCHS + 1):
        network.train()
        total = 0.0
        for batch in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            loss = F.cross_entropy(network(scenes.recolour(x[batch])), y[batch])
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss) * len(batch) / len(x)
        print(f"epoch {epoch}: mean loss {total:.4f}", flush=True)
    network.eval()


def write_model(network, path, description):
    model = export(network, torch.zeros(1, 3, SIZE, SIZE), "image", ["scores"])
    model.graph.name = "unet"
    model.doc_string = description
    save_model(model, path)


def tell(name, model, pictures, truths):
    """Prints the figures of the ONNX model: of each class the pixels of the class in mask and truth both, divided by those in at
    least one, over all scenes -> the mean over the classes."""
    found = np.concatenate([run_model(model, x)[0].argmax(1).numpy() for x in scenes.to_tensor(pictures).split(1)])
    overlaps = [((found == c) & (truths == c)).sum() / ((found == c) | (truths == c)).sum() for c in range(len(LABELS))]
    print(f"{name}: {len(found)} scenes, overlap of masks: "
          + ", ".join(f"{label} {overlap:.4f}" for label, overlap in zip(LABELS, overlaps))
          + f", mean {np.mean(overlaps):.4f}", flush=True)
    return np.mean(overlaps)


def write_pictures(folder, pictures):
    folder.mkdir(parents=True, exist_ok=True)
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{i:02}.png", optimize=True)


def read_pictures(folder):
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))])


def make_parts(seed):
    """name -> (pictures uint8 [N,SIZE,SIZE,3], masks uint8 [N,SIZE,SIZE])."""
    parts = {}
    for stream, (name, count) in enumerate({"train": TRAIN, "validation": VALIDATION, "held-out": HELD_OUT}.items()):
        random = np.random.default_rng([seed, stream])
        pictures, masks = zip(*(make_scene(random) for _ in range(count)))
        parts[name] = np.stack(pictures), np.stack(masks)
    return parts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent, metavar="DIR")
    parser.add_argument("--seed", type=int, default=1, help="of scenes, weights and augmentation (default 1)")
    args = parser.parse_args()

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(args.seed)
    start = time.monotonic()
    parts = make_parts(args.seed)
    print(f"seed {args.seed}; scenes: " + ", ".join(f"{len(y)} {name}" for name, (_, y) in parts.items()), flush=True)
    network = UNet()
    train(network, parts)

    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "unet.onnx"
    write_model(network, path, DESCRIPTION.format(seed=args.seed, train=TRAIN, epochs=EPOCHS))
    (args.out / "labels.txt").write_text("".join(f"{label}\n" for label in LABELS))
    for name, pictures in zip(("scenes", "masks"), parts["held-out"]):
        write_pictures(args.out / name, pictures[:WRITTEN])

    model = load_model(path)
    for name in "validation", "held-out":
        tell(name, model, *parts[name])
    pictures = read_pictures(args.out / "scenes")
    overlap = tell("written", model, pictures, read_pictures(args.out / "masks"))
    x = scenes.to_tensor(pictures[:1])
    with torch.no_grad():
        error = relative_error(run_model(model, x)[0], network(x))
    print(f"unet.onnx against the trained network: largest relative error {error:.1e} "
          f"(seed {args.seed}, {time.monotonic() - start:.0f} s, {time.process_time():.0f} s of a processor)")
    if error > 1e-5:
        sys.exit("train.py: unet.onnx does not compute what was trained")
    if overlap < REQUIRED_OVERLAP:
        sys.exit(f"train.py: the mean overlap on the written scenes is below the required {REQUIRED_OVERLAP}")


if __name__ == "__main__":
    main()
