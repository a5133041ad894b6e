"""The cases cam, ig and occlusion: explanations of the reference network, against the libraries that people use."""
import sys
import tempfile

from .training import alternate, architecture_of, end

TOLERANCE = 2e-3  # of the largest value of the maps; near poles Grad-CAM++ multiplies rounding
COMPARED = 32  # images


def cam(bench):
    """Grad-CAM++ of 1000 images by each peer's definition; the faster peer is the one to beat."""
    peers = {"keras": "tf_keras_vis", "torch": "pytorch_grad_cam"}
    best = []
    for module, variant in peers.items():
        best.append(race(bench, module, "cam", f"Grad-CAM++ of 1000 images as {variant}", 1000, [variant], variant))
    ours, theirs, name = min(best, key=lambda row: row[1])
    threads = max(bench.options.threads)
    bench.rows.add("cam", threads, "Grad-CAM++ of 1000 images, the faster peer", 1e3 * ours, 1e3 * theirs, name, "ms", theirs / ours)


def integrated(bench):
    """Integrated gradients of 100 images in 50 steps."""
    race(bench, "torch", "ig", "integrated gradients, 50 steps, 100 images", 100, ["integrated_gradients"], "integrated_gradients")


def occlusion(bench):
    """Windows of 4 x 4 every 2 pixels hidden in 100 images, running the whole network for each, or what a window reaches."""
    race(bench, "torch", "occlusion", "occlusion 4x4 stride 2, 100 images", 100, ["occlusion", "occlusion_incremental"], "occlusion")


def race(bench, module, case, what, images, methods, peer_method):
    """A row for each of noyau's methods; returns the last row's best seconds and the peer's name."""
    threads, rounds = max(bench.options.threads), min(bench.options.rounds, 5)
    noyau, peer = bench.programs.noyau(threads), bench.programs.peer(module, threads)
    torch = peer if module == "torch" else bench.programs.peer("torch", threads)
    start(noyau, torch, peer, images)
    name = peer("prepare_maps", method=peer_method)["name"]
    for method in methods:
        refuse_unless_equal(noyau, peer, method, peer_method, name)
    for method in methods:
        noyau("time_maps", method=method)
        ours, theirs = [], []
        for _ in range(rounds):
            ours += noyau("time_maps", method=method)["seconds"]
            theirs += peer("time_maps", method=peer_method)["seconds"]
        bench.rows.add_times(case, threads, what + (", incremental" if method.endswith("incremental") else ""), ours, theirs, name)
    end(*{noyau, peer, torch})
    return min(ours), min(theirs), name


def start(noyau, torch, peer, images):
    """The same weights, moving averages, images and classes on all sides."""
    architecture = architecture_of(noyau, "reference", False)
    for side in {noyau, torch, peer}:
        side("new", architecture=architecture, rate=0.001, batch=images)
    torch("stir")
    with tempfile.TemporaryDirectory() as folder:
        torch("save", file=f"{folder}/start.safetensors")
        noyau("load", file=f"{folder}/start.safetensors")
        if peer is not torch:
            peer("load", file=f"{folder}/start.safetensors")


def refuse_unless_equal(noyau, peer, method, peer_method, name):
    ours = noyau("maps", method=method, count=COMPARED)["maps"]
    theirs = peer("maps", method=peer_method, count=COMPARED)["maps"]
    worst = max(abs(a - b) for a, b in zip(ours, theirs, strict=True)) / max(map(abs, theirs))
    print(f"# maps of {method}: largest difference from {name} {worst:.1e} of the largest value", file=sys.stderr)
    if not worst <= TOLERANCE:
        sys.exit(f"compare.py: refused, {name} and noyau do not compute the same maps")
