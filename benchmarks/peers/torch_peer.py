"""PyTorch's side of compare.py (see protocol.py).

It is set up the way PyTorch is fastest on a CPU: channels_last, denormals flushed, the quickest of its SGD
implementations (measured at start), augmentation vectorised over the epoch in memory.
"""
import ctypes
import math
import warnings

warnings.filterwarnings("ignore", message=".*NumPy.*")
warnings.filterwarnings("ignore", category=DeprecationWarning)
import torch
from torch import nn

import protocol
import torch_data
import torch_nets
from torch_speedrun import Speedrun


def entry(tensor):
    tensor = tensor.detach().contiguous()
    blob = ctypes.string_at(tensor.data_ptr(), tensor.numel() * tensor.element_size())
    return {torch.float32: "F32", torch.float64: "F64", torch.int32: "I32"}[tensor.dtype], tensor.shape, blob


def channels_last(x):
    return x.contiguous(memory_format=torch.channels_last)


def random_batch(batch, shape):
    height, width, channels = shape
    return channels_last(torch.randn(batch, channels, height, width)), torch.randint(0, 10, (batch,))


class Peer:
    def settings(self, threads):
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)
        self.fast = self.fastest_sgd()
        capability = torch.backends.cpu.get_cpu_capability()
        return {"name": "PyTorch",
                "settings": f"PyTorch {torch.__version__}, {threads} threads, {capability}, channels_last, "
                            f"denormals flushed, SGD({self.fast}=True), augmentation vectorised in memory"}

    def fastest_sgd(self):
        spent = {}
        for kind in ("foreach", "fused"):
            weights = [nn.Parameter(torch.ones(3, 3, c, c)) for c in (32, 32, 64, 64, 128, 128) for _ in range(3)]
            for weight in weights:
                weight.grad = torch.ones_like(weight)
            sgd = torch.optim.SGD(weights, lr=1e-6, momentum=0.9, **{kind: True})
            protocol.seconds_of(lambda _: sgd.step(), 3)
            spent[kind] = min(protocol.seconds_of(lambda _: sgd.step(), 30))
        return min(spent, key=spent.get)

    # --- training

    def new(self, architecture, rate, batch=64, shape=(32, 32, 3), seed=0, weight_decay=0.0):
        torch.manual_seed(seed)
        self.rate, self.batch = rate, batch
        self.net = torch_nets.network(architecture).to(memory_format=torch.channels_last)
        self.sgd = torch.optim.SGD(self.net.parameters(), lr=rate, momentum=0.9, weight_decay=weight_decay,
                                   **{self.fast: True})
        self.loss = nn.CrossEntropyLoss()
        self.batches = [random_batch(batch, shape) for _ in range(5)]
        self.step, self.batches_of_epoch = self.sgd_step, self.augmented_batches
        return {}

    def sgd_step(self, images, labels):
        self.sgd.zero_grad()
        loss = self.loss(self.net(images), labels)
        loss.backward()
        self.sgd.step()
        return loss

    def save(self, file):
        tensors = {f"weight{i:03}": entry(tensor) for i, tensor in enumerate(self.net.state())}
        for i, (images, labels) in enumerate(self.batches):
            tensors[f"images{i}"] = entry(images.permute(0, 2, 3, 1))
            tensors[f"labels{i}"] = entry(labels.int())
        protocol.write_safetensors(file, tensors)
        return {}

    def losses(self, count=5):
        return {"losses": [self.step(*batch).item() for batch in self.batches[:count]]}

    def time(self, steps):
        return {"seconds": protocol.seconds_of(lambda i: self.step(*self.batches[i % 5]), steps)}

    def memory(self, steps):
        return {"growth": protocol.growth_during(lambda: self.time(steps))}

    # --- an epoch of CIFAR-10

    def data(self, directory, epochs, images=50000, warmup=0):
        self.train = torch_data.training_images(directory, images)
        self.test = torch_data.test_images(directory)
        self.epochs_done = self.done = 0
        batches = math.ceil(len(self.train[0]) / self.batch)
        self.total, self.warmup = epochs * batches, warmup * batches
        return {}

    def rate_factor(self):
        """Of the next step: a linear rise from 0, then half a cosine down to 0."""
        if self.done < self.warmup:
            return self.done / self.warmup
        return (1 + math.cos(math.pi * (self.done - self.warmup) / (self.total - self.warmup))) / 2

    def augmented_batches(self):
        images, labels = torch_data.flip_and_crop(self.train[0]), self.train[1]
        for rows in torch.randperm(len(labels)).split(self.batch):
            self.sgd.param_groups[0]["lr"] = self.rate * self.rate_factor()
            self.done += 1
            yield torch_data.normalize(images[rows]), labels[rows]

    def epoch(self, steps=None):
        self.net.train()
        with protocol.Clock() as clock:
            for number, (images, labels) in enumerate(self.batches_of_epoch(), 1):
                loss = self.step(images, labels)
                if number == steps:
                    break
        self.epochs_done += 1
        return clock.seconds() | {"loss": loss.item()}

    def loading(self):
        done = self.done
        with protocol.Clock() as clock:
            for _ in self.batches_of_epoch():
                pass
        self.done = done
        return clock.seconds()

    @torch.no_grad()
    def evaluate(self):
        self.net.eval()
        right = 0
        for images, labels in zip(self.test[0].split(250), self.test[1].split(250)):
            right += (self.net(torch_data.normalize(images)).argmax(1) == labels).sum().item()
        return {"accuracy": right / len(self.test[1])}

    # --- the speed run

    def speedrun(self, directory, images=50000, batch=2000, steps=200, widths=(64, 256, 256), double=False, seed=0):
        torch.manual_seed(seed)
        self.batch, self.train = batch, torch_data.training_images(directory, images)
        whitening = torch_data.normalize(self.train[0][:5000])
        kind = torch.float64 if double else torch.float32
        self.recipe = Speedrun(whitening, steps, batch, widths=widths, dtype=kind)
        self.net, self.step, self.epochs_done = self.recipe.net, self.recipe.step, 0
        self.batches_of_epoch = lambda: self.recipe.batches(*self.train, self.epochs_done, batch)
        # Not photographs, and faint: where patches are equal, or GELU gives 0, rounding decides what a max-pool picks.
        faint = [random_batch(batch, (32, 32, 3)) for _ in range(5)]
        self.batches = [(0.05 * images.to(kind), labels) for images, labels in faint]
        return {}

    # --- inference

    @torch.no_grad()
    def stir(self):
        torch_nets.stir(self.net)
        return {}

    @torch.inference_mode()
    def outputs(self):
        self.net.eval()
        return {"outputs": self.net(self.batches[0][0]).flatten().tolist()}

    @torch.inference_mode()
    def predict(self, runs):
        self.net.eval()
        return {"seconds": protocol.seconds_of(lambda i: self.net(self.batches[i % 5][0]), runs)}

    def export(self, file):
        self.net.eval()
        torch.onnx.export(self.net, (self.batches[0][0],), file, dynamo=False, input_names=["x"], output_names=["y"])
        return {}

    # --- explanations

    def prepare_maps(self, method):
        import torch_explain  # needs packages that the other cases do without
        self.explain = torch_explain.Explain(self.net, method)
        self.explain.choose_batch(*self.batches[0])
        return {"name": torch_explain.NAMES[method]}

    def maps(self, method, count):
        images, labels = self.batches[0]
        return {"maps": self.explain(images[:count], labels[:count]).flatten().tolist()}

    def time_maps(self, method):
        return {"seconds": protocol.seconds_of(lambda _: self.explain(*self.batches[0]), 1)}

    # --- one convolution

    def convolution(self, size, ic, oc, which, batch=64):
        x = channels_last(torch.randn(batch, ic, size, size))
        weight = channels_last(torch.randn(oc, ic, 3, 3))
        y = torch.conv2d(x, weight, padding=1)
        dy = channels_last(torch.randn(y.shape))
        mask = [which == "dinput", which == "dkernel", False]

        def backward():
            return torch.ops.aten.convolution_backward(dy, x, weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, mask)

        if which == "forward":
            self.convolve = lambda: torch.conv2d(x, weight, padding=1)
        else:
            self.convolve = lambda: backward()[mask.index(True)]
        self.tensors = {"x": x.permute(0, 2, 3, 1), "kernel": weight.permute(2, 3, 1, 0), "dy": dy.permute(0, 2, 3, 1)}
        self.which = which
        return {}

    def save_convolution(self, file):
        result = self.convolve()
        order = (2, 3, 1, 0) if self.which == "dkernel" else (0, 2, 3, 1)
        tensors = self.tensors | {"result": result.permute(order)}
        protocol.write_safetensors(file, {name: entry(tensor) for name, tensor in tensors.items()})
        return {}

    @torch.no_grad()
    def time_convolution(self, runs):
        return {"seconds": protocol.seconds_of(lambda _: self.convolve(), runs)}


if __name__ == "__main__":
    protocol.serve(Peer())
