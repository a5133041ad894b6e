"""The processes that are compared, and the programs they run."""
import json
import os
import pathlib
import subprocess
import sys

BENCHMARKS = pathlib.Path(__file__).resolve().parents[1]
ROOT = BENCHMARKS.parent
NEEDS_PEER = """compare.py: {module} is needed for the other side; make an environment for it:
  python3 -m venv .venv && .venv/bin/pip install {packages}
or name a python that has it with --python or $NOYAU_PEER_PYTHON"""
NEEDS_NOYAU = """compare.py: no noyau-bench-peer under build/; build it:
  cmake --preset cpu && cmake --build --preset cpu --target noyau-bench-peer"""
PACKAGES = {"torch": "torch", "keras": "keras tensorflow-cpu", "onnxruntime": "onnxruntime onnx numpy torch"}

# What makes the libraries under the peers stop at an instruction set, as $NOYAU_ISA does here.
ISA_VARIABLES = {"avx2": {"NOYAU_ISA": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
                 "avx512": {"NOYAU_ISA": "avx512"}}


class Side:
    """A process that answers each JSON line with one: side("time", steps=5)["seconds"]."""

    def __init__(self, command, threads, variables):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=os.environ | variables)
        answer = self("settings", threads=threads)
        self.name = answer["name"]
        print(f"# {answer['settings']}" + "".join(f", {name}={value}" for name, value in variables.items()),
              file=sys.stderr)

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


class Programs:
    """Starts sides."""

    def __init__(self, options):
        self.options = options
        self.pythons = {}
        self.variables = ISA_VARIABLES.get(options.isa, {})

    def noyau(self, threads, **variables):
        return Side([self.noyau_program()], threads, self.variables | variables)

    def peer(self, module, threads):
        """The side that is written in Python with `module`: torch, keras or onnxruntime."""
        script = {"torch": "torch_peer.py", "keras": "keras_peer.py", "onnxruntime": "onnx_peer.py"}[module]
        return Side([self.python(module), BENCHMARKS / "peers" / script], threads, self.variables)

    def noyau_program(self):
        if self.options.program:
            return self.options.program
        found = sorted(ROOT.glob("build/**/noyau-bench-peer"), key=os.path.getmtime)
        return found[-1] if found else sys.exit(NEEDS_NOYAU)

    def python(self, module):
        if module not in self.pythons:
            self.pythons[module] = self.find_python(module)
        return self.pythons[module]

    def find_python(self, module):
        candidates = (self.options.python, os.environ.get("NOYAU_PEER_PYTHON"), ROOT / ".venv" / "bin" / "python", sys.executable)
        for python in filter(None, candidates):
            find = f"import importlib.util, sys; sys.exit(importlib.util.find_spec('{module}') is None)"
            try:
                if subprocess.run([python, "-c", find], capture_output=True).returncode == 0:
                    return python
            except FileNotFoundError:
                pass
        sys.exit(NEEDS_PEER.format(module=module, packages=PACKAGES[module]))
