#!/usr/bin/python3
"""Exports one torchvision network with seeded weights as ONNX, with an input and PyTorch's own output.

    torchvision_export.py NETWORK FOLDER [OPSET]

Writes FOLDER/model.onnx, input.npy [1,3,224,224], output.npy. Freshly initialised networks with batch normalisation
shrink their activations to nothing, so the statistics of every BatchNorm come from one seeded batch.
"""
import sys
import warnings

import numpy
import torch
import torchvision

SEED = 1


def main():
    name, folder = sys.argv[1:3]
    opset = int(sys.argv[3]) if len(sys.argv) > 3 else 13
    torch.manual_seed(SEED)
    model = getattr(torchvision.models, name)(weights=None)
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    if norms:
        for norm in norms:
            norm.momentum = None
        model.train()
        with torch.no_grad():
            model(torch.randn(4, 3, 224, 224))
    model.eval()
    image = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        output = model(image)
    warnings.simplefilter("ignore")
    torch.onnx.export(model, image, f"{folder}/model.onnx", opset_version=opset)
    numpy.save(f"{folder}/input.npy", image.numpy())
    numpy.save(f"{folder}/output.npy", output.numpy())
    print(f"{name}: seed {SEED}, opset {opset}, largest output {output.abs().max().item():.3g}")


main()
