#!/usr/bin/env python3
"""Runs noyau and another library alternately, each in a process of its own, and prints one line a row: what, noyau,
peer, ratio. A ratio above 1 means that noyau is better. Before training is timed both start from the same weights, and
five losses must agree to 1e-4; a row whose sides compute different things is refused.

  step         a training step of the reference network, batch 64; --peer keras, --isa avx2
  nets         a training step of ResNet-20, a depthwise-separable network and an MLP
  inference    outputs of the reference network and ResNet-20, against PyTorch and onnxruntime
  conv-direct  3x3 convolutions and their gradients, each sum computed as such
  conv-best    the same by the algorithm that noyau chooses
  scaling      noyau against itself: 2 threads, doubled batch, doubled width
  memory       growth of resident memory
  cam          Grad-CAM++ of 1000 images, against tf-keras-vis and pytorch-grad-cam
  ig           integrated gradients, 50 steps, 100 images, against captum
  occlusion    windows of 4x4 every 2 pixels, 100 images, against captum; the whole network, and incrementally
  speedrun     epochs of `noyau-train --recipe speedrun` and of its twin (minutes)
  accuracy     the same recipe on CIFAR-10 by both sides, several seeds (hours)
  all          every case but the last two; with --markdown, the tables of docs/performance.md
"""
from compare.main import main

if __name__ == "__main__":
    main(__doc__)
