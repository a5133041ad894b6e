#!/usr/bin/env python3
"""Runs noyau and PyTorch alternately, each in a process of its own, and prints one line a row: what, noyau, peer, ratio.

A ratio above 1 means that noyau is better. Before anything is timed both start from the same weights, and five losses
must agree to 1e-4; a row whose sides compute different things is refused.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
NEEDS_TORCH = """compare.py: PyTorch is needed for the other side; make an environment for it:
  python3 -m venv .venv && .venv/bin/pip install torch
or name a python that has it with --python or $NOYAU_PEER_PYTHON"""
NEEDS_NOYAU = """compare.py: no noyau-bench-step under build/; build it:
  cmake --preset cpu && cmake --build --preset cpu --target noyau-bench-step"""


class Side:
    """A process that answers each JSON line with one."""

    def __init__(self, command, threads):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.settings = self("settings", threads=threads)["settings"]

    def __call__(self, do, **arguments):
        self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"compare.py: {' '.join(map(str, self.process.args))} ended while it did '{do}'")
        return json.loads(answer)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Comparison:
    def __init__(self, options):
        self.options = options
        self.rows = []

    def sides(self, threads):
        noyau = Side([self.options.program], threads)
        peer = Side([self.options.python, HERE / "peers" / "torch_step.py"], threads)
        for side in (noyau, peer):
            print(f"# {side.settings}", file=sys.stderr)
        return noyau, peer

    def row(self, case, threads, what, noyau, peer, unit, ratio, **extra):
        self.rows.append({"case": case, "threads": threads, "what": what, "noyau": noyau, "peer": peer,
                          "peer_name": "PyTorch", "unit": unit, "ratio": ratio, **extra})
        if not self.options.json:
            print(f"{what}, {threads} threads: noyau {noyau:.4g} {unit}, PyTorch {peer:.4g} {unit}, ratio {ratio:.3f}",
                  flush=True)

    def same_start(self, noyau, peer):
        """Gives both the same weights and batches, dropout off, and compares five losses."""
        with tempfile.TemporaryDirectory() as folder:
            file = f"{folder}/start.safetensors"
            peer("new", dropout=False, rate=0.001)
            peer("save", file=file)
            noyau("new", dropout=False, rate=0.001)
            noyau("load", file=file)
        ours, theirs = noyau("losses")["losses"], peer("losses")["losses"]
        worst = max(abs(a - b) for a, b in zip(ours, theirs))
        print(f"# five losses: noyau {ours}, PyTorch {theirs}, largest difference {worst:.1e}", file=sys.stderr)
        if not worst <= 1e-4:
            sys.exit("compare.py: refused, the two sides do not compute the same: losses differ by more than 1e-4")

    def step(self):
        for threads in self.options.threads:
            noyau, peer = self.sides(threads)
            self.same_start(noyau, peer)
            for side in (noyau, peer):
                side("new", dropout=True, rate=0.001)
                side("time", steps=5)
            ours, theirs, ratios = [], [], []
            for _ in range(self.options.rounds):
                ours += (a := noyau("time", steps=5)["seconds"])
                theirs += (b := peer("time", steps=5)["seconds"])
                ratios.append(min(b) / min(a))
            best = [1000 * min(times) for times in (ours, theirs)]
            self.row("step", threads, "training step, batch 64, best", *best, "ms", best[1] / best[0],
                     median_ratio=statistics.median(ratios), rounds=self.options.rounds)
            middle = [1000 * statistics.median(times) for times in (ours, theirs)]
            self.row("step", threads, "training step, batch 64, median", *middle, "ms", middle[1] / middle[0])
            noyau.end(), peer.end()

    def memory(self):
        threads = max(self.options.threads)
        noyau, peer = self.sides(threads)
        self.same_start(noyau, peer)
        noyau.end(), peer.end()
        growth = []
        for side in self.sides(threads):
            side("new", dropout=True, rate=0.001)
            growth.append(side("memory", steps=20)["growth"] / 2**20)
            side.end()
        self.row("memory", threads, "growth of resident memory in 20 steps", *growth, "MiB", growth[1] / growth[0])

    def accuracy(self):
        threads = max(self.options.threads)
        noyau, peer = self.sides(threads)
        self.same_start(noyau, peer)
        scores, seconds, loading = ([], []), [0, 0], [0, 0]
        for seed in range(1, self.options.seeds + 1):
            for side in (noyau, peer):
                side("new", dropout=True, rate=0.05, seed=seed, weight_decay=5e-4)
                side("data", directory=self.options.data, epochs=self.options.epochs, images=self.options.images)
            for _ in range(self.options.epochs):
                for i, side in enumerate((noyau, peer)):
                    seconds[i] += side("epoch")["seconds"]
            for i, side in enumerate((noyau, peer)):
                scores[i].append(100 * side("evaluate")["accuracy"])
                loading[i] += side("loading")["seconds"]
            print(f"# seed {seed}: noyau {scores[0][-1]:.2f} %, PyTorch {scores[1][-1]:.2f} %", file=sys.stderr)
        epochs = self.options.seeds * self.options.epochs
        what = f"{self.options.epochs} epochs of CIFAR-10, {self.options.seeds} seeds"
        mean = [statistics.mean(score) for score in scores]
        self.row("accuracy", threads, f"test accuracy, {what}", *mean, "%", mean[0] / mean[1], noyau_seeds=scores[0],
                 peer_seeds=scores[1])
        whole = [total / self.options.seeds for total in seconds]
        self.row("accuracy", threads, f"training time of a seed, {what}", *whole, "s", whole[1] / whole[0])
        share = [100 * load / self.options.seeds / (total / epochs) for load, total in zip(loading, seconds)]
        self.row("accuracy", threads, "loading and augmenting alone, share of an epoch", *share, "%", share[1] / share[0])
        noyau.end(), peer.end()


def find_python(named):
    for python in filter(None, (named, os.environ.get("NOYAU_PEER_PYTHON"), ROOT / ".venv" / "bin" / "python", sys.executable)):
        try:
            if subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 0:
                return python
        except FileNotFoundError:
            pass
    sys.exit(NEEDS_TORCH)


def find_program(named):
    found = [named] if named else sorted(ROOT.glob("build/**/noyau-bench-step"), key=os.path.getmtime)
    return found[-1] if found else sys.exit(NEEDS_NOYAU)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=("step", "memory", "accuracy"))
    parser.add_argument("--json", action="store_true", help="print a list of rows instead of lines")
    parser.add_argument("--python", help="python that has torch (default: $NOYAU_PEER_PYTHON, .venv, this one)")
    parser.add_argument("--program", help="noyau-bench-step (default: the newest under build/)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="threads; memory and accuracy use the largest")
    parser.add_argument("--rounds", type=int, default=20, help="alternating rounds of 5 steps of `step` (default 20)")
    parser.add_argument("--data", default=os.environ.get("NOYAU_DATA", "data"), help="folder of cifar-10-batches-bin")
    parser.add_argument("--epochs", type=int, default=10, help="epochs of `accuracy` (default 10)")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of `accuracy` (default 3)")
    parser.add_argument("--images", type=int, default=50000, help="training images of `accuracy` (default 50000)")
    options = parser.parse_args()
    options.python = find_python(options.python)
    options.program = find_program(options.program)
    comparison = Comparison(options)
    getattr(comparison, options.case)()
    if options.json:
        print(json.dumps(comparison.rows, indent=1))


main()
