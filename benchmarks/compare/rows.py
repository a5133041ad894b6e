"""Rows of results, printed as they come."""
import json
import statistics


class Rows:
    def __init__(self, style):
        self.style = style  # "lines", "json" or "markdown"
        self.all = []

    def add(self, case, threads, what, noyau, peer, peer_name, unit, ratio, **extra):
        self.all.append({"case": case, "threads": threads, "what": what, "noyau": noyau, "peer": peer,
                         "peer_name": peer_name, "unit": unit, "ratio": ratio, **extra})
        if self.style == "lines":
            print(f"{what}, {threads} threads: noyau {noyau:.4g} {unit}, {peer_name} {peer:.4g} {unit}, ratio {ratio:.3f}",
                  flush=True)

    def add_times(self, case, threads, what, ours, theirs, peer_name, **extra):
        """Best and median of the seconds of both."""
        for name, pick in (("best", min), ("median", statistics.median)):
            noyau, peer = 1e3 * pick(ours), 1e3 * pick(theirs)
            self.add(case, threads, f"{what}, {name}", noyau, peer, peer_name, "ms", peer / noyau, **extra)

    def end(self):
        if self.style == "json":
            print(json.dumps(self.all, indent=1))
        if self.style == "markdown":
            print(markdown(self.all))


def markdown(rows):
    text = "| what | threads | noyau | peer | ratio |\n|---|---|---|---|---|\n"
    for row in rows:
        text += (f"| {row['what']} | {row['threads']} | {row['noyau']:.4g} {row['unit']} | "
                 f"{row['peer_name']} {row['peer']:.4g} {row['unit']} | {row['ratio']:.2f} |\n")
    return text
