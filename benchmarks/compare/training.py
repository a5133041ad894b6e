"""Cases that train networks on random batches: step, nets, scaling, memory, speedrun."""
import copy
import sys
import tempfile

from .rows import Rows
from .sides import Programs

TOLERANCE = 1e-4
STEPS = 5  # in a round

NETS = {"ResNet-20": "resnet20", "depthwise-separable": "separable", "MLP": "mlp"}


class Bench:
    """What every case needs."""

    def __init__(self, options):
        self.options = options
        self.programs = Programs(options)
        self.rows = Rows("json" if options.json else "markdown" if options.markdown else "lines")


def symmetric(architecture):
    """Windows with a stride padded as PyTorch pads them: its twin then needs no padding of its own."""
    for layer in architecture:
        if layer.get("stride", 1) != 1 and layer.get("window", 1) != 1 and "pool" not in layer["layer"]:
            layer["padding"] = layer["window"] // 2
        for part in ("body", "shortcut", "layers"):
            symmetric(layer.get(part, []))
    return architecture


def architecture_of(noyau, model, dropout, width=1.0):
    answer = noyau("architecture", model=model, dropout=dropout, width=width)
    return symmetric(copy.deepcopy(answer["architecture"]))


def give_weights(noyau, peer):
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/start.safetensors"
        peer("save", file=file)
        noyau("load", file=file)


def refuse_unless_equal(noyau, peer, count=5):
    """Losses of steps from the same weights on the same batches."""
    ours, theirs = noyau("losses", count=count)["losses"], peer("losses", count=count)["losses"]
    worst = max(abs(a - b) for a, b in zip(ours, theirs))
    print(f"# losses: noyau {ours}, {peer.name} {theirs}, largest difference {worst:.1e}", file=sys.stderr)
    if not worst <= TOLERANCE:
        sys.exit(f"compare.py: refused, the two sides do not compute the same: losses differ by more than {TOLERANCE}")


def begin(noyau, peer, model, batch=64, width=1.0):
    """Checks that both compute the same with dropout off, then makes the network as it is trained on both."""
    for dropout in (False, True):
        architecture = architecture_of(noyau, model, dropout, width)
        for side in (noyau, peer):
            side("new", architecture=architecture, rate=0.001, batch=batch)
        if not dropout:
            give_weights(noyau, peer)
            refuse_unless_equal(noyau, peer)
    for side in (noyau, peer):
        side("time", steps=STEPS)


def alternate(sides, rounds, do, **arguments):
    """Seconds of each side, working in turns so that a slow phase of the machine meets all."""
    seconds = [[] for _ in sides]
    for _ in range(rounds):
        for mine, side in zip(seconds, sides):
            mine += side(do, **arguments)["seconds"]
    return seconds


def pair(bench, threads):
    return bench.programs.noyau(threads), bench.programs.peer(bench.options.peer, threads)


def end(*sides):
    for side in sides:
        side.end()


def isa_note(bench):
    return f", {bench.options.isa}" if bench.options.isa else ""


def step(bench):
    """A training step of the reference network, batch 64."""
    for threads in bench.options.threads:
        noyau, peer = pair(bench, threads)
        begin(noyau, peer, "reference")
        ours, theirs = alternate((noyau, peer), bench.options.rounds, "time", steps=STEPS)
        bench.rows.add_times("step", threads, "training step" + isa_note(bench), ours, theirs, peer.name)
        end(noyau, peer)


def nets(bench):
    """A training step of other networks, batch 64."""
    threads = max(bench.options.threads)
    noyau, peer = pair(bench, threads)
    for title, model in NETS.items():
        begin(noyau, peer, model)
        ours, theirs = alternate((noyau, peer), bench.options.rounds, "time", steps=STEPS)
        bench.rows.add_times("nets", threads, f"training step of {title}", ours, theirs, peer.name)
    end(noyau, peer)


def memory(bench):
    """Growth of resident memory from before the first step."""
    threads = max(bench.options.threads)
    growth = []
    for side in pair(bench, threads):
        if side.name == "noyau":
            architecture = architecture_of(side, "reference", True)
        side("new", architecture=architecture, rate=0.001)
        growth.append(side("memory", steps=20)["growth"] / 2**20)
        name = side.name
        side.end()
    bench.rows.add("memory", threads, "growth of resident memory in 20 steps", *growth, name, "MiB", growth[1] / growth[0])


def scaling(bench):
    """noyau against itself: more threads, a larger batch, a wider network. The ratio is to ideal scaling's time, or the
    speed-up for threads."""
    one, two = bench.programs.noyau(1), bench.programs.noyau(2)
    architecture = architecture_of(one, "reference", True)
    for side in (one, two):
        side("new", architecture=architecture, rate=0.001)
        side("time", steps=STEPS)
    single, double = (1e3 * min(seconds) for seconds in alternate((two, one), bench.options.rounds, "time", steps=STEPS))
    bench.rows.add("scaling", 2, "training step, 2 threads against 1", single, double, "noyau, 1 thread", "ms", double / single)
    end(one)
    doubled(bench, two, "batch", [{"batch": batch} for batch in (64, 128, 256, 512)], work=2)
    doubled(bench, two, "width", [{"width": width} for width in (0.5, 1.0, 2.0)], work=4)
    end(two)


def doubled(bench, noyau, what, sizes, work):
    """A row for each doubling; at most `work` times the work, so the ratio should not be below 1."""
    before = None
    for size in sizes:
        noyau("new", architecture=architecture_of(noyau, "reference", True, size.get("width", 1.0)), rate=0.001,
              batch=size.get("batch", 64))
        noyau("time", steps=2)
        spent = 1e3 * min(noyau("time", steps=max(3, bench.options.rounds))["seconds"])
        if before is not None:
            bench.rows.add("scaling", 2, f"training step, {what} {size[what]:g}", spent, work * before,
                           f"{work} times the step of {what} {size[what] / 2:g}", "ms", work * before / spent)
        before = spent


def start_speedrun(options, noyau, peer, width, **arguments):
    noyau("speedrun", directory=options.data, width=width, **arguments)
    peer("speedrun", directory=options.data, widths=[round(base * width) for base in (64, 256, 256)], **arguments)
    give_weights(noyau, peer)


def speedrun(bench):
    """Rounds of an epoch of the speed run (25 steps of 2000 images), augmentation included."""
    options = bench.options
    threads = max(options.threads)
    noyau, peer = pair(bench, threads)
    # Its steps amplify rounding a hundredfold, so that five are compared in f64, where the whitening bias freezes after
    # the third, and one at full size.
    start_speedrun(options, noyau, peer, images=500, batch=100, width=0.25, steps=8, double=True)
    refuse_unless_equal(noyau, peer)
    start_speedrun(options, noyau, peer, images=options.images, batch=options.batch, width=options.width, steps=200)
    refuse_unless_equal(noyau, peer, count=1)
    ours, theirs = [], []
    for number in range(options.rounds):
        for seconds, side in ((ours, noyau), (theirs, peer)):
            answer = side("epoch")
            seconds.append(answer["seconds"])
            print(f"# round {number + 1}: {side.name} {answer['seconds']:.1f} s, loss {answer['loss']:.4f}", file=sys.stderr)
    what = f"{options.images // options.batch} steps of {options.batch} images of the speed run"
    for name, pick in (("best", min), ("all", sum)):
        bench.rows.add("speedrun", threads, f"{what}, {name}", pick(ours), pick(theirs), peer.name, "s",
                       pick(theirs) / pick(ours))
    end(noyau, peer)
