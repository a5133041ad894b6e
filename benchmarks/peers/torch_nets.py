"""PyTorch twins of noyau networks, from their JSON layer lists.

state() gives parameters and buffers in noyau's order and layout: kernels [kh, kw, ic / groups, oc] and [in, out].
"""
import math

import torch
from torch import nn

INITIALIZERS = {"glorot_uniform": nn.init.xavier_uniform_,
                "he_normal": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu")}


def initialize(layer, options):
    INITIALIZERS[options.get("initializer", "glorot_uniform")](layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


class Conv(nn.Conv2d):
    def __init__(self, options, ic, oc, groups=1):
        window, stride, padding = options["window"], options.get("stride", 1), options.get("padding", "same")
        if padding == "same" and stride != 1 and window != 1:
            raise ValueError("noyau's padding of a strided window is not symmetric; give its padding as a number")
        padding = {"same": window // 2, "valid": 0}.get(padding, padding)
        super().__init__(ic, oc, window, stride, padding, groups=groups, bias=options.get("bias", True))
        initialize(self, options)
        self.weight.requires_grad_(not options.get("frozen", False))

    def state(self):
        return [self.weight.permute(2, 3, 1, 0)] + ([] if self.bias is None else [self.bias])


class Dense(nn.Linear):
    def __init__(self, options):
        super().__init__(options["in"], options["out"], bias=options.get("bias", True))
        initialize(self, options)

    def state(self):
        return [self.weight.t()] + ([] if self.bias is None else [self.bias])


class Norm(nn.BatchNorm2d):
    def __init__(self, options):
        super().__init__(options["channels"], eps=options.get("epsilon", 1e-3), momentum=1 - options.get("momentum", 0.99))
        self.weight.requires_grad_(options.get("scale", True))

    def state(self):
        return ([self.weight] if self.weight.requires_grad else []) + [self.bias, self.running_mean, self.running_var]


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Layers(nn.Sequential):
    def state(self):
        return [tensor for layer in self for tensor in (layer.state() if hasattr(layer, "state") else [])]


class Residual(nn.Module):
    def __init__(self, options):
        super().__init__()
        self.body = network(options["body"])
        self.shortcut = network(options.get("shortcut", []))
        self.activation = activation(options.get("activation", "none"))

    def forward(self, x):
        return self.activation(self.body(x) + self.shortcut(x))

    def state(self):
        return self.body.state() + self.shortcut.state()


def activation(name):
    return {"none": nn.Identity(), "relu": nn.ReLU(inplace=True), "gelu": nn.GELU(), "silu": nn.SiLU(inplace=True)}[name]


# In noyau's order of elements, which is that of channels_last: a view, not a copy.
def flatten(x):
    return x.permute(0, 2, 3, 1).flatten(1)


MAKERS = {
    "conv2d": lambda o: Conv(o, o["in"], o["out"], o.get("groups", 1)),
    "depthwise_conv2d": lambda o: Conv(o, o["in"], o["in"] * o.get("multiplier", 1), o["in"]),
    "dense": Dense,
    "batch_norm": Norm,
    "relu": lambda o: nn.ReLU(inplace=True),
    "activate": lambda o: activation(o["activation"]),
    "max_pool": lambda o: nn.MaxPool2d(o["window"], o.get("stride", o["window"])),
    "dropout": lambda o: nn.Dropout(o["rate"]),
    "flatten": lambda o: Function(flatten),
    "global_average_pool": lambda o: Function(lambda x: x.mean((2, 3))),
    "global_max_pool": lambda o: Function(lambda x: x.amax((2, 3))),
    "scale": lambda o: Function(lambda x: x * o["factor"]),
    "residual": Residual,
    "sequential": lambda o: network(o["layers"]),
}


def network(architecture):
    return Layers(*(MAKERS[layer["layer"]](layer) for layer in architecture))


def stir(net):
    """Gives moving averages values away from where they begin, for a comparison of inference."""
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 2)
