"""CIFAR-10 for PyTorch's side: augmentation vectorised over all images in memory."""
import os

import torch
from torch import nn

MEAN = torch.tensor([0.4914, 0.4822, 0.4465]).view(1, 3, 1, 1)
DEVIATION = torch.tensor([0.2470, 0.2435, 0.2616]).view(1, 3, 1, 1)


def read_cifar(directory, names):
    """u8 [n, 3, 32, 32] and class ids of files in `directory`, or in the folder of the archive within it."""
    archived = os.path.join(directory, "cifar-10-batches-bin")
    folder = archived if os.path.isdir(archived) else directory
    parts = []
    for name in names:
        with open(os.path.join(folder, f"{name}.bin"), "rb") as file:
            parts.append(torch.frombuffer(bytearray(file.read()), dtype=torch.uint8).view(-1, 3073))
    rows = torch.cat(parts)
    return rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0].long()


def training_images(directory, count):
    return [part[:count] for part in read_cifar(directory, [f"data_batch_{i}" for i in range(1, 6)])]


def test_images(directory):
    return read_cifar(directory, ["test_batch"])


def normalize(images):
    return ((images.float() / 255 - MEAN) / DEVIATION).contiguous(memory_format=torch.channels_last)


def crop(images, pixels, mirrored, mode="constant"):
    """A window of each image padded by `pixels`, at a random place; of its mirror image where `mirrored` [n]."""
    count = len(images)
    padded = nn.functional.pad(images.float(), (pixels,) * 4, mode=mode).to(images.dtype)
    width = 32 + 2 * pixels
    cells = torch.arange(32)
    columns = torch.where(mirrored.view(count, 1), 31 - cells, cells) + torch.randint(0, 2 * pixels + 1, (count, 1))
    rows = cells + torch.randint(0, 2 * pixels + 1, (count, 1))
    index = rows.view(count, 1, 32, 1) * width + columns.view(count, 1, 1, 32)
    flat = padded.view(count, 3, width * width)
    return flat.gather(2, index.view(count, 1, 1024).expand(count, 3, 1024)).view(count, 3, 32, 32)


def flip_and_crop(images):
    """A mirror image for half of them and a window of each padded by 4."""
    return crop(images, 4, torch.rand(len(images)) < 0.5)
