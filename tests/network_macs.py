"""Counts the multiply-adds of a network while PyTorch runs it; neither ONNX nor Convoy takes part.

Counted is what reaches PyTorch's own operators:
    convolution              elements of the output x channels of one group x extent of the kernel, padding included
    convolution, transposed  elements of the input x filters of one group x extent of the kernel, cropped positions included
    mm, addmm, bmm, baddbmm  elements of the output x length of the sum
and nothing else: neither additions of a bias, nor normalisations, pools, resizes and functions of single elements.
"""
import math

import torch
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
PRODUCTS = {aten.mm: 0, aten.bmm: 0, aten.addmm: 1, aten.baddbmm: 1}  # and the place of the first factor


class MultiplyAdds(TorchDispatchMode):
    """A context; afterwards found has one number for each convolution and product, in order."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        operator = func.overloadpacket
        if operator == aten.convolution:
            image, weights, transposed = args[0], args[1], args[6]
            self.found.append((image if transposed else output).numel() * math.prod(weights.shape[1:]))
        elif operator in PRODUCTS:
            self.found.append(output.numel() * args[PRODUCTS[operator]].shape[-1])
        return output


def macs_of(model, image):
    """With gradients, since without them PyTorch computes attention by one operator of its own."""
    with torch.enable_grad(), MultiplyAdds() as counted:
        model(image)
    return counted.found
