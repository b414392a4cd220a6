#!/usr/bin/python3
"""Exports one network with seeded weights as ONNX, with an input and PyTorch's own outputs.

    network_export.py NETWORK FOLDER [OPSET]      NETWORK: one of torchvision's, or of networks_own.py

Writes FOLDER/model.onnx (operator set 13 unless given), input.npy, macs.json (the multiply-adds of every convolution and
product, see network_macs.py), and for every output NAME ("output" if there is but one) NAME.npy and NAME_float64.npy: what
PyTorch computes in float32 and in float64. Exit status 3 if PyTorch's exporter refuses.

Freshly initialised networks with batch normalisation shrink their activations to nothing, so the statistics of every
normalisation come from one seeded batch.
"""
import copy
import json
import os
import sys
import warnings

import numpy
import torch
import torchvision

from network_macs import macs_of
from networks_own import OWN

SEED = 1
SIDES = {"inception_v3": 299}
SIDE = 224
SEGMENTATION_SIDE = 160
REFUSED = 3


class Segmenter(torch.nn.Module):
    """The map of classes, of a network that gives it by name."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, image):
        return self.network(image)["out"]


def network_of(name):
    """The network, the shape of its input, the names of its outputs."""
    if name in OWN:
        return OWN[name](), OWN[name].shape, OWN[name].outputs
    if hasattr(torchvision.models.segmentation, name):
        network = getattr(torchvision.models.segmentation, name)(weights=None, weights_backbone=None)
        return Segmenter(network), [1, 3, SEGMENTATION_SIDE, SEGMENTATION_SIDE], ["output"]
    side = SIDES.get(name, SIDE)
    return getattr(torchvision.models, name)(weights=None), [1, 3, side, side], ["output"]


def let_everything_count(model):
    """vit_b_16 starts with a head of zeros, and convnext_tiny with branches scaled by 1e-6: nothing of what they compute
    would be seen in the output."""
    for name, weights in model.named_parameters():
        if name.endswith("layer_scale"):
            torch.nn.init.uniform_(weights, 0.5, 1.5)
        elif weights.dim() > 1 and not weights.any():
            torch.nn.init.normal_(weights, std=0.02)


def normalise(model, shape):
    norms = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = None
    if norms:
        model.train()
        with torch.no_grad():
            model(torch.randn(4, *shape[1:]))
    model.eval()


def arrays(outputs):
    return [output.numpy() for output in ([outputs] if isinstance(outputs, torch.Tensor) else outputs)]


def export(model, image, names, path, opset):
    try:
        torch.onnx.export(model, image, path, opset_version=opset, input_names=["input"], output_names=names)
    except torch.onnx.errors.OnnxExporterError as error:
        print(error, file=sys.stderr)
        sys.exit(REFUSED)


def main():
    name, folder = sys.argv[1:3]
    opset = int(sys.argv[3]) if len(sys.argv) > 3 else 13
    warnings.simplefilter("ignore")
    torch.manual_seed(SEED)
    model, shape, names = network_of(name)
    let_everything_count(model)
    normalise(model, shape)
    image = torch.randn(*shape)
    with torch.no_grad():
        single = arrays(model(image))
        double = arrays(copy.deepcopy(model).double()(image.double()))
    os.makedirs(folder, exist_ok=True)
    export(model, image, names, f"{folder}/model.onnx", opset)
    with open(f"{folder}/macs.json", "w") as file:
        json.dump(macs_of(model, image), file)
    numpy.save(f"{folder}/input.npy", image.numpy())
    for output, values, exact in zip(names, single, double, strict=True):
        numpy.save(f"{folder}/{output}.npy", values)
        numpy.save(f"{folder}/{output}_float64.npy", exact)
    print(f"{name}: seed {SEED}, operator set {opset}, largest output {numpy.abs(single[0]).max():.3g}")


main()
