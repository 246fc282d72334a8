"""Toy StyleGAN2 networks in three foreign layouts: written as their makers write them, and run by plain arithmetic.

The arithmetic reads the foreign arrays themselves, in float64, a picture and a filter tap at a time.
"""

import pickle
import sys
from argparse import Namespace
from collections import OrderedDict
from contextlib import contextmanager
from math import sqrt
from types import ModuleType

import numpy as np
import torch
from scipy.signal import convolve2d
from torch import nn

SIDES = (4, 8, 16)
WIDTHS = {4: 8, 8: 8, 16: 5}
Z, W, LAYERS = 7, 6, 2
TAPS = np.array([1.0, 2, 4, 3])  # lopsided, so that a mirrored filter shows
FIR = np.outer(TAPS, TAPS) / TAPS.sum() ** 2
CLAMP = 2.5  # low enough to be met


def lrelu(x):
    return np.where(x > 0, x, 0.2 * x) * sqrt(2)


def unit(x):
    return x / sqrt(np.square(x).mean() + 1e-8)


def filtered(x, fir, before, after, up=1):
    """``(C, H, W)``: zeros in, padding, convolution."""
    enlarged = np.zeros((len(x), x.shape[1] * up, x.shape[2] * up))
    enlarged[:, ::up, ::up] = x
    enlarged = np.pad(enlarged, ((0, 0), (before, after), (before, after)))
    return np.stack([up**2 * convolve2d(plane, fir, "valid") for plane in enlarged])


def correlated(x, kernel):
    """``(I, H, W)`` and ``(K, K, I, O)`` → ``(O, H - K + 1, W - K + 1)``, a tap at a time."""
    rows, columns = x.shape[1] - len(kernel) + 1, x.shape[2] - len(kernel) + 1
    taps = [(h, w) for h in range(len(kernel)) for w in range(len(kernel))]
    return sum(np.einsum("irc,io->orc", x[:, h:][:, :rows, w:][:, :, :columns], kernel[h, w]) for h, w in taps)


def convolved(x, kernel, fir, up=1, down=1):
    """Resample, then correlate, with "same" padding."""
    same = len(kernel) // 2
    before, after = {(1, 1): (same, same), (2, 1): (same + 2, same + 1), (1, 2): (same + 1, same + 1)}[up, down]
    return correlated(filtered(x, fir if up * down > 1 else np.ones((1, 1)), before, after, up), kernel)[
        :, ::down, ::down
    ]


def mapped(source, x, label, rate):
    parts = [unit(x)] if x is not None else []
    if label is not None:
        matrix, bias = source.dense("embed")
        parts.append(unit(label @ matrix / sqrt(len(label)) + bias))
    x = np.concatenate(parts)
    for index in range(LAYERS):
        matrix, bias = source.dense(f"fc{index}")
        x = lrelu(x @ matrix * rate / sqrt(len(x)) + bias * rate)
    return x


def styled(source, x, w, layer, up, demodulate):
    matrix, bias = source.dense(f"{layer}.style")
    style = w @ matrix / sqrt(len(w)) + bias
    kernel = source.kernel(layer)
    kernel = kernel * style[:, None] / sqrt(kernel[..., 0].size)
    if demodulate:
        kernel = kernel / np.sqrt(np.square(kernel).sum((0, 1, 2)) + 1e-8)
    return source.upsampled(x, kernel) if up == 2 else convolved(x, kernel, source.fir)


def plain_picture(source, z, label=None, rate=0.01, clamp=CLAMP, towards=1.0):
    """The picture of one z, with the stored noise, w drawn ``towards`` it from the average."""
    average = source.average()
    w = average + towards * (mapped(source, z, label, rate) - average)
    x, image = source.constant(), None
    for side in SIDES:
        for index in (0, 1) if side > 4 else (1,):
            layer = f"{side}.conv{index}"
            x = styled(source, x, w, layer, 2 - index if side > 4 else 1, True)
            strength, noise = source.noise(layer)
            x = np.clip(lrelu(x + strength * noise + source.bias(layer)[:, None, None]), -clamp, clamp)
        drawn = styled(source, x, w, f"{side}.torgb", 1, False) + source.bias(f"{side}.torgb")[:, None, None]
        drawn = np.clip(drawn, -clamp, clamp)
        image = drawn if image is None else filtered(image, source.fir, 2, 1, 2) + drawn
    return image


def plain_scores(source, pictures, labels=None, rate=0.01, clamp=CLAMP, group=2):
    def layer(x, name, down=1, gain=1.0, act=lrelu):
        kernel = source.kernel(name)
        x = convolved(x, kernel / sqrt(kernel[..., 0].size), source.fir, down=down)
        if act is None:
            return x * gain
        return np.clip(act(x + source.bias(name)[:, None, None]) * gain, -clamp * gain, clamp * gain)

    features = []
    for x in pictures:
        x = layer(x, "16.fromrgb")
        for side in SIDES[:0:-1]:
            skipped = layer(x, f"{side}.skip", 2, sqrt(0.5), None)
            x = skipped + layer(layer(x, f"{side}.conv0"), f"{side}.conv1", 2, sqrt(0.5))
        features.append(x)
    scores = []
    groups = len(pictures) // group
    for index, x in enumerate(features):
        spread = np.sqrt(np.stack(features[index % groups :: groups]).var(0) + 1e-8).mean()
        x = layer(np.concatenate([x, np.full((1, 4, 4), spread)]), "4.conv").reshape(-1)
        matrix, bias = source.dense("fc")
        x = lrelu(x @ matrix / sqrt(len(x)) + bias)
        matrix, bias = source.dense("out")
        x = x @ matrix / sqrt(len(x)) + bias
        if labels is not None:
            x = (x * mapped(source, None, labels[index], rate)).sum(keepdims=True) / sqrt(len(x))
        scores.append(x)
    return np.stack(scores)


def _drawn(seed):
    rng = np.random.default_rng(seed)
    return lambda *shape: rng.normal(size=shape).astype(np.float32)


class TensorFlowNetwork:
    """Arrays by TensorFlow's names: kernels HWIO, matrices inputs x outputs, every kernel as it is correlated."""

    fir = FIR

    def __init__(self, kind, labels=0, rate=0.01, seed=0):
        draw = _drawn(seed)
        self.kind, self.labels, self.rate = kind, labels, rate
        self.arrays = arrays = {}
        if kind == "G":
            arrays |= {"lod": np.float32(0), "dlatent_avg": draw(W), "synthesis/4x4/Const/const": draw(1, 8, 4, 4)}
        top = "mapping/Dense" if kind == "G" else "Mapping"
        embedded = W if kind == "G" else WIDTHS[4]
        features = (Z if kind == "G" else 0) + (embedded if labels else 0)
        if labels:
            arrays |= {self._name("embed") + "/weight": draw(labels, embedded)}
            arrays |= {self._name("embed") + "/bias": draw(embedded)}
        for index in range(LAYERS if labels or kind == "G" else 0):
            arrays |= {f"{top}{index}/weight": draw(features, embedded) / np.float32(rate)}
            arrays |= {f"{top}{index}/bias": draw(embedded) / np.float32(rate)}
            features = embedded
        before = WIDTHS[4]
        for number, side in enumerate(SIDES):
            width = WIDTHS[side]
            if kind == "G":
                names = ["Conv0_up", "Conv1", "ToRGB"] if number else ["Conv", "ToRGB"]
                for name in names:
                    self._styled(draw, f"synthesis/{side}x{side}/{name}", name, before, width)
                    before = width
                for index in (2 * number - 1, 2 * number) if number else (0,):
                    arrays[f"synthesis/noise{index}"] = draw(1, 1, side, side)
            elif number:
                name, half = f"{side}x{side}", WIDTHS[side // 2]
                sizes = {"Conv0": (3, width, width), "Conv1_down": (3, width, half), "Skip": (1, width, half)}
                sizes |= {"FromRGB": (1, 3, width)} if side == SIDES[-1] else {}
                for layer, (size, inputs, outputs) in sizes.items():
                    arrays[f"{name}/{layer}/weight"] = draw(size, size, inputs, outputs)
                    if layer != "Skip":
                        arrays[f"{name}/{layer}/bias"] = draw(outputs)
        if kind == "D":
            scores = WIDTHS[4] if labels else 1
            arrays |= {"4x4/Conv/weight": draw(3, 3, 9, 8), "4x4/Conv/bias": draw(8)}
            arrays |= {"4x4/Dense0/weight": draw(128, 8), "4x4/Dense0/bias": draw(8)}
            arrays |= {"Output/weight": draw(8, scores), "Output/bias": draw(scores)}

    def _styled(self, draw, name, layer, inputs, outputs):
        size, outputs = (1, 3) if layer == "ToRGB" else (3, outputs)
        self.arrays |= {f"{name}/weight": draw(size, size, inputs, outputs), f"{name}/bias": draw(outputs)}
        self.arrays |= {f"{name}/mod_weight": draw(W, inputs), f"{name}/mod_bias": draw(inputs)}
        if layer != "ToRGB":
            self.arrays[f"{name}/noise_strength"] = draw(1)[0]

    def _name(self, layer):
        if layer == "embed":
            return "mapping/LabelEmbed" if self.kind == "G" else "LabelEmbed"
        if layer.startswith("fc") and layer != "fc":
            return f"mapping/Dense{layer[2:]}" if self.kind == "G" else f"Mapping{layer[2:]}"
        if layer in ("fc", "out"):
            return {"fc": "4x4/Dense0", "out": "Output"}[layer]
        side, layer = layer.split(".")[:2]
        if self.kind == "G":
            names = {"conv0": "Conv0_up", "conv1": "Conv1" if side != "4" else "Conv", "torgb": "ToRGB"}
            return f"synthesis/{side}x{side}/{names[layer]}"
        names = {"fromrgb": "FromRGB", "conv0": "Conv0", "conv1": "Conv1_down", "skip": "Skip", "conv": "Conv"}
        return f"{side}x{side}/{names[layer]}"

    def dense(self, layer):
        name = self._name(layer)
        if layer.endswith(".style"):
            return self.arrays[f"{name}/mod_weight"], self.arrays[f"{name}/mod_bias"] + 1
        return self.arrays[f"{name}/weight"], self.arrays[f"{name}/bias"]

    def kernel(self, layer):
        return self.arrays[f"{self._name(layer)}/weight"].astype(float)

    def upsampled(self, x, kernel):
        return convolved(x, kernel, self.fir, up=2)

    def bias(self, layer):
        return self.arrays[f"{self._name(layer)}/bias"]

    def noise(self, layer):
        side, index = (int(part) for part in layer.split(".conv"))
        number = int(np.log2(side)) * 2 - 5 + index
        return self.arrays[f"{self._name(layer)}/noise_strength"], self.arrays[f"synthesis/noise{number}"][0, 0]

    def constant(self):
        return self.arrays["synthesis/4x4/Const/const"][0]

    def average(self):
        return self.arrays["dlatent_avg"]

    def stored(self, **options):
        """The network as dnnlib stores it; inside :func:`foreign_modules` only."""
        network = sys.modules["dnnlib.tflib.network"].Network
        easy = sys.modules["dnnlib.util"].EasyDict
        told = {"resample_kernel": TAPS.astype(int).tolist(), "conv_clamp": CLAMP, "mapping_lrmul": self.rate}
        version = options.pop("version", 4)
        told |= {"mbstd_group_size": 2, "fmap_base": 40} | options

        def part(name, prefix, parts):
            found = network()
            found.__dict__ |= {
                "version": version,
                "name": name,
                "static_kwargs": easy(told),
                "components": easy(parts),
                "build_module_src": "raise SystemExit",
                "build_func_name": f"{self.kind}_main",
                "variables": [
                    (key.removeprefix(prefix), value)
                    for key, value in self.arrays.items()
                    if (key.startswith(prefix) if prefix else not key.startswith(("mapping/", "synthesis/")))
                ],
            }
            return found

        parts = {name: part(f"G_{name}", f"{name}/", {}) for name in ("mapping", "synthesis") if self.kind == "G"}
        return part(self.kind, "", parts)


class PyTorchNetwork:
    """Tensors by the names of NVIDIA's PyTorch networks: kernels OIHW, an upsampling one as it is convolved."""

    fir = FIR

    def __init__(self, kind, labels=0, rate=0.01, seed=0, noise=True):
        draw = _drawn(seed)
        self.kind, self.labels, self.rate, self.has_noise = kind, labels, rate, noise
        self.tensors = tensors = {}
        embedded = W if kind == "G" else WIDTHS[4]
        features = (Z if kind == "G" else 0) + (embedded if labels else 0)
        if labels:
            tensors |= {"mapping.embed.weight": draw(embedded, labels), "mapping.embed.bias": draw(embedded)}
        for index in range(LAYERS if labels or kind == "G" else 0):
            tensors[f"mapping.fc{index}.weight"] = draw(embedded, features) / np.float32(rate)
            tensors[f"mapping.fc{index}.bias"] = draw(embedded) / np.float32(rate)
            features = embedded
        if kind == "G":
            tensors |= {"mapping.w_avg": draw(W), "synthesis.b4.const": draw(8, 4, 4)}
        before = WIDTHS[4]
        for side in SIDES:
            width = WIDTHS[side]
            if kind == "G":
                tensors[f"synthesis.b{side}.resample_filter"] = FIR.astype(np.float32)
                for layer in ("conv0", "conv1", "torgb") if side > 4 else ("conv1", "torgb"):
                    name = f"synthesis.b{side}.{layer}"
                    size, outputs = (1, 3) if layer == "torgb" else (3, width)
                    tensors |= {f"{name}.weight": draw(outputs, before, size, size), f"{name}.bias": draw(outputs)}
                    tensors |= {f"{name}.affine.weight": draw(before, W), f"{name}.affine.bias": draw(before)}
                    before = width
                    if layer != "torgb":
                        tensors[f"{name}.resample_filter"] = FIR.astype(np.float32)
                    if layer != "torgb" and noise:
                        tensors[f"{name}.noise_strength"] = draw(1).reshape(())
                        tensors[f"{name}.noise_const"] = draw(side, side)
            elif side > 4:
                half = WIDTHS[side // 2]
                sizes = {"conv0": (width, width, 3), "conv1": (half, width, 3), "skip": (half, width, 1)}
                sizes |= {"fromrgb": (width, 3, 1)} if side == SIDES[-1] else {}
                tensors[f"b{side}.resample_filter"] = FIR.astype(np.float32)
                for layer, (outputs, inputs, size) in sizes.items():
                    tensors[f"b{side}.{layer}.weight"] = draw(outputs, inputs, size, size)
                    tensors[f"b{side}.{layer}.resample_filter"] = FIR.astype(np.float32)
                    if layer != "skip":
                        tensors[f"b{side}.{layer}.bias"] = draw(outputs)
        if kind == "D":
            scores = WIDTHS[4] if labels else 1
            tensors |= {"b4.conv.weight": draw(8, 9, 3, 3), "b4.conv.bias": draw(8)}
            tensors |= {"b4.conv.resample_filter": FIR.astype(np.float32)}
            tensors |= {"b4.fc.weight": draw(8, 128), "b4.fc.bias": draw(8)}
            tensors |= {"b4.out.weight": draw(scores, 8), "b4.out.bias": draw(scores)}

    def _name(self, layer):
        if layer == "embed" or (layer.startswith("fc") and layer != "fc"):
            return f"mapping.{layer}"
        if layer in ("fc", "out"):
            return f"b4.{layer}"
        side, layer = layer.split(".")[:2]
        return f"{'synthesis.' if self.kind == 'G' else ''}b{side}.{layer}"

    def dense(self, layer):
        name = self._name(layer) + (".affine" if layer.endswith(".style") else "")
        return self.tensors[f"{name}.weight"].T, self.tensors[f"{name}.bias"]

    def kernel(self, layer):
        kernel = self.tensors[f"{self._name(layer)}.weight"].transpose(2, 3, 1, 0).astype(float)
        return kernel[::-1, ::-1] if self.kind == "G" and layer.endswith("conv0") else kernel

    def upsampled(self, x, kernel):
        return convolved(x, kernel, self.fir, up=2)

    def bias(self, layer):
        return self.tensors[f"{self._name(layer)}.bias"]

    def noise(self, layer):
        if not self.has_noise:
            return 0.0, 0.0
        name = self._name(layer)
        return self.tensors[f"{name}.noise_strength"], self.tensors[f"{name}.noise_const"]

    def constant(self):
        return self.tensors["synthesis.b4.const"]

    def average(self):
        return self.tensors["mapping.w_avg"]

    def stored(self, **changes):
        """The network as persistent modules; inside :func:`foreign_modules` only."""
        root = persistent("Generator" if self.kind == "G" else "Discriminator")
        for path, value in self.tensors.items():
            *parents, name = path.split(".")
            module = root
            for depth, parent in enumerate(parents):
                if parent not in dict(module.named_children()):
                    module.add_module(parent, self._part(parents[: depth + 1], changes))
                module = module.get_submodule(parent)
            value = torch.from_numpy(np.array(value))
            if name in ("weight", "bias", "const", "noise_strength"):
                module.register_parameter(name, nn.Parameter(value))
            else:
                module.register_buffer(name, value)
        if self.kind == "D":
            spread = persistent("MinibatchStdLayer")
            spread.group_size, spread.num_channels = changes.get("group", 2), 1
            root.get_submodule("b4").add_module("mbstd", spread)
        return root

    def _part(self, path, changes):
        name, module = path[-1], persistent("Part")
        if name.startswith("b"):
            module.architecture = changes.get("architecture", "skip" if self.kind == "G" else "resnet")
            module.use_fp16 = int(name[1:]) > changes.get("full_precision_to", 16)
        elif name.startswith(("conv", "fromrgb", "skip", "torgb")):
            module.activation = changes.get("activation", "linear" if name in ("skip", "torgb") else "lrelu")
            module.conv_clamp = None if name == "skip" or path == changes.get("unclamped") else CLAMP
        elif name.startswith(("fc", "out", "embed", "affine")):
            rate = self.rate if path[0] == "mapping" and name != "embed" else 1
            module.activation = "lrelu" if name.startswith("fc") else "linear"
            module.weight_gain = rate / np.sqrt(3.0)  # NumPy's scalar, as NVIDIA's modules hold it
            module.bias_gain = rate
        return module


class CommonNetwork:
    """Tensors by the names of the common .pt files; upsampling is a transposed convolution and a blur."""

    taps = np.array([1.0, 3, 3, 1])
    fir = np.outer(taps, taps) / 64

    def __init__(self, kind, seed=0):
        draw = _drawn(seed)
        self.kind, self.mean = kind, draw(W)
        self.tensors = tensors = {}
        fir = self.fir.astype(np.float32)
        before = WIDTHS[4]
        if kind == "G":
            tensors["input.input"] = draw(1, 8, 4, 4)
            for index in range(LAYERS):
                tensors |= {f"style.{index + 1}.weight": 100 * draw(W, W), f"style.{index + 1}.bias": 100 * draw(W)}
            for number, side in enumerate(SIDES):
                for layer in ("conv0", "conv1", "torgb") if number else ("conv1", "torgb"):
                    name = self._name(f"{side}.{layer}")
                    size, outputs = (1, 3) if layer == "torgb" else (3, WIDTHS[side])
                    tensors[f"{name}.conv.weight"] = draw(1, outputs, before, size, size)
                    tensors[f"{name}.conv.modulation.weight"] = draw(before, W)
                    tensors[f"{name}.conv.modulation.bias"] = draw(before)
                    before = WIDTHS[side]
                    if layer == "torgb":
                        tensors[f"{name}.bias"] = draw(1, 3, 1, 1)
                        tensors |= {f"{name}.upsample.kernel": 4 * fir} if number else {}
                        continue
                    tensors |= {f"{name}.noise.weight": draw(1), f"{name}.activate.bias": draw(outputs)}
                    tensors |= {f"{name}.conv.blur.kernel": 4 * fir} if layer == "conv0" else {}
                    tensors[f"noises.noise_{2 * number - (layer == 'conv0')}"] = draw(1, 1, side, side)
            return
        tensors |= {"convs.0.0.weight": draw(5, 3, 1, 1), "convs.0.1.bias": draw(5)}
        for number, side in enumerate(SIDES[:0:-1]):
            name, width, half = f"convs.{number + 1}", WIDTHS[side], WIDTHS[side // 2]
            tensors |= {f"{name}.conv1.0.weight": draw(width, width, 3, 3), f"{name}.conv1.1.bias": draw(width)}
            tensors |= {f"{name}.conv2.0.kernel": fir, f"{name}.skip.0.kernel": fir}
            tensors |= {f"{name}.conv2.1.weight": draw(half, width, 3, 3), f"{name}.conv2.2.bias": draw(half)}
            tensors[f"{name}.skip.1.weight"] = draw(half, width, 1, 1)
        tensors |= {"final_conv.0.weight": draw(8, 9, 3, 3), "final_conv.1.bias": draw(8)}
        tensors |= {"final_linear.0.weight": draw(8, 128), "final_linear.0.bias": draw(8)}
        tensors |= {"final_linear.1.weight": draw(1, 8), "final_linear.1.bias": draw(1)}

    def _name(self, layer):
        if layer in ("fc", "out"):
            return f"final_linear.{('fc', 'out').index(layer)}"
        if layer.startswith("fc"):
            return f"style.{int(layer[2:]) + 1}"
        side, layer = layer.split(".")[:2]
        number = SIDES.index(int(side))
        if layer == "torgb":
            return f"to_rgbs.{number - 1}" if number else "to_rgb1"
        return f"convs.{2 * number - 2 + int(layer[4:])}" if number else "conv1"

    def _judged(self, layer):
        side, layer = layer.split(".")
        if side == "4":
            return "final_conv.0.weight", "final_conv.1.bias"
        name = f"convs.{len(SIDES) - SIDES.index(int(side))}"
        return {
            "fromrgb": ("convs.0.0.weight", "convs.0.1.bias"),
            "conv0": (f"{name}.conv1.0.weight", f"{name}.conv1.1.bias"),
            "conv1": (f"{name}.conv2.1.weight", f"{name}.conv2.2.bias"),
            "skip": (f"{name}.skip.1.weight", ""),
        }[layer]

    def dense(self, layer):
        name = self._name(layer) + (".conv.modulation" if layer.endswith(".style") else "")
        return self.tensors[f"{name}.weight"].T, self.tensors[f"{name}.bias"]

    def kernel(self, layer):
        if self.kind == "G":
            return self.tensors[f"{self._name(layer)}.conv.weight"][0].transpose(2, 3, 1, 0).astype(float)
        return self.tensors[self._judged(layer)[0]].transpose(2, 3, 1, 0).astype(float)

    def upsampled(self, x, kernel):
        weight = torch.from_numpy(kernel.transpose(2, 3, 0, 1).copy())  # inputs, outputs, K, K
        x = nn.functional.conv_transpose2d(torch.from_numpy(x)[None].double(), weight, stride=2)[0].numpy()
        return 4 * filtered(x, self.fir, 1, 1)

    def bias(self, layer):
        if self.kind == "D":
            return self.tensors[self._judged(layer)[1]]
        name = self._name(layer)
        return self.tensors[f"{name}.bias" if layer.endswith("torgb") else f"{name}.activate.bias"].reshape(-1)

    def noise(self, layer):
        side, index = (int(part) for part in layer.split(".conv"))
        number = 2 * SIDES.index(side) - (index == 0)
        return self.tensors[f"{self._name(layer)}.noise.weight"], self.tensors[f"noises.noise_{number}"][0, 0]

    def constant(self):
        return self.tensors["input.input"][0]

    def average(self):
        return self.mean

    def stored(self):
        return {name: torch.from_numpy(value) for name, value in self.tensors.items()}


@contextmanager
def foreign_modules():
    """NVIDIA's modules, as far as their pickles name them, for as long as something is written."""
    names = ("torch_utils", "torch_utils.persistence", "dnnlib", "dnnlib.util", "dnnlib.tflib", "dnnlib.tflib.network")
    modules = {name: ModuleType(name) for name in names}

    def _reconstruct_persistent_obj(meta):
        raise AssertionError("called while writing")

    _reconstruct_persistent_obj.__module__ = "torch_utils.persistence"
    _reconstruct_persistent_obj.__qualname__ = "_reconstruct_persistent_obj"
    modules["torch_utils.persistence"]._reconstruct_persistent_obj = _reconstruct_persistent_obj
    modules["dnnlib.util"].EasyDict = type("EasyDict", (dict,), {"__module__": "dnnlib.util"})
    modules["dnnlib.tflib.network"].Network = type("Network", (), {"__module__": "dnnlib.tflib.network"})
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


class _Persistent(nn.Module):
    def __reduce__(self):
        meta = {"type": "class", "version": 6, "module_src": "raise SystemExit", "class_name": self.class_name}
        rebuild = sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj
        return rebuild, (meta | {"state": dict(self.__dict__)},), None


def persistent(name):
    module = _Persistent()
    module.class_name = name
    module._init_args, module._init_kwargs = (), sys.modules["dnnlib.util"].EasyDict(z_dim=Z)
    return module


def write_tensorflow(path, generator, discriminator=None, protocol=4, **options):
    with foreign_modules():
        networks = [network and network.stored(**options) for network in (generator, discriminator, generator)]
        path.write_bytes(pickle.dumps(tuple(networks), protocol))
    return path


def write_pytorch(path, generator, discriminator=None, protocol=4, **changes):
    with foreign_modules():
        easy = sys.modules["dnnlib.util"].EasyDict
        content = {"G_ema": generator.stored(**changes), "training_set_kwargs": easy(path="x.zip", xflip=True)}
        content["D"] = discriminator and discriminator.stored(**changes)
        content["augment_pipe"] = None
        path.write_bytes(pickle.dumps(content, protocol))
    return path


def write_common(path, generator, discriminator=None, *, mean=True, old=False, **more):
    content = {"g_ema": OrderedDict(generator.stored()), "args": Namespace(size=16, path="x"), **more}
    content |= {"latent_avg": torch.from_numpy(generator.mean)} if mean else {}
    content |= {"d": discriminator.stored()} if discriminator else {}
    torch.save(content, path, _use_new_zipfile_serialization=not old)
    return path
