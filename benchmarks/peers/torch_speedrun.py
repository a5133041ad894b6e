#!/usr/bin/env python3
"""The speed run in PyTorch: the twin of `noyau-train --recipe speedrun`, written from the description of the recipe.

By itself: torch_speedrun.py --data DIR [--seed N] [--threads N] [--results FILE] trains for 8 epochs and tests.
"""
import argparse
import json
import time

import torch
from torch import nn
from torch.nn.functional import cross_entropy, pad

from torch_data import crop, normalize, test_images, training_images

EPOCHS, BATCH, WHITEN_EPOCHS = 8, 2000, 3
BIAS_RATE, HEAD_RATE, FILTER_RATE, DECAY = 0.053, 0.67, 0.24, 2e-6


class Norm(nn.BatchNorm2d):
    def __init__(self, channels):
        super().__init__(channels, eps=1e-12, momentum=0.4)
        self.weight.requires_grad_(False)


class Net(nn.Module):
    """Whitening 2x2 convolution, then three pairs of 3x3 convolutions that begin as identities, and one linear layer."""

    def __init__(self, widths=(64, 256, 256)):
        super().__init__()
        self.whiten = nn.Conv2d(3, 24, 2)
        self.whiten.weight.requires_grad_(False)
        nn.init.zeros_(self.whiten.bias)
        self.convs, self.norms, channels = nn.ModuleList(), nn.ModuleList(), 24
        for width in widths:
            for _ in range(2):
                conv = nn.Conv2d(channels, width, 3, padding=1, bias=False)
                passed = min(channels, width)
                nn.init.dirac_(conv.weight.data[:passed])
                self.convs.append(conv)
                self.norms.append(Norm(width))
                channels = width
        self.head = nn.Linear(channels, 10, bias=False)
        self.head.weight.data /= self.head.weight.data.std()

    def forward(self, x):
        x = nn.functional.gelu(self.whiten(x))
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms)):
            x = conv(x)
            if i % 2 == 0:
                x = nn.functional.max_pool2d(x, 2)
            x = nn.functional.gelu(norm(x))
        return self.head(x.amax((2, 3))) / self.head.in_features

    def state(self):
        """In noyau's order and layout."""
        tensors = [self.whiten.weight.permute(2, 3, 1, 0), self.whiten.bias]
        for conv, norm in zip(self.convs, self.norms):
            tensors += [conv.weight.permute(2, 3, 1, 0), norm.bias, norm.running_mean, norm.running_var]
        return tensors + [self.head.weight.t()]

    def whiten_by(self, images, epsilon=5e-4):
        """The eigenvectors of the covariance of 2x2 patches, scaled to unit variance, and their negatives."""
        patches = images.unfold(2, 2, 1).unfold(3, 2, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 12).double()
        patches = patches - patches.mean(0)
        values, vectors = torch.linalg.eigh(patches.t() @ patches / (len(patches) - 1))
        filters = (vectors / (values + epsilon).sqrt()).t().flip(0).view(12, 3, 2, 2).float()
        self.whiten.weight.data.copy_(torch.cat((filters, -filters)))


def orthogonalized(matrix, iterations=3):
    """Newton-Schulz: singular values towards 1."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix / (matrix.norm() + 1e-7)
    tall = x.size(0) > x.size(1)
    x = x.t() if tall else x
    for _ in range(iterations):
        gram = x @ x.t()
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.t() if tall else x


class Muon(torch.optim.Optimizer):
    """Normalised filters, moved along their orthogonalised velocity (Nesterov)."""

    def __init__(self, parameters, lr, momentum=0.6):
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                velocity = self.state[p].setdefault("velocity", torch.zeros_like(p.grad))
                velocity.mul_(group["momentum"]).add_(p.grad)
                direction = p.grad.add(velocity, alpha=group["momentum"]).reshape(len(p), -1)
                p.mul_(len(p) ** 0.5 / p.norm())
                p.add_(orthogonalized(direction).reshape(p.shape), alpha=-group["lr"])


class Speedrun:
    """Network, optimizers and schedule."""

    def __init__(self, whiten_images, steps, batch=BATCH, epochs=EPOCHS, widths=(64, 256, 256), dtype=torch.float32):
        self.net = Net(widths)
        self.net.whiten_by(whiten_images)
        self.net = self.net.to(dtype, memory_format=torch.channels_last)
        self.done, self.steps, self.whiten_steps = 0, steps, steps * min(1.0, WHITEN_EPOCHS / epochs)
        decay = DECAY * batch
        groups = [{"params": [self.net.whiten.bias], "lr": BIAS_RATE, "weight_decay": decay / BIAS_RATE},
                  {"params": [norm.bias for norm in self.net.norms], "lr": BIAS_RATE, "weight_decay": decay / BIAS_RATE},
                  {"params": [self.net.head.weight], "lr": HEAD_RATE, "weight_decay": decay / HEAD_RATE}]
        sgd = torch.optim.SGD(groups, momentum=0.85, nesterov=True, fused=True)
        self.optimizers = [sgd, Muon([conv.weight for conv in self.net.convs], FILTER_RATE)]
        self.groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]
        self.rates = [group["lr"] for group in self.groups]

    def schedule(self):
        rest = 1 - self.done / self.steps
        whiten_rest = max(0.0, 1 - self.done / self.whiten_steps)
        for group, rate, factor in zip(self.groups, self.rates, [whiten_rest, rest, rest, rest]):
            group["lr"] = rate * factor
        self.net.whiten.bias.requires_grad_(self.done < self.whiten_steps)

    def step(self, images, labels):
        """Minimises the sum over the batch; returns the mean."""
        self.schedule()
        loss = cross_entropy(self.net(images), labels, label_smoothing=0.2, reduction="sum")
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        self.done += 1
        return loss / len(labels)

    def batches(self, images, labels, epoch, batch=BATCH):
        """Alternating flip, then a window of each image padded by 2 mirrored pixels; the last batch only if full."""
        if epoch == 0:
            self.flipped = torch.rand(len(images)) < 0.5
        augmented = crop(images, 2, self.flipped ^ bool(epoch % 2), mode="reflect")
        for rows in torch.randperm(len(images)).split(batch):
            if len(rows) == batch:
                yield normalize(augmented[rows]), labels[rows]

    @torch.no_grad()
    def evaluate(self, images, labels):
        """Test-time augmentation over six views: the image and both diagonal shifts, each with its mirror image."""
        self.net.eval()
        right = 0
        for part, truth in zip(images.split(250), labels.split(250)):
            x = normalize(part)
            padded = pad(x, (1,) * 4, mode="reflect")
            total = 0
            for weight, view in ((0.25, x), (0.125, padded[:, :, :32, :32]), (0.125, padded[:, :, 2:, 2:])):
                for each in (view, view.flip(3)):
                    total = total + weight * self.net(each).softmax(1)
            right += (total.argmax(1) == truth).sum().item()
        self.net.train()
        return right / len(labels)


def processor_name():
    with open("/proc/cpuinfo") as info:
        return next((line.split(":")[1].strip() for line in info if line.startswith("model name")), "unknown processor")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="data", help="folder of cifar-10-batches-bin")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--images", type=int, default=50000, help="training images")
    parser.add_argument("--results", help="file to append seed, accuracy, seconds and machine to, as a line of JSON")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(options.seed)
    images, labels = training_images(options.data, options.images)
    test = test_images(options.data)
    begin = time.perf_counter()
    run = Speedrun(normalize(images[:5000]), options.epochs * (len(images) // options.batch),
                   options.batch, options.epochs)
    for epoch in range(options.epochs):
        total = 0.0
        for count, batch in enumerate(run.batches(images, labels, epoch, options.batch), 1):
            total += run.step(*batch).item()
        print(f"epoch {epoch + 1}/{options.epochs}  loss {total / count:.4f}  {time.perf_counter() - begin:.1f} s", flush=True)
    accuracy = run.evaluate(*test)
    seconds = time.perf_counter() - begin
    print(f"test accuracy {100 * accuracy:.2f} %, {seconds:.1f} s")
    if options.results:
        row = {"recipe": "speedrun", "model": "torch_speedrun.py", "data": "cifar10", "epochs": options.epochs,
               "seed": options.seed, "accuracy": accuracy, "seconds": seconds, "threads": options.threads,
               "machine": f"{processor_name()}, PyTorch {torch.__version__}"}
        with open(options.results, "a") as file:
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
