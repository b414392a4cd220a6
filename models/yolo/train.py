#!/usr/bin/python3
"""Train a small YOLO on scenes with handwritten digits; write the model and held-out scenes with their truths.

Writes into --out (default: the folder of this script):
    yolo.onnx           the network, input `image` float32 [1,3,96,96], outputs `boxes` float32 [1,180,4] (y1,x1,y2,x2 in
                        pixels), `scores` float32 [1,10,180] and `selected` int64 [K,3] (picture, class, box)
    labels.txt          the ten class names, line i = class i
    scenes/NN.png       some of the held-out scenes, 96x96, 8 bits of red, green and blue
    scenes/boxes.txt    their truths: a line "NN.png" for each scene, and "NN.png CLASS X1 Y1 X2 Y2" for each digit in it

The digits of the held-out scenes are in no scene of the training, and the scenes are used once, after it. The last figures
printed are those of yolo.onnx as read back from the disk on the PNG files as read back from the disk, red, green and blue/255
being the input. One thread, everything seeded: the same machine and libraries give the same bytes again.

The head follows J. Redmon and A. Farhadi, "YOLOv3: An Incremental Improvement", arXiv 1804.02767, 2018 (two scales, the
coarse map enlarged and joined to the fine one, a sigmoid for each class), with one anchor a scale, and with boxes that a
sigmoid bounds, as later versions of YOLO have them.
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
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import digits
import scenes
from onnx_file import export, load_model, relative_error, run_model, save_model

SIZE = 96  # pixels a side
CLASSES = 10
MOST_DIGITS = 8  # in a scene; where there is no room for one it is left out
SIDES = 20, 48  # pixels, of a digit before it is turned
TRAIN = 8000  # scenes
VALIDATION = 300  # scenes; settings are judged by these, not by the held-out ones
HELD_OUT = 300  # scenes
WRITTEN = 20  # of the held-out scenes
EPOCHS = 10
BATCH = 16
LEARNING_RATE = 5e-3
WEIGHT_DECAY = 1e-4
STRIDES = 8, 16  # pixels, of the cells of the two scales
ANCHORS = 16, 32  # pixels: a box is at most four times as large
LARGE = 30  # pixels: a digit whose longer side is at least so long belongs to the coarse scale
REACH = 0.75  # cells, from a digit's centre to that of a cell that is to find it
MOST, OVERLAP, SCORE = 20, 0.45, 0.25  # of NonMaxSuppression: boxes of a class, their overlap at most, their score at least
THRESHOLD = 0.5  # the least score of a box that counts in the figures
REQUIRED_PRECISION = 0.8  # of the written scenes: some 40 digits, of which each is worth 0.025
REQUIRED_RECALL = 0.8

DESCRIPTION = (
    "A small YOLO for handwritten digits in cluttered scenes. Input: red, green and blue, 96x96, /255. Outputs: boxes "
    "(y1,x1,y2,x2 in pixels), scores (class by box, 0..1), selected (picture, class, box: what NonMaxSuppression leaves). "
    "Trained by models/yolo/train.py (seed {seed}, {train} scenes, {epochs} epochs of AdamW). Data of the digits: 'Optical "
    "Recognition of Handwritten Digits', E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998, as distributed "
    "with scikit-learn under BSD-3-Clause, enlarged, turned, coloured and laid on drawn backgrounds."
)


def digit_cover(random, picture, side):
    """A digit [8,8] of 0..16, enlarged, turned and stretched a little -> its ink [H,W] of 0..1, cut to where there is ink."""
    width, height = side * random.uniform(0.8, 1.2), side
    grey = Image.fromarray(np.rint(np.pad(picture, 1) * (255 / 16)).astype(np.uint8))
    grey = grey.resize((int(width * 10 / 8), int(height * 10 / 8)), Image.Resampling.BICUBIC)
    grey = grey.rotate(random.uniform(-12, 12), Image.Resampling.BICUBIC, expand=True)
    cover = np.clip((np.asarray(grey, dtype=np.float32) / 255 - 0.25) * 2, 0, 1)
    rows, columns = np.flatnonzero((cover > 0.5).any(1)), np.flatnonzero((cover > 0.5).any(0))
    return cover[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def make_scene(random, pictures, labels):
    """-> uint8 [SIZE,SIZE,3], and the truths [K,5]: class, x1, y1, x2, y2 in pixels, x2 and y2 being the first outside."""
    picture = scenes.clutter(random, SIZE)
    truths = []
    for _ in range(random.integers(0, MOST_DIGITS + 1)):
        i = random.integers(len(labels))
        ink = digit_cover(random, pictures[i], np.exp(random.uniform(*np.log(SIDES))))
        h, w = ink.shape
        x, y = (int(random.integers(0, SIZE - side + 1)) for side in (w, h))
        if any(x < t[3] and x + w > t[1] and y < t[4] and y + h > t[2] for t in truths):
            continue  # no two boxes overlap
        cover = np.zeros((SIZE, SIZE), np.float32)
        cover[y : y + h, x : x + w] = ink
        scenes.lay(random, picture, cover)
        truths.append([int(labels[i]), x, y, x + w, y + h])
    return scenes.bytes_of(picture), np.array(truths, np.float32).reshape(-1, 5)


def make_cells():
    """The cells of both scales, fine before coarse, in rows: left and upper corner, stride and anchor in pixels, each [N]."""
    columns = []
    for stride, anchor in zip(STRIDES, ANCHORS):
        at = np.arange(0, SIZE, stride, dtype=np.float32)
        x, y = np.tile(at, len(at)), np.repeat(at, len(at))
        columns.append(np.stack([x, y, np.full_like(x, stride), np.full_like(x, anchor)]))
    return np.concatenate(columns, 1)


CELLS = torch.from_numpy(make_cells())


def make_target(truths):
    """What each cell is to find: [N,5] as the truths, class -1 where nothing."""
    x, y, stride, _ = CELLS.numpy()
    target = np.full((len(x), 5), -1, np.float32)
    for truth in truths:
        _, x1, y1, x2, y2 = truth
        scale = STRIDES[int(max(x2 - x1, y2 - y1) >= LARGE)]
        away = np.maximum(np.abs((x1 + x2) / 2 - x - stride / 2), np.abs((y1 + y2) / 2 - y - stride / 2)) / stride
        target[(stride == scale) & (away < REACH)] = truth
    return target


def block(inputs, outputs, stride=1, kernel=3):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.1))


class Yolo(nn.Module):
    """[N,3,96,96] -> the numbers of all cells before the sigmoid, [N,15,180]: y, x, height, width, is there one, classes."""

    def __init__(self):
        super().__init__()
        self.fine = nn.Sequential(
            block(3, 12, 2), block(12, 24, 2), block(24, 24), block(24, 40, 2), block(40, 40))  # [N,40,12,12]
        self.coarse = nn.Sequential(block(40, 56, 2), block(56, 56))  # [N,56,6,6]
        self.lateral = block(56, 24, kernel=1)
        self.enlarge = nn.Upsample(scale_factor=2, mode="nearest")
        self.join = block(64, 40)
        self.fine_head = nn.Conv2d(40, 5 + CLASSES, 1)
        self.coarse_head = nn.Conv2d(56, 5 + CLASSES, 1)
        for head in self.fine_head, self.coarse_head:  # most cells have nothing to find
            nn.init.constant_(head.bias[4:5], -4)
            nn.init.constant_(head.bias[5:], -2)

    def forward(self, x):
        fine = self.fine(x)
        coarse = self.coarse(fine)
        joined = self.join(torch.cat([self.enlarge(self.lateral(coarse)), fine], 1))
        maps = self.fine_head(joined), self.coarse_head(coarse)
        return torch.cat([m.reshape(-1, 5 + CLASSES, (SIZE // s) ** 2) for m, s in zip(maps, STRIDES)], 2)


def decode(cells):
    """[N,15,180] -> boxes [N,180,4] as y1, x1, y2, x2 in pixels, scores [N,10,180]."""
    x, y, stride, anchor = CELLS.unbind()
    p = torch.sigmoid(cells)
    centre = (2 * p[:, :2] - 0.5) * stride + torch.stack([y, x])  # up to half a cell outside of the cell
    half = 2 * p[:, 2:4] * p[:, 2:4] * anchor
    return torch.cat([centre - half, centre + half], 1).transpose(1, 2), p[:, 4:5] * p[:, 5:]


def overlaps(a, b):
    """Intersection over union of boxes [...,4] given by two corners, and by how much the smallest box around both is larger
    than their union, relative to it."""
    both = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    around = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - both
    return both / union, (around - union) / around


def loss_of(cells, target):
    """Of cells [N,15,180] and what they are to find [N,180,5]."""
    boxes, _ = decode(cells)
    at = target[..., 0] >= 0
    wanted = target[at]
    iou, apart = overlaps(boxes[at], wanted[:, [2, 1, 4, 3]])  # generalised: Rezatofighi et al., arXiv 1902.09630
    logits = cells.transpose(1, 2)
    there = F.binary_cross_entropy_with_logits(logits[..., 4], at.float(), reduction="sum")
    kind = F.binary_cross_entropy_with_logits(
        logits[at][:, 5:], F.one_hot(wanted[:, 0].long(), CLASSES).float(), reduction="sum")
    return ((1 - iou + apart).sum() * 2 + there + kind) / max(1, int(at.sum()))


def train(network, parts):
    """A fixed number of epochs, the last weights: no checkpoint is chosen."""
    pictures, truths = parts["train"]
    x, target = scenes.to_tensor(pictures), torch.from_numpy(np.stack([make_target(t) for t in truths]))
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, EPOCHS * -(-len(x) // BATCH), pct_start=0.1)
    for epoch in range(1, EPOCHS + 1):
        network.train()
        total = 0.0
        for batch in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            loss = loss_of(network(scenes.recolour(x[batch])), target[batch])
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss) * len(batch) / len(x)
        print(f"epoch {epoch}: mean loss {total:.3f}", flush=True)
    network.eval()


class Exported(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return decode(self.network(x))


def write_model(network, path, description):
    """Export boxes and scores, and put NonMaxSuppression behind them."""
    model = export(Exported(network), torch.zeros(1, 3, SIZE, SIZE), "image", ["boxes", "scores"])
    limits = {"most": np.array(MOST), "overlap": np.float32(OVERLAP), "least": np.float32(SCORE)}
    model.graph.initializer.extend(numpy_helper.from_array(np.array(v), name) for name, v in limits.items())
    model.graph.node.append(helper.make_node(
        "NonMaxSuppression", ["boxes", "scores", *limits], ["selected"], name="select"))
    model.graph.output.append(helper.make_tensor_value_info("selected", TensorProto.INT64, ["found", 3]))
    model.graph.name = "yolo"
    model.doc_string = description
    save_model(model, path)


def find(model, pictures):
    """The boxes that the ONNX model finds in each picture: [K,6], class, score, x1, y1, x2, y2, the best first."""
    found = []
    for x in scenes.to_tensor(pictures).split(1):
        boxes, scores, selected = run_model(model, x)
        _, kinds, at = selected.T
        rows = torch.cat([torch.stack([kinds, scores[0, kinds, at]], 1), boxes[0, at][:, [1, 0, 3, 2]]], 1)
        rows = rows[rows[:, 1] >= THRESHOLD]
        found.append(rows[rows[:, 1].argsort(descending=True)])
    return found


def judge(found, truths):
    """Boxes [K,6] and truths [T,5] of each scene -> how many truths, boxes, right ones, and the sum of their overlaps. A box is
    right if it overlaps with a truth of its class by at least half, and no better box has taken that."""
    right, overlap = 0, 0.0
    for boxes, truth in zip(found, map(torch.as_tensor, truths)):
        free = torch.ones(len(truth), dtype=torch.bool)
        for box in boxes:
            iou = overlaps(box[2:], truth[:, 1:])[0] * free * (truth[:, 0] == box[0])
            if len(iou) and iou.max() >= 0.5:
                right, overlap = right + 1, overlap + float(iou.max())
                free[iou.argmax()] = False
    return sum(map(len, truths)), sum(map(len, found)), right, overlap


def write_scenes(folder, pictures, truths):
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for i, (picture, truth) in enumerate(zip(pictures, truths)):
        Image.fromarray(picture).save(folder / f"{i:02}.png", optimize=True)
        lines.append(f"{i:02}.png\n")
        lines += [f"{i:02}.png " + " ".join(f"{v:.0f}" for v in row) + "\n" for row in truth]
    (folder / "boxes.txt").write_text("".join(lines))


def read_scenes(folder):
    """-> pictures uint8 [N,SIZE,SIZE,3], and the truths of each [K,5]."""
    truths = {}
    for name, *row in (line.split() for line in (folder / "boxes.txt").read_text().splitlines()):
        truths.setdefault(name, [])
        truths[name] += [[float(v) for v in row]] if row else []
    pictures = [np.asarray(Image.open(folder / name)) for name in truths]
    return np.stack(pictures), [np.array(t, np.float32).reshape(-1, 5) for t in truths.values()]


def make_parts(seed):
    """name -> (pictures uint8 [N,SIZE,SIZE,3], truths of each [K,5])."""
    counts = {"train": TRAIN, "validation": VALIDATION, "held-out": HELD_OUT}
    parts = {}
    for stream, (name, (pictures, labels)) in enumerate(digits.split(seed).items()):
        random = np.random.default_rng([seed, stream])
        made = [make_scene(random, pictures, labels) for _ in range(counts[name])]
        parts[name] = np.stack([m[0] for m in made]), [m[1] for m in made]
    return parts


def tell(name, found, truths):
    """Prints the figures -> precision, recall."""
    things, boxes, right, overlap = judge(found, truths)
    precision, recall = right / max(1, boxes), right / max(1, things)
    print(f"{name}: {len(found)} scenes, {things} digits, {boxes} boxes, {right} right: "
          f"precision {precision:.4f}, recall {recall:.4f}, mean overlap {overlap / max(1, right):.4f}", flush=True)
    return precision, recall


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
    network = Yolo()
    train(network, parts)

    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "yolo.onnx"
    write_model(network, path, DESCRIPTION.format(seed=args.seed, train=TRAIN, epochs=EPOCHS))
    (args.out / "labels.txt").write_text("".join(f"{i}\n" for i in range(CLASSES)))
    write_scenes(args.out / "scenes", *(part[:WRITTEN] for part in parts["held-out"]))

    model = load_model(path)
    for name in "validation", "held-out":
        tell(name, find(model, parts[name][0]), parts[name][1])
    pictures, truths = read_scenes(args.out / "scenes")
    precision, recall = tell("written", find(model, pictures), truths)
    x = scenes.to_tensor(pictures[:1])
    with torch.no_grad():
        error = max(relative_error(a, b) for a, b in zip(run_model(model, x), decode(network(x))))
    print(f"yolo.onnx against the trained network: largest relative error {error:.1e} "
          f"(seed {args.seed}, {time.monotonic() - start:.0f} s, {time.process_time():.0f} s of a processor)")
    if error > 1e-5:
        sys.exit("train.py: yolo.onnx does not compute what was trained")
    if precision < REQUIRED_PRECISION or recall < REQUIRED_RECALL:
        sys.exit(f"train.py: precision or recall on the written scenes is below the required {REQUIRED_PRECISION} and {REQUIRED_RECALL}")


if __name__ == "__main__":
    main()
