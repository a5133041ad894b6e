"""Cases of one convolution: conv-direct and conv-best."""
import sys
import tempfile

from .training import alternate, end

# size of the image, input and output channels; performance is compared at batch 64
SHAPES = [(32, 3, 32), (32, 32, 32), (16, 32, 64), (16, 64, 64), (8, 64, 128), (8, 128, 128)]
PASSES = ("forward", "dinput", "dkernel")
TOLERANCE = 1e-4  # of the largest element; Winograd's own bound is 5e-6 against f64
RUNS = 10  # in a round


def convolutions(bench, case, **variables):
    for threads in bench.options.threads:
        noyau, peer = bench.programs.noyau(threads, **variables), bench.programs.peer("torch", threads)
        for size, ic, oc in SHAPES:
            for which in PASSES:
                shape = f"3x3, {size}x{size}, {ic}->{oc}"
                start(noyau, peer, size, ic, oc, which, shape)
                alternate((noyau, peer), 1, "time_convolution", runs=RUNS)
                ours, theirs = alternate((noyau, peer), bench.options.rounds, "time_convolution", runs=RUNS)
                gigaflop = 2e-9 * 64 * size * size * 9 * ic * oc
                bench.rows.add(case, threads, f"{which} {shape}", gigaflop / min(ours), gigaflop / min(theirs), peer.name,
                               "GFLOP/s", min(theirs) / min(ours))
        end(noyau, peer)


def start(noyau, peer, size, ic, oc, which, shape):
    """The same operands on both sides; refused when the results differ."""
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/operands.safetensors"
        peer("convolution", size=size, ic=ic, oc=oc, which=which)
        peer("save_convolution", file=file)
        error = noyau("load_convolution", file=file, which=which)["error"]
    if not error <= TOLERANCE:
        sys.exit(f"compare.py: refused, {which} {shape} differs by {error:.1e} of its largest element")


def conv_direct(bench):
    """Convolutions by the sum itself, as oneDNN computes them."""
    convolutions(bench, "conv-direct", NOYAU_CONV="exact")


def conv_best(bench):
    """Convolutions by the algorithm that noyau chooses."""
    convolutions(bench, "conv-best")
