"""What the training scripts share of drawing scenes: a cluttered background, and things that are laid on it.

Pictures are squares, float32 [size,size,3] of 0..1, while they are drawn; whatever is random comes from a numpy Generator.
"""
import numpy as np
import torch
from PIL import Image, ImageDraw

FINE = 2  # shapes are drawn FINE times as large and then made smaller, which smooths their edges
SPOTS = 0.5  # how far the spots differ from the colour between them, at most
LEAST_CONTRAST = 0.5  # of a thing and what is behind it: the largest difference of a channel


def smaller(image):
    return image.resize((image.width // FINE, image.height // FINE), Image.Resampling.BOX)


def colour(random):
    return tuple(int(c) for c in random.integers(0, 256, 3))


def clutter(random, size):
    """A colour with soft spots, and thin lines, arcs and outlines on it."""
    coarse = np.clip(random.random(3) + (random.random((4, 4, 3)) - 0.5) * SPOTS, 0, 1) * 255
    image = Image.fromarray(coarse.astype(np.uint8)).resize((size * FINE, size * FINE), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(random.integers(5, 16)):
        x, y = random.integers(0, size * FINE, 2)
        w, h = random.integers(5 * FINE, size * FINE // 2, 2)
        box, width = [int(x), int(y), int(x + w), int(y + h)], int(random.integers(1, 2 * FINE))
        kind = random.integers(0, 4)
        if kind == 0:
            x2, y2 = random.integers(0, size * FINE, 2)
            draw.line([int(x), int(y), int(x2), int(y2)], fill=colour(random), width=width)
        elif kind == 1:
            start = int(random.integers(0, 360))
            draw.arc(box, start, start + int(random.integers(60, 200)), fill=colour(random), width=width)
        elif kind == 2:
            draw.rectangle(box, outline=colour(random), width=width)
        else:
            draw.ellipse(box, outline=colour(random), width=width)
    return np.asarray(smaller(image), dtype=np.float32) / 255


def lay(random, picture, cover):
    """Lays a thing of one random colour on the picture, which is changed: cover [size,size] of 0..1 says where."""
    behind = (picture * cover[..., None]).sum((0, 1)) / cover.sum()
    while True:
        paint = random.random(3).astype(np.float32)
        if np.abs(paint - behind).max() >= LEAST_CONTRAST:
            break
    picture += (paint - picture) * cover[..., None]


def bytes_of(picture):
    """-> uint8, in steps of 5: the files are half as large."""
    return (np.rint(picture * 51) * 5).astype(np.uint8)


def to_tensor(pictures):
    """uint8 [N,size,size,3] -> float32 [N,3,size,size] of 0..1: the preset `unit` of the program."""
    return torch.from_numpy(np.ascontiguousarray(np.transpose(pictures, (0, 3, 1, 2)))).float() / 255


def recolour(x):
    """Brightness, contrast and order of the channels of every picture of x [N,3,size,size], at random, and a little noise."""
    order = torch.argsort(torch.rand(len(x), 3), dim=1)
    x = torch.gather(x, 1, order[:, :, None, None].expand_as(x))
    contrast, brightness = torch.rand(2, len(x), 1, 1, 1)
    return ((x - 0.5) * (0.7 + 0.5 * contrast) + 0.5 + 0.2 * (brightness - 0.5) + 0.02 * torch.randn_like(x)).clamp(0, 1)
