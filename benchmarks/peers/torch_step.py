"""PyTorch's side of compare.py: one JSON command a line on stdin, one JSON answer a line on stdout.

It is set up the way PyTorch is fastest on a CPU: channels_last, denormals flushed, the quickest of its SGD
implementations (measured at start), augmentation vectorised over the epoch in memory.
"""
import ctypes
import json
import math
import struct
import sys
import time
import warnings

warnings.filterwarnings("ignore", message=".*NumPy.*")
import torch
from torch import nn

WIDTHS = (32, 32, 64, 64, 128, 128)
MEAN = torch.tensor([0.4914, 0.4822, 0.4465]).view(1, 3, 1, 1)
DEVIATION = torch.tensor([0.2470, 0.2435, 0.2616]).view(1, 3, 1, 1)


class Net(nn.Sequential):
    """Six 3x3 convolutions with batch norm and ReLU, pooled and dropped out in pairs, then two dense layers."""

    def __init__(self, dropout):
        layers, channels = [], 3
        for i, width in enumerate(WIDTHS):
            layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            channels = width
            if i % 2:
                layers += [nn.MaxPool2d(2)] + ([nn.Dropout(0.2)] if dropout else [])
        layers += [nn.Flatten(), nn.Linear(2048, 128), nn.ReLU(inplace=True)] + ([nn.Dropout(0.5)] if dropout else [])
        super().__init__(*layers, nn.Linear(128, 10))
        for layer in self:
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def weights(self):
        """The parameters in order and in noyau's layout: kernels [kh, kw, ic, oc] and [in, out]."""
        for layer in self:
            if isinstance(layer, nn.Conv2d):
                yield layer.weight.permute(2, 3, 1, 0)
            elif isinstance(layer, nn.Linear) and layer.in_features == 2048:
                yield layer.weight.view(-1, 128, 4, 4).permute(2, 3, 1, 0).reshape(2048, -1)
            elif isinstance(layer, nn.Linear):
                yield layer.weight.t()
            elif isinstance(layer, nn.BatchNorm2d):
                yield layer.weight
            if isinstance(layer, (nn.BatchNorm2d, nn.Linear)):
                yield layer.bias


def save_safetensors(path, tensors):
    """Writes the format by hand: a PyTorch alone is all this needs."""
    names = {torch.float32: "F32", torch.int32: "I32"}
    header, blobs, offset = {}, [], 0
    for name, tensor in tensors.items():
        tensor = tensor.detach().contiguous()
        size = tensor.numel() * tensor.element_size()
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, offset + size]}
        blobs.append(ctypes.string_at(tensor.data_ptr(), size))
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def resident(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))


def read_cifar(directory, names):
    parts = []
    for name in names:
        with open(f"{directory}/cifar-10-batches-bin/{name}.bin", "rb") as file:
            parts.append(torch.frombuffer(bytearray(file.read()), dtype=torch.uint8).view(-1, 3073))
    rows = torch.cat(parts)
    return rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0].long()


def flip_and_crop(images):
    """A mirror image for half of them and a window of each padded by 4, for all at once."""
    count = len(images)
    padded = nn.functional.pad(images, (4, 4, 4, 4))
    cells = torch.arange(32)
    columns = torch.where(torch.rand(count, 1) < 0.5, 31 - cells, cells) + torch.randint(0, 9, (count, 1))
    rows = cells + torch.randint(0, 9, (count, 1))
    index = rows.view(count, 1, 32, 1) * 40 + columns.view(count, 1, 1, 32)
    flat = padded.view(count, 3, 1600)
    return flat.gather(2, index.view(count, 1, 1024).expand(count, 3, 1024)).view(count, 3, 32, 32)


class Peer:
    def settings(self, threads):
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)
        self.fast = self.fastest_sgd()
        return {"settings": f"PyTorch {torch.__version__}, {threads} threads, channels_last, denormals flushed, "
                            f"SGD({self.fast}=True), augmentation vectorised in memory"}

    def fastest_sgd(self):
        spent = {}
        for kind in ("foreach", "fused"):
            net = Net(False)
            for parameter in net.parameters():
                parameter.grad = torch.ones_like(parameter)
            sgd = torch.optim.SGD(net.parameters(), lr=1e-6, momentum=0.9, **{kind: True})
            for _ in range(3):
                sgd.step()
            spent[kind] = math.inf
            for _ in range(30):
                begin = time.perf_counter()
                sgd.step()
                spent[kind] = min(spent[kind], time.perf_counter() - begin)
        return min(spent, key=spent.get)

    def new(self, dropout, rate, seed=0, weight_decay=0.0):
        torch.manual_seed(seed)
        self.rate = rate
        self.net = Net(dropout).to(memory_format=torch.channels_last)
        self.sgd = torch.optim.SGD(self.net.parameters(), lr=rate, momentum=0.9, weight_decay=weight_decay,
                                   **{self.fast: True})
        self.loss = nn.CrossEntropyLoss()
        self.batches = [(torch.randn(64, 3, 32, 32).to(memory_format=torch.channels_last), torch.randint(0, 10, (64,)))
                        for _ in range(5)]
        return {}

    def save(self, file):
        tensors = {f"weight{i:02}": tensor for i, tensor in enumerate(self.net.weights())}
        for i, (images, labels) in enumerate(self.batches):
            tensors[f"images{i}"] = images.permute(0, 2, 3, 1)
            tensors[f"labels{i}"] = labels.int()
        save_safetensors(file, tensors)
        return {}

    def step(self, images, labels):
        self.sgd.zero_grad()
        loss = self.loss(self.net(images), labels)
        loss.backward()
        self.sgd.step()
        return loss

    def losses(self):
        return {"losses": [self.step(*batch).item() for batch in self.batches]}

    def time(self, steps):
        seconds = []
        for i in range(steps):
            begin = time.perf_counter()
            self.step(*self.batches[i % 5])
            seconds.append(time.perf_counter() - begin)
        return {"seconds": seconds}

    def memory(self, steps):
        with open("/proc/self/clear_refs", "w") as refs:
            refs.write("5")
        before = resident("VmRSS")
        self.time(steps)
        return {"growth": resident("VmHWM") - before}

    def data(self, directory, epochs, images=50000):
        self.train = [part[:images] for part in read_cifar(directory, [f"data_batch_{i}" for i in range(1, 6)])]
        self.test = read_cifar(directory, ["test_batch"])
        self.done, self.total = 0, epochs * ((len(self.train[0]) + 63) // 64)
        return {}

    def batches_of_epoch(self):
        images, labels = flip_and_crop(self.train[0]), self.train[1]
        for rows in torch.randperm(len(labels)).split(64):
            batch = ((images[rows].float() / 255 - MEAN) / DEVIATION).contiguous(memory_format=torch.channels_last)
            yield batch, labels[rows]

    def epoch(self):
        self.net.train()
        begin = time.perf_counter()
        for images, labels in self.batches_of_epoch():
            self.sgd.param_groups[0]["lr"] = self.rate * (1 + math.cos(math.pi * self.done / self.total)) / 2
            self.step(images, labels)
            self.done += 1
        return {"seconds": time.perf_counter() - begin}

    def loading(self):
        begin = time.perf_counter()
        for _ in self.batches_of_epoch():
            pass
        return {"seconds": time.perf_counter() - begin}

    def evaluate(self):
        self.net.eval()
        right = 0
        with torch.no_grad():
            for images, labels in zip(self.test[0].split(250), self.test[1].split(250)):
                batch = ((images.float() / 255 - MEAN) / DEVIATION).contiguous(memory_format=torch.channels_last)
                right += (self.net(batch).argmax(1) == labels).sum().item()
        return {"accuracy": right / len(self.test[1])}


def main():
    peer = Peer()
    for line in sys.stdin:
        command = json.loads(line)
        print(json.dumps(getattr(peer, command.pop("do"))(**command)), flush=True)


main()
