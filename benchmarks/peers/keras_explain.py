"""Grad-CAM++ by tf-keras-vis, for keras_peer.py: the way its guide shows, in the fastest batches."""
import warnings

warnings.filterwarnings("ignore")
import numpy
from keras import layers
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.utils.scores import CategoricalScore

import protocol

BATCHES = 50, 200, 1000


class Explain:
    def __init__(self, net):
        self.cam = GradcamPlusPlus(net, clone=True)
        maps = [i for i, layer in enumerate(net.layers) if isinstance(layer, layers.ReLU) and layer.output.ndim == 4]
        self.last_map = maps[-1]
        self.batch = BATCHES[0]

    def choose_batch(self, images, labels):
        spent = {}
        for self.batch in BATCHES:
            spent[self.batch] = min(protocol.seconds_of(lambda _: self(images, labels), 2))
        self.batch = min(spent, key=spent.get)

    def __call__(self, images, labels):
        starts = range(0, len(images), self.batch)
        return numpy.concatenate([self.cam(CategoricalScore(labels[i:i + self.batch]), images[i:i + self.batch],
                                           penultimate_layer=self.last_map, seek_penultimate_conv_layer=False)
                                  for i in starts])
