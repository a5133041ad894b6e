"""The case accuracy: both sides train the same recipe on CIFAR-10, seed by seed, and may be stopped and resumed."""
import json
import os
import statistics
import sys

from .training import architecture_of, begin, end, pair


# Without the warm-up, and from twice that rate on, some seeds never learn on either side.
RECIPE = {"rate": 0.02, "weight_decay": 5e-4, "warmup": 1}


def read_log(path, settings):
    """Rows of seeds that are done already with the same settings."""
    if not path or not os.path.exists(path):
        return []
    with open(path) as file:
        rows = [json.loads(line) for line in file if line.strip()]
    return [row for row in rows if row["settings"] == settings]


def run_seed(bench, sides, architecture, seed):
    """Trains on both sides, an epoch each in turns, so that a slow phase of the machine meets both."""
    options = bench.options
    for side in sides:
        side("new", architecture=architecture, rate=RECIPE["rate"], seed=seed, weight_decay=RECIPE["weight_decay"])
        side("data", directory=options.data, epochs=options.epochs, images=options.images, warmup=RECIPE["warmup"])
    totals = [{"seconds": 0.0, "processor": 0.0} for _ in sides]
    for epoch in range(options.epochs):
        for side, total in zip(sides, totals):
            spent = side("epoch")
            for kind in total:
                total[kind] += spent[kind]
            print(f"# seed {seed}, epoch {epoch + 1}: {side.name} {spent['seconds']:.1f} s, loss {spent['loss']:.3f}",
                  file=sys.stderr, flush=True)
    return [total | {"accuracy": 100 * side("evaluate")["accuracy"], "loading": side("loading")["seconds"]}
            for side, total in zip(sides, totals)]


def accuracy(bench):
    """Test accuracy and time of the same recipe, seed by seed, noyau and its peer in turns."""
    options = bench.options
    threads = max(options.threads)
    settings = {"epochs": options.epochs, "images": options.images, "threads": threads, "peer": options.peer, **RECIPE}
    done = [row for row in read_log(options.log, settings) if row["seed"] <= options.seeds]
    noyau, peer = pair(bench, threads)
    begin(noyau, peer, "reference")
    architecture = architecture_of(noyau, "reference", True)
    for seed in range(1, options.seeds + 1):
        if any(row["seed"] == seed for row in done):
            continue
        ours, theirs = run_seed(bench, (noyau, peer), architecture, seed)
        row = {"settings": settings, "seed": seed, "noyau": ours, "other": theirs}
        done.append(row)
        print(f"# seed {seed}: {describe(noyau.name, ours)}; {describe(peer.name, theirs)}", file=sys.stderr, flush=True)
        if options.log:
            with open(options.log, "a") as file:
                file.write(json.dumps(row) + "\n")
    end(noyau, peer)
    add_rows(bench, threads, sorted(done, key=lambda row: row["seed"]), peer.name)


def describe(name, result):
    return (f"{name} {result['accuracy']:.2f} % in {result['seconds']:.1f} s "
            f"({result['processor']:.1f} s of processor time)")


def add_rows(bench, threads, done, peer_name):
    epochs = bench.options.epochs

    def of(kind):
        return [[row[side][kind] for row in done] for side in ("noyau", "other")]

    what = f"{epochs} epochs of CIFAR-10, {len(done)} seeds"
    scores = of("accuracy")
    ours, theirs = map(statistics.mean, scores)
    bench.rows.add("accuracy", threads, f"test accuracy, {what}", ours, theirs, peer_name, "%", ours / theirs,
                   noyau_seeds=scores[0], peer_seeds=scores[1])
    for kind, title in (("seconds", "training time of a seed"), ("processor", "processor time of a seed")):
        ours, theirs = map(statistics.mean, of(kind))
        bench.rows.add("accuracy", threads, f"{title}, {what}", ours, theirs, peer_name, "s", theirs / ours)
    shares = [100 * epochs * statistics.mean(load) / statistics.mean(whole) for load, whole in zip(of("loading"), of("seconds"))]
    bench.rows.add("accuracy", threads, "loading and augmenting alone, share of an epoch", *shares, peer_name, "%",
                   shares[1] / shares[0])
