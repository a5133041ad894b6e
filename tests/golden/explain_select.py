"""Join what explain_torch.py and explain_keras.py wrote into explain.safetensors, for four of their eight images.

usage: python explain_select.py OUT_DIR        (packages: numpy safetensors; reads OUT_DIR/{net,torch,keras}.safetensors)
The images: an ordinary one; one where the variants of Grad-CAM++ differ most; one with an empty Grad-CAM; a misclassified
one that is also the worst conditioned (|2 + g sum A| down to 0.004).
"""
import sys
import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

OUT, IMAGES = sys.argv[1], [0, 3, 5, 7]
UNUSED = ("outputs.conv3", "captum.GuidedGradCam", "inputs.test_index", "tf_keras_vis.Gradcam_7x7", "tf_keras_vis.Layercam_7x7")
joined, metadata = dict(load_file(OUT + "/net.safetensors")), {}
for part in ("torch", "keras"):
    path = f"{OUT}/{part}.safetensors"
    values = {k: v[IMAGES] for k, v in load_file(path).items() if not k.startswith(UNUSED)}
    joined.update({k: np.ascontiguousarray(v) for k, v in values.items()})
    metadata.update(safe_open(path, "np").metadata() or {})
metadata["source"] = "our own runs of torch, captum, pytorch-grad-cam 1.5 and tf-keras-vis on a network trained on Fashion-MNIST"
save_file(joined, "explain.safetensors", metadata)
