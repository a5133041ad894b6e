"""Values of PyTorch and Keras that tests/test_golden.cpp compares noyau with.

    python generate.py     needs torch, keras with tensorflow, safetensors and numpy

Each file holds cases; a case is the tensors "case/name" and, in the metadata, what the reader has to do, as JSON.
Images are NHWC and kernels HWIO here; PyTorch's layouts are converted.
"""
import json
import os
import pathlib
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).parent
torch.manual_seed(0)
F64 = torch.float64


class File:
    """One golden file under construction."""

    def __init__(self, name):
        self.path = HERE / name
        self.tensors = {}
        self.cases = []

    def add(self, op, options, **tensors):
        case = f"{len(self.cases):02d}-{op}"
        self.cases.append({"case": case, "op": op, **options})
        for name, value in tensors.items():
            if isinstance(value, torch.Tensor):
                value = value.detach().numpy()
            self.tensors[f"{case}/{name}"] = np.array(value, order="C")

    def save(self, **info):
        save_file(self.tensors, self.path, {"cases": json.dumps(self.cases), **info})
        print(self.path.name, len(self.cases), "cases", self.path.stat().st_size, "bytes")


def rand(*shape):
    return torch.randn(shape, dtype=F64)


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(y):
    return y.permute(0, 2, 3, 1)


def oihw(kernel):
    return kernel.permute(3, 2, 0, 1)


def with_grads(y, inputs):
    """A random seed for y, and the gradients of its inputs."""
    seed = rand(*y.shape)
    return {"y": y, "seed": seed, **{"d" + k: g for k, g in zip(inputs, torch.autograd.grad(y, list(inputs.values()), seed))}}


def leaf(*shape):
    return rand(*shape).requires_grad_()


def torch_ops():
    file = File("torch_ops.safetensors")
    for options in [dict(padding=0), dict(stride=2, padding=1), dict(dilation=2, padding=2), dict(groups=2, padding=1),
                    dict(groups=4), dict(stride=(2, 1), padding=(1, 2), dilation=(1, 2))]:
        groups = options.get("groups", 1)
        x, kernel, bias = leaf(1, 5, 6, 4), leaf(3, 3, 4 // groups, 4), leaf(4)
        y = nhwc(F.conv2d(nchw(x), oihw(kernel), bias, **options))
        file.add("conv2d", options, x=x, kernel=kernel, bias=bias, **with_grads(y, dict(x=x, kernel=kernel, bias=bias)))
    for options in [dict(), dict(stride=2, padding=1), dict(stride=2, padding=1, output_padding=1), dict(groups=2, dilation=2)]:
        groups = options.get("groups", 1)
        x, kernel, bias = leaf(1, 4, 3, 4), leaf(3, 3, 2 // groups, 4), leaf(2)
        y = nhwc(F.conv_transpose2d(nchw(x), oihw(kernel), bias, **options))
        file.add("conv2d_transpose", options, x=x, kernel=kernel, bias=bias, **with_grads(y, dict(x=x, kernel=kernel, bias=bias)))
    for options in [dict(window=2), dict(window=3, stride=2, padding=1), dict(window=3, stride=1)]:
        x = leaf(1, 7, 6, 2)
        arguments = dict(kernel_size=options["window"], stride=options.get("stride"), padding=options.get("padding", 0))
        file.add("max_pool2d", options, x=x, **with_grads(nhwc(F.max_pool2d(nchw(x), **arguments)), dict(x=x)))
        for count in [False, True]:
            y = nhwc(F.avg_pool2d(nchw(x), **arguments, count_include_pad=count))
            file.add("average_pool2d", dict(options, count_padding=count), x=x, **with_grads(y, dict(x=x)))
    for training in [True, False]:
        for epsilon, momentum in [(1e-5, 0.1), (1e-3, 0.4)]:
            x, gamma, beta = leaf(2, 3, 4, 2), leaf(2), leaf(2)
            mean, variance = rand(2), rand(2).abs() + 0.5
            new_mean, new_variance = mean.clone(), variance.clone()
            y = nhwc(F.batch_norm(nchw(x), new_mean, new_variance, gamma, beta, training, momentum, epsilon))
            file.add("batch_norm", dict(training=training, epsilon=epsilon, momentum=1 - momentum), x=x, gamma=gamma, beta=beta,
                     mean=mean, variance=variance, new_mean=new_mean, new_variance=new_variance,
                     **with_grads(y, dict(x=x, gamma=gamma, beta=beta)))
    x, gamma, beta = leaf(3, 4, 5), leaf(5), leaf(5)
    file.add("layer_norm", dict(epsilon=1e-5), x=x, gamma=gamma, beta=beta,
             **with_grads(F.layer_norm(x, (5,), gamma, beta, 1e-5), dict(x=x, gamma=gamma, beta=beta)))
    x, gamma, beta = leaf(2, 3, 4, 6), leaf(6), leaf(6)
    file.add("group_norm", dict(groups=3, epsilon=1e-5), x=x, gamma=gamma, beta=beta,
             **with_grads(nhwc(F.group_norm(nchw(x), 3, gamma, beta, 1e-5)), dict(x=x, gamma=gamma, beta=beta)))

    values = torch.cat([torch.linspace(-6, 6, 25, dtype=F64), torch.tensor([-30.0, 30.0], dtype=F64)])
    for name, function in dict(relu=F.relu, leaky_relu=F.leaky_relu, elu=F.elu, gelu=F.gelu,
                               gelu_tanh=lambda x: F.gelu(x, approximate="tanh"), silu=F.silu, sigmoid=torch.sigmoid,
                               tanh=torch.tanh, softplus=lambda x: F.softplus(x, threshold=1000)).items():
        x = (values + 0.0 if name != "relu" else values + 0.01).clone().requires_grad_()
        file.add("activate", dict(function=name), x=x, **with_grads(function(x), dict(x=x)))
    for axis in [-1, 1]:
        x = leaf(3, 4, 5)
        file.add("softmax", dict(axis=axis), x=x, **with_grads(torch.softmax(x, axis), dict(x=x)))
        file.add("log_softmax", dict(axis=axis), x=x, **with_grads(torch.log_softmax(x, axis), dict(x=x)))

    ids = torch.tensor([0, 3, 2, 3, 1])
    weights = torch.tensor([0.5, 1.0, 2.0, 0.25], dtype=F64)
    for reduction in ["mean", "sum", "none"]:
        for smoothing in [0.0, 0.1]:
            for weighted in [False, True]:
                for soft in [False, True]:
                    if reduction == "none" and not (smoothing and weighted):
                        continue
                    x = leaf(5, 4)
                    target = torch.softmax(rand(5, 4), 1) if soft else ids
                    y = F.cross_entropy(x, target, weights if weighted else None, reduction=reduction, label_smoothing=smoothing)
                    file.add("cross_entropy", dict(reduction=reduction, label_smoothing=smoothing, weighted=weighted), x=x,
                             target=target if soft else ids.to(torch.int32), weights=weights, **with_grads(y, dict(x=x)))
        x, target = leaf(4, 3), rand(4, 3)
        file.add("mean_squared_error", dict(reduction=reduction), x=x, target=target,
                 **with_grads(F.mse_loss(x, target, reduction=reduction), dict(x=x)))
        for delta in [1.0, 0.3]:
            file.add("huber", dict(reduction=reduction, delta=delta), x=x, target=target,
                     **with_grads(F.huber_loss(x, target, reduction=reduction, delta=delta), dict(x=x)))
        probability = torch.rand(4, 3, dtype=F64)
        file.add("binary_cross_entropy", dict(reduction=reduction), x=x, target=probability,
                 **with_grads(F.binary_cross_entropy_with_logits(x, probability, reduction=reduction), dict(x=x)))

    for size in [(9, 11), (3, 2), (4, 8)]:
        x = leaf(1, 5, 6, 1)
        modes = dict(nearest=dict(mode="nearest-exact"), bilinear=dict(mode="bilinear", align_corners=False),
                     bilinear_align_corners=dict(mode="bilinear", align_corners=True))
        for mode, arguments in modes.items():
            file.add("resize", dict(mode=mode, size=size), x=x,
                     **with_grads(nhwc(F.interpolate(nchw(x), size, **arguments)), dict(x=x)))
    file.save(torch=torch.__version__)


def keras_ops():
    import keras
    keras.config.set_floatx("float64")
    ops = keras.ops
    file = File("keras_ops.safetensors")
    for h, w, window, stride, dilation in [(7, 6, 3, 1, 1), (7, 6, 3, 2, 1), (8, 5, 4, 2, 1), (9, 7, 2, 3, 1), (8, 8, 3, 1, 2)]:
        for padding in ["same", "valid"]:
            x, kernel = rand(1, h, w, 2).float().double().numpy(), rand(window, window, 2, 2).numpy()  # TensorFlow pools in f32
            y = ops.conv(x, kernel, strides=stride, padding=padding, dilation_rate=dilation, data_format="channels_last")
            file.add("conv2d", dict(stride=stride, padding=padding, dilation=dilation), x=x, kernel=kernel, y=np.asarray(y))
            if dilation == 1:
                y = ops.max_pool(x, window, strides=stride, padding=padding, data_format="channels_last")
                file.add("max_pool2d", dict(window=window, stride=stride, padding=padding), x=x, y=np.asarray(y))
                y = ops.average_pool(x, window, strides=stride, padding=padding, data_format="channels_last")
                file.add("average_pool2d", dict(window=window, stride=stride, padding=padding), x=x, y=np.asarray(y))
    for stride in [1, 2]:
        x, kernel = rand(1, 4, 5, 3).numpy(), rand(3, 3, 2, 3).numpy()
        y = ops.conv_transpose(x, kernel, strides=stride, padding="same", data_format="channels_last")
        file.add("conv2d_transpose", dict(stride=stride, padding="same"), x=x, kernel=kernel, y=np.asarray(y))
    file.save(keras=keras.__version__)


STEPS = 20


def muon_steps(parameters, gradients, rate, momentum, nesterov):
    """airbench94_muon's rule in float64: kernels [.., in, out] as matrices, in place."""
    buffers = [torch.zeros_like(p) for p in parameters]
    for step in gradients:
        for p, buffer, g in zip(parameters, buffers, step):
            buffer.mul_(momentum).add_(g)
            g = g + momentum * buffer if nesterov else buffer
            x = g.reshape(-1, g.shape[-1]).T
            x = x / (x.norm() + 1e-7)
            transposed = x.shape[0] > x.shape[1]
            if transposed:
                x = x.T
            for _ in range(3):
                a = x @ x.T
                x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
            if transposed:
                x = x.T
            p.mul_(p.shape[-1] ** 0.5 / p.norm())
            p.sub_(rate * x.T.reshape(p.shape))
        yield


def optimizers():
    file = File("optimizers.safetensors")
    o = torch.optim
    cases = [("sgd", o.SGD, dict(lr=0.1)), ("sgd", o.SGD, dict(lr=0.1, momentum=0.9)),
             ("sgd", o.SGD, dict(lr=0.1, momentum=0.9, dampening=0.3)), ("sgd", o.SGD, dict(lr=0.1, momentum=0.9, nesterov=True)),
             ("sgd", o.SGD, dict(lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.05)),
             ("adam", o.Adam, dict(lr=0.01)), ("adam", o.Adam, dict(lr=0.01, betas=(0.7, 0.9), eps=1e-3)),
             ("adam", o.Adam, dict(lr=0.01, amsgrad=True)), ("adam", o.Adam, dict(lr=0.01, weight_decay=0.1)),
             ("adamw", o.AdamW, dict(lr=0.01)), ("adamw", o.AdamW, dict(lr=0.01, weight_decay=0.2, amsgrad=True)),
             ("rmsprop", o.RMSprop, dict(lr=0.01)), ("rmsprop", o.RMSprop, dict(lr=0.01, alpha=0.8, eps=1e-4)),
             ("rmsprop", o.RMSprop, dict(lr=0.01, momentum=0.9)), ("rmsprop", o.RMSprop, dict(lr=0.01, centered=True)),
             ("rmsprop", o.RMSprop, dict(lr=0.01, centered=True, momentum=0.5, weight_decay=0.1))]
    gradients = [[rand(3, 4), rand(5)] for _ in range(STEPS)]
    start = [rand(3, 4), rand(5)]
    for i in range(2):
        file.tensors[f"start{i}"] = start[i].numpy()
        file.tensors[f"gradients{i}"] = torch.stack([g[i] for g in gradients]).numpy()

    def add(name, options, parameters, run):
        steps = [[p.detach().clone() for p in parameters] for _ in run]
        file.add(name, options, **{f"path{i}": torch.stack([s[i] for s in steps]) for i in range(2)})

    def torch_steps(optimizer, parameters, clip_norm=0, clip_value=0):
        for step in gradients:
            for p, g in zip(parameters, step):
                p.grad = g.clone()
            if clip_value:
                torch.nn.utils.clip_grad_value_(parameters, clip_value)
            if clip_norm:
                torch.nn.utils.clip_grad_norm_(parameters, clip_norm)
            optimizer.step()
            yield

    for name, kind, options in cases:
        parameters = [p.clone().requires_grad_() for p in start]
        add(name, options, parameters, torch_steps(kind(parameters, **options), parameters))
    for clip in [dict(clip_norm=1.5), dict(clip_value=0.5)]:
        parameters = [p.clone().requires_grad_() for p in start]
        add("sgd", dict(lr=0.1, **clip), parameters, torch_steps(o.SGD(parameters, lr=0.1), parameters, **clip))
    for nesterov in [True, False]:
        kernels = [rand(2, 2, 2, 3), rand(3, 4)]
        steps = [[rand(*k.shape) for k in kernels] for _ in range(STEPS)]
        options = dict(lr=0.1, momentum=0.6, nesterov=nesterov)
        extra = {f"start{i}": k.clone() for i, k in enumerate(kernels)}
        extra |= {f"gradients{i}": torch.stack([s[i] for s in steps]) for i in range(2)}
        paths = [[k.clone() for k in kernels] for _ in muon_steps(kernels, steps, 0.1, 0.6, nesterov)]
        file.add("muon", options, **extra, **{f"path{i}": torch.stack([p[i] for p in paths]) for i in range(2)})
    file.save(torch=torch.__version__)


def schedules():
    s = torch.optim.lr_scheduler
    file = File("schedules.safetensors")
    steps, warmup = 40, 8

    def factors(make, count=steps):
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
        schedule = make(optimizer)
        result = []
        for _ in range(count):
            result.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        return torch.tensor(result, dtype=F64)

    def warmed(after):
        return lambda o: s.SequentialLR(o, [s.LinearLR(o, 0.25, 1.0, warmup), after(o)], [warmup])

    rest = steps - warmup
    warm = dict(steps=steps, warmup=warmup, warmup_from=0.25)
    file.add("cosine", dict(steps=steps, last=0.1), y=factors(lambda o: s.CosineAnnealingLR(o, steps, 0.1)))
    file.add("cosine", dict(warm, last=0.1), y=factors(warmed(lambda o: s.CosineAnnealingLR(o, rest, 0.1))))
    file.add("exponential", dict(steps=steps, last=0.01), y=factors(lambda o: s.ExponentialLR(o, 0.01 ** (1 / steps))))
    file.add("exponential", dict(warm, last=0.01), y=factors(warmed(lambda o: s.ExponentialLR(o, 0.01 ** (1 / rest)))))
    file.add("linear", dict(steps=steps, last=0.2), y=factors(lambda o: s.LinearLR(o, 1.0, 0.2, steps)))
    file.add("linear", dict(warm, last=0.2), y=factors(warmed(lambda o: s.LinearLR(o, 1.0, 0.2, rest))))
    file.add("step", dict(steps=steps, milestones=[10, 25], drop=0.3), y=factors(lambda o: s.MultiStepLR(o, [10, 25], 0.3)))
    file.add("step", dict(warm, milestones=[20], drop=0.3), y=factors(warmed(lambda o: s.MultiStepLR(o, [20 - warmup], 0.3))))
    file.add("constant", dict(warm), y=factors(warmed(lambda o: s.ConstantLR(o, 1.0))))
    file.add("one-cycle", dict(steps=steps), y=factors(lambda o: s.OneCycleLR(o, 1.0, steps, cycle_momentum=False), steps))
    file.add("one-cycle", dict(steps=steps, rise=0.2, first_divisor=10, last_divisor=100),
             y=factors(lambda o: s.OneCycleLR(o, 1.0, steps, pct_start=0.2, div_factor=10, final_div_factor=100,
                                              cycle_momentum=False), steps))
    file.save(torch=torch.__version__)


PARTS = dict(torch=torch_ops, keras=keras_ops, optimizers=optimizers, schedules=schedules)

if __name__ == "__main__":
    for part in sys.argv[1:]:
        PARTS[part]()
    if len(sys.argv) == 1:  # TensorFlow and PyTorch's compiler do not live in one process
        for part in PARTS:
            subprocess.run([sys.executable, __file__, part], check=True)
