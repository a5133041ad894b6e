"""What the Python sides of compare.py share: the command loop, memory, and tensors in safetensors files.

One JSON command a line on stdin, {"do": name of a method, arguments}; one JSON answer a line on stdout.
"""
import json
import struct
import sys
import time


def serve(peer):
    for line in sys.stdin:
        command = json.loads(line)
        print(json.dumps(getattr(peer, command.pop("do"))(**command)), flush=True)


def resident(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))


def growth_during(work):
    """Most resident memory during work() beyond what was there before, in bytes."""
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")
    before = resident("VmRSS")
    work()
    return resident("VmHWM") - before


def seconds_of(work, times):
    """Wall time of each of `times` calls of work(number)."""
    seconds = []
    for number in range(times):
        begin = time.perf_counter()
        work(number)
        seconds.append(time.perf_counter() - begin)
    return seconds


class Clock:
    """Wall and processor seconds of a block: `with Clock() as clock: ...; clock.seconds()`."""

    def __enter__(self):
        self.begin = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_):
        self.end = time.perf_counter(), time.process_time()

    def seconds(self):
        return {"seconds": self.end[0] - self.begin[0], "processor": self.end[1] - self.begin[1]}


def write_safetensors(path, tensors):
    """tensors: name -> (dtype "F32" or "I32", shape, bytes). By hand, so that a peer needs no package for it."""
    header, offset = {}, 0
    for name, (dtype, shape, blob) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + len(blob)]}
        offset += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, blob in tensors.values():
            file.write(blob)


def read_safetensors(path):
    """name -> (dtype, shape, bytes)."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        blobs = file.read()
    return {name: (entry["dtype"], entry["shape"], blobs[slice(*entry["data_offsets"])])
            for name, entry in header.items()}
