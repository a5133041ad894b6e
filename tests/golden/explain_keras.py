"""Rebuild the network of explain_torch.py in Keras and record what tf-keras-vis computes on it.

usage: python explain_keras.py OUT_DIR        (packages: tensorflow-cpu tf-keras-vis safetensors; reads OUT_DIR/*.safetensors)
"""
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np, tensorflow as tf, keras
from keras import layers as L
from safetensors.numpy import load_file, save_file
import tf_keras_vis
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.layercam import Layercam
from tf_keras_vis.scorecam import Scorecam
from tf_keras_vis.saliency import Saliency
from tf_keras_vis.utils.scores import CategoricalScore

OUT = sys.argv[1]
w, t = load_file(OUT + "/net.safetensors"), load_file(OUT + "/torch.safetensors")
x, target = t["inputs.images"], t["inputs.target"].tolist()
m = keras.Sequential([keras.Input((28, 28, 1)),
    L.Conv2D(8, 3, padding="same", use_bias=False, name="conv1"), L.BatchNormalization(name="bn1"), L.ReLU(), L.MaxPool2D(),
    L.Conv2D(16, 3, padding="same", use_bias=False, name="conv2"), L.BatchNormalization(name="bn2"), L.ReLU(), L.MaxPool2D(),
    L.Conv2D(24, 3, padding="same", activation="relu", name="conv3"), L.Flatten(),
    L.Dense(32, activation="relu", name="fc1"), L.Dense(10, name="fc2")])
order = {"conv1": ["kernel"], "conv2": ["kernel"], "conv3": ["kernel", "bias"], "fc1": ["kernel", "bias"], "fc2": ["kernel", "bias"],
         "bn1": ["gamma", "beta", "moving_mean", "moving_variance"], "bn2": ["gamma", "beta", "moving_mean", "moving_variance"]}
for name, ks in order.items(): m.get_layer(name).set_weights([w[f"{name}.{k}"] for k in ks])
print("largest logit difference from torch", np.abs(m.predict(x, verbose=0) - t["outputs.logits"]).max())

score = CategoricalScore(target); g = {}
def put(name, a): g["tf_keras_vis." + name] = np.ascontiguousarray(np.asarray(a), np.float32); print(name, g["tf_keras_vis." + name].shape, float(np.abs(a).max()))
def attempt(name, f):
    try: put(name, f())
    except Exception as e: print(name, "failed:", type(e).__name__, str(e)[:300])

for variant, kw in {"": {}, "_raw": dict(expand_cam=False, normalize_cam=False), "_7x7": dict(expand_cam=False)}.items():
    attempt("GradcamPlusPlus" + variant, lambda: GradcamPlusPlus(m, clone=True)(score, x, penultimate_layer=-1, **kw))
    attempt("Gradcam" + variant, lambda: Gradcam(m, clone=True)(score, x, penultimate_layer=-1, **kw))
    attempt("Layercam" + variant, lambda: Layercam(m, clone=True)(score, x, penultimate_layer=-1, **kw))
    attempt("Scorecam" + variant, lambda: Scorecam(m, clone=True)(score, x, penultimate_layer=-1, **kw))
attempt("GradcamPlusPlus_conv2_raw", lambda: GradcamPlusPlus(m, clone=True)(score, x, penultimate_layer="conv2", expand_cam=False, normalize_cam=False))
attempt("GradcamPlusPlus_softmax_raw", lambda: GradcamPlusPlus(keras.Sequential([m, L.Softmax()]), clone=True)(score, x, penultimate_layer=-1, expand_cam=False, normalize_cam=False))
attempt("Saliency", lambda: Saliency(m, clone=True)(score, x))
attempt("Saliency_signed_raw", lambda: Saliency(m, clone=True)(score, x, keepdims=True, gradient_modifier=None, normalize_map=False)[..., 0])
save_file(g, OUT + "/keras.safetensors", {"tf_keras_vis": tf_keras_vis.__version__, "tensorflow": tf.__version__, "keras": keras.__version__, "cam_layer": "output of conv3 (its relu included)"})
