"""Train a small Fashion-MNIST network, export it, and record what PyTorch, captum and pytorch-grad-cam compute on it.

usage: python explain_torch.py OUT_DIR        (packages: torch captum grad-cam safetensors)
Layouts written: images [n, 28, 28, 1], kernels [kh, kw, in, out], dense kernels [in, out] with the flattened axis in
NHWC order, maps [n, 28, 28] or [n, h, w] at the resolution of the layer. Scores are logits.
"""
import gzip, sys
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F
from safetensors.numpy import save_file

OUT = sys.argv[1]
FM = "/usr/share/datasets/fashion-mnist/"
PICKS = [0, 1, 2, 3, 8, 12, 17, 23]  # test-set indices, right and wrong predictions among them


def idx(name):
    raw = gzip.open(FM + name).read()
    dims = [int.from_bytes(raw[4 + 4 * i: 8 + 4 * i], "big") for i in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * len(dims)).reshape(dims)


class Net(nn.Module):
    def __init__(s):
        super().__init__()
        s.conv1 = nn.Conv2d(1, 8, 3, padding=1, bias=False); s.bn1 = nn.BatchNorm2d(8, eps=1e-3)
        s.conv2 = nn.Conv2d(8, 16, 3, padding=1, bias=False); s.bn2 = nn.BatchNorm2d(16, eps=1e-3)
        s.conv3 = nn.Conv2d(16, 24, 3, padding=1)
        s.fc1 = nn.Linear(7 * 7 * 24, 32); s.fc2 = nn.Linear(32, 10)
        s.relu1, s.relu2, s.relu3, s.relu4 = nn.ReLU(), nn.ReLU(), nn.ReLU(), nn.ReLU()
        s.pool1, s.pool2 = nn.MaxPool2d(2), nn.MaxPool2d(2)

    def forward(s, x):
        x = s.pool1(s.relu1(s.bn1(s.conv1(x))))
        x = s.pool2(s.relu2(s.bn2(s.conv2(x))))
        x = s.relu3(s.conv3(x))
        return s.fc2(s.relu4(s.fc1(torch.flatten(x, 1))))


def main():
    torch.manual_seed(1); torch.set_num_threads(2)
    tx, ty = idx("train-images-idx3-ubyte.gz"), idx("train-labels-idx1-ubyte.gz")
    vx, vy = idx("t10k-images-idx3-ubyte.gz"), idx("t10k-labels-idx1-ubyte.gz")
    X = torch.tensor(tx).float().div(255)[:, None]; Y = torch.tensor(ty).long()
    V = torch.tensor(vx).float().div(255)[:, None]
    m = Net(); opt = torch.optim.Adam(m.parameters(), 2e-3)
    for epoch in range(3):
        m.train()
        for b in torch.randperm(60000).split(128):
            opt.zero_grad(); F.cross_entropy(m(X[b]), Y[b]).backward(); opt.step()
        m.eval()
        with torch.no_grad(): p = torch.cat([m(v) for v in V.split(1000)]).argmax(1).numpy()
        print("epoch", epoch, "test accuracy", (p == vy).mean())
    for q in m.parameters(): q.requires_grad_(True)
    x = V[PICKS].clone(); target = torch.tensor(p[PICKS]).long(); true = torch.tensor(vy[PICKS]).long()
    print("predicted", target.tolist(), "true", true.tolist())

    n = lambda t: np.ascontiguousarray(t.detach().numpy())
    sd = m.state_dict(); w = {}
    for k in ("conv1", "conv2", "conv3"): w[k + ".kernel"] = n(sd[k + ".weight"].permute(2, 3, 1, 0))
    w["conv3.bias"] = n(sd["conv3.bias"])
    for k in ("bn1", "bn2"):
        w[k + ".gamma"], w[k + ".beta"] = n(sd[k + ".weight"]), n(sd[k + ".bias"])
        w[k + ".moving_mean"], w[k + ".moving_variance"] = n(sd[k + ".running_mean"]), n(sd[k + ".running_var"])
    w["fc1.kernel"] = n(sd["fc1.weight"].reshape(32, 24, 7, 7).permute(2, 3, 1, 0).reshape(7 * 7 * 24, 32)); w["fc1.bias"] = n(sd["fc1.bias"])
    w["fc2.kernel"] = n(sd["fc2.weight"].T); w["fc2.bias"] = n(sd["fc2.bias"])
    save_file(w, OUT + "/net.safetensors", {"net": "conv1 bn1 relu pool2 conv2 bn2 relu pool2 conv3 relu flatten fc1 relu fc2",
                                            "batch_norm_epsilon": "0.001", "padding": "same", "test_accuracy": f"{(p == vy).mean():.4f}"})
    g = {"inputs.test_index": np.array(PICKS, np.int32), "inputs.target": n(target).astype(np.int32), "inputs.true": n(true).astype(np.int32),
         "inputs.images": n(x.permute(0, 2, 3, 1)), "outputs.logits": n(m(x))}

    # activation of conv3 (after relu) and gradient of the target logit with respect to it
    keep = {}
    h = m.relu3.register_forward_hook(lambda mod, i, o: keep.update(a=o) or o.retain_grad())
    out = m(x); out.gather(1, target[:, None]).sum().backward(); h.remove()
    g["outputs.conv3_activation"] = n(keep["a"].permute(0, 2, 3, 1)); g["outputs.conv3_gradient"] = n(keep["a"].grad.permute(0, 2, 3, 1))

    import pytorch_grad_cam as P
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget as T
    tg = [T(int(t)) for t in target]
    for name in "GradCAM HiResCAM GradCAMPlusPlus XGradCAM LayerCAM EigenCAM EigenGradCAM ScoreCAM AblationCAM GradCAMElementWise".split():
        try:
            with getattr(P, name)(model=m, target_layers=[m.relu3]) as cam:
                cam.batch_size = 8
                g["pytorch_grad_cam." + name] = np.ascontiguousarray(cam(input_tensor=x.clone(), targets=tg).astype(np.float32))
        except Exception as e: print(name, "failed:", e)

    import captum.attr as C
    def put(name, a): g["captum." + name] = n(a.detach()[:, 0]).astype(np.float32)
    xi = x.clone().requires_grad_()
    put("Saliency_signed", C.Saliency(m).attribute(xi, target=target, abs=False))
    put("InputXGradient", C.InputXGradient(m).attribute(xi, target=target))
    put("IntegratedGradients_riemann_middle_50", C.IntegratedGradients(m).attribute(xi, target=target, n_steps=50, method="riemann_middle"))
    put("IntegratedGradients_gausslegendre_50", C.IntegratedGradients(m).attribute(xi, target=target, n_steps=50))
    put("DeepLift_zero", C.DeepLift(m).attribute(xi, target=target))
    put("GuidedBackprop", C.GuidedBackprop(m).attribute(xi, target=target))
    put("Deconvolution", C.Deconvolution(m).attribute(xi, target=target))
    put("Occlusion_4x4_stride2_zero", C.Occlusion(m).attribute(x, target=target, sliding_window_shapes=(1, 4, 4), strides=(1, 2, 2)))
    lg = C.LayerGradCam(m, m.relu3).attribute(xi, target=target, relu_attributions=True); g["captum.LayerGradCam"] = n(lg[:, 0])
    put("GuidedGradCam", C.GuidedGradCam(m, m.relu3).attribute(xi, target=target))
    try: put("LRP_epsilon", C.LRP(m).attribute(xi, target=target))
    except Exception as e: print("LRP:", e)
    save_file({k: np.ascontiguousarray(v) for k, v in g.items()}, OUT + "/torch.safetensors",
              {"torch": torch.__version__, "captum": __import__("captum").__version__, "target": "logit of inputs.target", "cam_layer": "relu after conv3"})
    for k, v in g.items(): print(k, v.shape, v.dtype, float(np.abs(v).max()))


main()
