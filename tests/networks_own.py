"""Networks that torchvision has none of: in one and in three dimensions, with transposed convolutions, with boxes to choose
from. Each class has the shape of its input and the names of its outputs."""
import torch
import torchvision
from torch import nn


def conv(dims, channels, filters, kernel, stride=1, groups=1, act=nn.ReLU):
    """Convolution, normalisation, activation; the kernel is a number or one for each axis."""
    convolution, norm = {1: (nn.Conv1d, nn.BatchNorm1d), 2: (nn.Conv2d, nn.BatchNorm2d), 3: (nn.Conv3d, nn.BatchNorm3d)}[dims]
    pads = (kernel - 1) // 2 if isinstance(kernel, int) else tuple((k - 1) // 2 for k in kernel)
    return nn.Sequential(convolution(channels, filters, kernel, stride, pads, groups=groups, bias=False), norm(filters), act())


class Audio(nn.Module):
    """A second of sound at 16 kHz: long kernels with a stride on the samples, then dilated ones with residuals, and a
    product at every step in time."""
    shape = [1, 1, 16000]
    outputs = ["classes", "steps"]

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv(1, 1, 64, 81, stride=4), nn.MaxPool1d(4), conv(1, 64, 128, 3), nn.MaxPool1d(4))
        self.dilated = nn.ModuleList(nn.Conv1d(128, 128, 3, padding=2**i, dilation=2**i) for i in range(4))
        self.norms = nn.ModuleList(nn.BatchNorm1d(128) for _ in range(4))
        self.steps = nn.Linear(128, 29)
        self.classes = nn.Linear(128, 35)

    def forward(self, sound):
        x = self.stem(sound)
        for dilated, norm in zip(self.dilated, self.norms):
            x = x + torch.tanh(norm(dilated(x)))
        steps = self.steps(x.transpose(1, 2))
        return self.classes(x.mean(2)), torch.log_softmax(steps, 2)


class Video(nn.Module):
    """Sixteen frames: kernels over time and space, and the two apart, with a residual and groups."""
    shape = [1, 3, 16, 56, 56]
    outputs = ["output"]

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv(3, 3, 32, (3, 7, 7), stride=(1, 2, 2)), nn.MaxPool3d((1, 2, 2)))
        self.apart = nn.Sequential(conv(3, 32, 48, (1, 3, 3)), conv(3, 48, 32, (3, 1, 1)))
        self.down = conv(3, 32, 64, 3, stride=2)
        self.groups = conv(3, 64, 64, 3, groups=4)
        self.classes = nn.Linear(64, 50)

    def forward(self, frames):
        x = self.stem(frames)
        x = self.down(x + self.apart(x))
        x = self.groups(x) + x
        return self.classes(nn.functional.adaptive_avg_pool3d(x, 1).flatten(1))


class UNet(nn.Module):
    """Down and up again by transposed convolutions, of kernels that do not overlap and of such that do, joined with what was on
    the way down."""
    shape = [1, 3, 96, 128]
    outputs = ["output"]

    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList([self.block(3, 16), self.block(16, 32), self.block(32, 64)])
        self.bottom = self.block(64, 128)
        self.up = nn.ModuleList([nn.ConvTranspose2d(128, 64, 2, stride=2), nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1),
                                 nn.ConvTranspose2d(32, 16, 3, stride=2, padding=1, output_padding=1)])
        self.joined = nn.ModuleList([self.block(128, 64), self.block(64, 32), self.block(32, 16)])
        self.classes = nn.Conv2d(16, 5, 1)

    @staticmethod
    def block(channels, filters):
        return nn.Sequential(conv(2, channels, filters, 3), conv(2, filters, filters, 3))

    def forward(self, image):
        x, kept = image, []
        for down in self.down:
            kept.append(down(x))
            x = nn.functional.max_pool2d(kept[-1], 2)
        x = self.bottom(x)
        for up, joined in zip(self.up, self.joined):
            x = joined(torch.cat([up(x), kept.pop()], 1))
        return self.classes(x)


class Detector(nn.Module):
    """A small detector in the manner of YOLO: maps of two sizes, the smaller resized and joined to the larger, a box and a score
    for each position, and the choice of boxes that do not overlap."""
    shape = [1, 3, 128, 128]
    outputs = ["boxes", "scores", "kept"]
    STRIDES = (8, 16)
    CLASSES = 4

    def __init__(self):
        super().__init__()
        silu = nn.SiLU
        self.stem = nn.Sequential(conv(2, 3, 16, 6, 2, act=silu), conv(2, 16, 32, 3, 2, act=silu), conv(2, 32, 64, 3, 2, act=silu))
        self.deep = conv(2, 64, 128, 3, 2, act=silu)
        self.joined = conv(2, 192, 64, 3, act=silu)
        self.heads = nn.ModuleList([nn.Conv2d(64, 5 + self.CLASSES, 1), nn.Conv2d(128, 5 + self.CLASSES, 1)])
        self.resize = nn.Upsample(scale_factor=2, mode="nearest")

    def boxes_of(self, head, stride, x):
        """[batch, positions, corners and score of each class], from the map [batch, 5 + classes, rows, columns]."""
        x = torch.sigmoid(head(x)).flatten(2).permute(0, 2, 1).reshape(-1, (self.shape[2] // stride) ** 2, 5 + self.CLASSES)
        side = torch.arange(self.shape[2] // stride)
        rows, columns = torch.meshgrid(side, side, indexing="ij")
        cells = torch.stack([columns, rows], 2).reshape(-1, 2).to(x.dtype)
        centres = (x[:, :, :2] * 2 - 0.5 + cells) * stride
        halves = (x[:, :, 2:4] * 2) ** 2 * stride
        return torch.cat([centres - halves, centres + halves, x[:, :, 4:5] * x[:, :, 5:]], 2)

    def forward(self, image):
        fine = self.stem(image)
        deep = self.deep(fine)
        maps = [self.joined(torch.cat([fine, self.resize(deep)], 1)), deep]
        found = torch.cat([self.boxes_of(*three) for three in zip(self.heads, self.STRIDES, maps)], 1)[0]
        boxes, scores = found[:, :4], found[:, 4:].max(1).values
        return boxes, scores, torchvision.ops.nms(boxes, scores, 0.3)


OWN = {"own_audio": Audio, "own_video": Video, "own_unet": UNet, "own_detector": Detector}
