"""Keras' side of compare.py (see protocol.py): a network without branches, trained by TensorFlow in graph mode."""
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import numpy
import tensorflow as tf
from keras import layers

import protocol


def activation_of(options):
    return layers.Activation(options["activation"])


MAKERS = {
    "conv2d": lambda o: layers.Conv2D(o["out"], o["window"], o.get("stride", 1), o.get("padding", "same"),
                                      use_bias=o.get("bias", True)),
    "dense": lambda o: layers.Dense(o["out"], use_bias=o.get("bias", True)),
    "batch_norm": lambda o: layers.BatchNormalization(epsilon=o.get("epsilon", 1e-3), momentum=o.get("momentum", 0.99)),
    "relu": lambda o: layers.ReLU(),
    "activate": activation_of,
    "max_pool": lambda o: layers.MaxPooling2D(o["window"]),
    "dropout": lambda o: layers.Dropout(o["rate"]),
    "flatten": lambda o: layers.Flatten(),
    "global_average_pool": lambda o: layers.GlobalAveragePooling2D(),
}


class Peer:
    def settings(self, threads):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        return {"name": "Keras", "settings": f"Keras {keras.__version__}, TensorFlow {tf.__version__}, {threads} threads, "
                                             "graph mode (tf.function), channels_last"}

    def new(self, architecture, rate, batch=64, shape=(32, 32, 3), seed=0, weight_decay=0.0):
        keras.utils.set_random_seed(seed)
        self.net = keras.Sequential([keras.Input(tuple(shape))] + [MAKERS[layer["layer"]](layer) for layer in architecture])
        self.sgd = keras.optimizers.SGD(rate, momentum=0.9)
        self.sgd.build(self.net.trainable_variables)
        self.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.batches = [(tf.random.normal((batch, *shape)), tf.random.uniform((batch,), 0, 10, tf.int32)) for _ in range(5)]
        self.step = tf.function(self.one_step)
        return {}

    def one_step(self, images, labels):
        with tf.GradientTape() as tape:
            loss = self.loss(labels, self.net(images, training=True))
        self.sgd.apply(tape.gradient(loss, self.net.trainable_variables), self.net.trainable_variables)
        return loss

    def save(self, file):
        tensors = {f"weight{i:03}": weight for i, weight in enumerate(self.net.get_weights())}
        for i, (images, labels) in enumerate(self.batches):
            tensors |= {f"images{i}": images.numpy(), f"labels{i}": labels.numpy()}
        kinds = {numpy.dtype("float32"): "F32", numpy.dtype("int32"): "I32"}
        protocol.write_safetensors(file, {name: (kinds[t.dtype], t.shape, t.tobytes()) for name, t in tensors.items()})
        return {}

    def losses(self, count=5):
        return {"losses": [float(self.step(*batch)) for batch in self.batches[:count]]}

    def time(self, steps):
        return {"seconds": protocol.seconds_of(lambda i: self.step(*self.batches[i % 5]).numpy(), steps)}

    # --- explanations

    def load(self, file):
        """Weights and the first batch from a file of another side."""
        kinds = {"F32": numpy.float32, "I32": numpy.int32}
        tensors = {name: numpy.frombuffer(blob, kinds[kind]).reshape(shape)
                   for name, (kind, shape, blob) in protocol.read_safetensors(file).items()}
        self.net.set_weights([tensors[name] for name in sorted(tensors) if name.startswith("weight")])
        self.images, self.labels = tensors["images0"], tensors["labels0"].tolist()
        return {}

    def prepare_maps(self, method):
        import keras_explain  # needs packages that the other cases do without
        self.explain = keras_explain.Explain(self.net)
        self.explain.choose_batch(self.images, self.labels)
        return {"name": "tf-keras-vis"}

    def maps(self, method, count):
        return {"maps": self.explain(self.images[:count], self.labels[:count]).flatten().tolist()}

    def time_maps(self, method):
        return {"seconds": protocol.seconds_of(lambda _: self.explain(self.images, self.labels), 1)}


if __name__ == "__main__":
    protocol.serve(Peer())
