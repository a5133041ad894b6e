"""onnxruntime's side of compare.py (see protocol.py): inference of a network that PyTorch exported."""
import numpy
import onnxruntime

import protocol


class Peer:
    def settings(self, threads):
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = threads
        self.options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        return {"name": "onnxruntime", "settings": f"onnxruntime {onnxruntime.__version__}, {threads} threads, "
                                                   "CPU provider, all graph optimisations"}

    def load(self, model, file):
        """The .onnx file and the images of a save()."""
        self.session = onnxruntime.InferenceSession(model, self.options, providers=["CPUExecutionProvider"])
        self.images = []
        for name, (_, shape, blob) in protocol.read_safetensors(file).items():
            if name.startswith("images"):
                images = numpy.frombuffer(blob, numpy.float32).reshape(shape)
                self.images.append(numpy.ascontiguousarray(images.transpose(0, 3, 1, 2)))
        return {}

    def run(self, number):
        return self.session.run(None, {"x": self.images[number % 5]})[0]

    def outputs(self):
        return {"outputs": self.run(0).flatten().tolist()}

    def predict(self, runs):
        return {"seconds": protocol.seconds_of(self.run, runs)}


if __name__ == "__main__":
    protocol.serve(Peer())
