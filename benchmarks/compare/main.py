"""The command line of compare.py."""
import argparse
import os

from .accuracy import accuracy
from .explain import cam, integrated, occlusion
from .inference import inference
from .kernels import conv_best, conv_direct
from .training import Bench, memory, nets, scaling, speedrun, step

CASES = {"step": step, "nets": nets, "inference": inference, "conv-direct": conv_direct, "conv-best": conv_best,
         "scaling": scaling, "memory": memory, "cam": cam, "ig": integrated, "occlusion": occlusion, "speedrun": speedrun, "accuracy": accuracy}
HOURS = ("speedrun", "accuracy")  # not part of `all`


def arguments(description):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=(*CASES, "all"), help="all: every case but " + " and ".join(HOURS))
    parser.add_argument("--json", action="store_true", help="print a list of rows instead of lines")
    parser.add_argument("--markdown", action="store_true", help="print a table instead of lines")
    parser.add_argument("--peer", choices=("torch", "keras"), default="torch", help="the other side of step")
    parser.add_argument("--isa", choices=("avx512", "avx2"), help="instruction set of both sides")
    parser.add_argument("--python", help="python that has the peer (default: $NOYAU_PEER_PYTHON, .venv, this one)")
    parser.add_argument("--program", help="noyau-bench-peer (default: the newest under build/)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2],
                        help="threads; only step and the convolutions use all of them, the others the largest")
    parser.add_argument("--rounds", type=int, help="alternating rounds (default: 20; 3 of the speed run)")
    parser.add_argument("--data", default=os.environ.get("NOYAU_DATA", "data"), help="folder of cifar-10-batches-bin")
    parser.add_argument("--images", type=int, default=50000, help="training images of accuracy and speedrun")
    parser.add_argument("--epochs", type=int, default=10, help="epochs of accuracy (default 10)")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of accuracy (default 3)")
    parser.add_argument("--log", help="JSON lines of the seeds that are done, to go on with accuracy")
    parser.add_argument("--batch", type=int, default=2000, help="batch of speedrun (default 2000)")
    parser.add_argument("--width", type=float, default=1.0, help="width factor of speedrun (default 1)")
    return parser.parse_args()


def main(description):
    options = arguments(description)
    if options.rounds is None:
        options.rounds = 3 if options.case == "speedrun" else 20
    bench = Bench(options)
    cases = [name for name in CASES if name not in HOURS] if options.case == "all" else [options.case]
    for case in cases:
        CASES[case](bench)
    bench.rows.end()
