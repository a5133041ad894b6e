"""Explanations by captum and pytorch-grad-cam, for torch_peer.py: the way their guides show, in the fastest batches."""
import warnings

warnings.filterwarnings("ignore")
import numpy
import torch
from captum.attr import IntegratedGradients, Occlusion
from pytorch_grad_cam import GradCAMPlusPlus
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

import protocol

NAMES = {"pytorch_grad_cam": "pytorch-grad-cam", "integrated_gradients": "captum", "occlusion": "captum"}
# Images, or evaluations of the network, at a time; the quickest is taken.
BATCHES = {"pytorch_grad_cam": (50, 200, 1000), "integrated_gradients": (100, 200, 500), "occlusion": (1, 2, 5)}


class Explain:
    def __init__(self, net, method):
        self.net, self.method = net.eval(), method
        self.batch = BATCHES[method][0]
        activations = [layer for layer in net if isinstance(layer, torch.nn.ReLU)]
        self.last_map = next(activation for activation in reversed(activations[:-1]))
        # Only pytorch-grad-cam goes backwards to parameters.
        net.requires_grad_(method == "pytorch_grad_cam")

    def choose_batch(self, images, labels):
        spent = {}
        for self.batch in BATCHES[self.method]:
            some = slice(0, max(100, min(self.batch, len(images))))
            seconds = min(protocol.seconds_of(lambda _: self(images[some], labels[some]), 2))
            spent[self.batch] = seconds / len(images[some])
        self.batch = min(spent, key=spent.get)
        return spent

    def __call__(self, images, labels):
        return getattr(self, self.method)(images, labels)

    def pytorch_grad_cam(self, images, labels):
        with GradCAMPlusPlus(model=self.net, target_layers=[self.last_map]) as cam:
            maps = [cam(input_tensor=some, targets=[ClassifierOutputTarget(label) for label in classes.tolist()])
                    for some, classes in zip(images.split(self.batch), labels.split(self.batch))]
        return numpy.concatenate(maps)

    def integrated_gradients(self, images, labels):
        path = IntegratedGradients(self.net)
        return path.attribute(images, target=labels, n_steps=50, internal_batch_size=self.batch).sum(1).numpy()

    def occlusion(self, images, labels):
        with torch.inference_mode():
            values = Occlusion(self.net).attribute(images, sliding_window_shapes=(3, 4, 4), strides=(3, 2, 2), target=labels,
                                                   perturbations_per_eval=self.batch)
        return values.mean(1).numpy()
