"""The case inference: the outputs of a network, against PyTorch and onnxruntime."""
import sys
import tempfile

from .training import alternate, architecture_of, end

NETS = {"reference network": "reference", "ResNet-20": "resnet20"}
TOLERANCE = 1e-3  # of the largest output
RUNS = 5  # in a round


def inference(bench):
    """Outputs of the reference network and ResNet-20, batch 64 and batch 1."""
    threads = max(bench.options.threads)
    noyau, torch = bench.programs.noyau(threads), bench.programs.peer("torch", threads)
    onnx = bench.programs.peer("onnxruntime", threads)
    for title, model in NETS.items():
        for batch in (64, 1):
            prepare(noyau, torch, onnx, model, batch)
            runs = RUNS * (1 if batch > 1 else 20)
            alternate((noyau, torch, onnx), 1, "predict", runs=runs)
            ours, *theirs = alternate((noyau, torch, onnx), bench.options.rounds, "predict", runs=runs)
            for seconds, peer in zip(theirs, (torch, onnx)):
                bench.rows.add_times("inference", threads, f"inference of the {title}, batch {batch}", ours, seconds, peer.name)
    end(noyau, torch, onnx)


def prepare(noyau, torch, onnx, model, batch):
    """The same weights and moving averages on all three; refused when the outputs differ."""
    architecture = architecture_of(noyau, model, False)
    for side in (noyau, torch):
        side("new", architecture=architecture, rate=0.001, batch=batch)
    torch("stir")
    with tempfile.TemporaryDirectory() as folder:
        torch("save", file=f"{folder}/start.safetensors")
        torch("export", file=f"{folder}/net.onnx")
        noyau("load", file=f"{folder}/start.safetensors")
        onnx("load", model=f"{folder}/net.onnx", file=f"{folder}/start.safetensors")
    ours = noyau("outputs")["outputs"]
    for peer in (torch, onnx):
        theirs = peer("outputs")["outputs"]
        worst = max(abs(a - b) for a, b in zip(ours, theirs)) / max(map(abs, theirs))
        print(f"# outputs of {model}: largest difference from {peer.name} {worst:.1e} of the largest output", file=sys.stderr)
        if not worst <= TOLERANCE:
            sys.exit(f"compare.py: refused, {peer.name} and noyau do not compute the same outputs")
