"""The networks equal a plain composition of their operations, and keep the promises that projector and recipes need."""

from math import sqrt

import pytest
import torch
from torch import Tensor
from torch.autograd import grad, gradcheck, gradgradcheck
from torch.nn import functional as F

from pipelines.stylegan.ops import (
    bias_act,
    fir_filter,
    minibatch_std,
    modulated_conv2d,
    resampled_conv2d,
    upsample2d,
)
from pipelines.stylegan.stylegan2 import (
    Convolution,
    Discriminator,
    Generator,
    MappingNetwork,
    SynthesisLayer,
    SynthesisNetwork,
    ToRGB,
)

SMALL = {"channel_base": 128, "channel_max": 16}

GENERATOR_SHAPES = {
    "mapping.w_avg": (6,),
    "mapping.fc0.weight": (6, 5),
    "mapping.fc0.bias": (6,),
    "mapping.fc1.weight": (6, 6),
    "mapping.fc1.bias": (6,),
    "synthesis.b4.const": (16, 4, 4),
    "synthesis.b4.resample_filter": (4, 4),
    "synthesis.b4.conv1.weight": (16, 16, 3, 3),
    "synthesis.b4.conv1.bias": (16,),
    "synthesis.b4.conv1.noise_const": (4, 4),
    "synthesis.b4.conv1.noise_strength": (),
    "synthesis.b4.conv1.resample_filter": (4, 4),
    "synthesis.b4.conv1.affine.weight": (16, 6),
    "synthesis.b4.conv1.affine.bias": (16,),
    "synthesis.b4.torgb.weight": (3, 16, 1, 1),
    "synthesis.b4.torgb.bias": (3,),
    "synthesis.b4.torgb.affine.weight": (16, 6),
    "synthesis.b4.torgb.affine.bias": (16,),
    "synthesis.b8.resample_filter": (4, 4),
    "synthesis.b8.conv0.weight": (16, 16, 3, 3),
    "synthesis.b8.conv0.bias": (16,),
    "synthesis.b8.conv0.noise_const": (8, 8),
    "synthesis.b8.conv0.noise_strength": (),
    "synthesis.b8.conv0.resample_filter": (4, 4),
    "synthesis.b8.conv0.affine.weight": (16, 6),
    "synthesis.b8.conv0.affine.bias": (16,),
    "synthesis.b8.conv1.weight": (16, 16, 3, 3),
    "synthesis.b8.conv1.bias": (16,),
    "synthesis.b8.conv1.noise_const": (8, 8),
    "synthesis.b8.conv1.noise_strength": (),
    "synthesis.b8.conv1.resample_filter": (4, 4),
    "synthesis.b8.conv1.affine.weight": (16, 6),
    "synthesis.b8.conv1.affine.bias": (16,),
    "synthesis.b8.torgb.weight": (3, 16, 1, 1),
    "synthesis.b8.torgb.bias": (3,),
    "synthesis.b8.torgb.affine.weight": (16, 6),
    "synthesis.b8.torgb.affine.bias": (16,),
    "synthesis.b16.resample_filter": (4, 4),
    "synthesis.b16.conv0.weight": (8, 16, 3, 3),
    "synthesis.b16.conv0.bias": (8,),
    "synthesis.b16.conv0.noise_const": (16, 16),
    "synthesis.b16.conv0.noise_strength": (),
    "synthesis.b16.conv0.resample_filter": (4, 4),
    "synthesis.b16.conv0.affine.weight": (16, 6),
    "synthesis.b16.conv0.affine.bias": (16,),
    "synthesis.b16.conv1.weight": (8, 8, 3, 3),
    "synthesis.b16.conv1.bias": (8,),
    "synthesis.b16.conv1.noise_const": (16, 16),
    "synthesis.b16.conv1.noise_strength": (),
    "synthesis.b16.conv1.resample_filter": (4, 4),
    "synthesis.b16.conv1.affine.weight": (8, 6),
    "synthesis.b16.conv1.affine.bias": (8,),
    "synthesis.b16.torgb.weight": (3, 8, 1, 1),
    "synthesis.b16.torgb.bias": (3,),
    "synthesis.b16.torgb.affine.weight": (8, 6),
    "synthesis.b16.torgb.affine.bias": (8,),
}
DISCRIMINATOR_SHAPES = {
    "b16.resample_filter": (4, 4),
    "b16.fromrgb.weight": (8, 3, 1, 1),
    "b16.fromrgb.bias": (8,),
    "b16.fromrgb.resample_filter": (4, 4),
    "b16.conv0.weight": (8, 8, 3, 3),
    "b16.conv0.bias": (8,),
    "b16.conv0.resample_filter": (4, 4),
    "b16.conv1.weight": (16, 8, 3, 3),
    "b16.conv1.bias": (16,),
    "b16.conv1.resample_filter": (4, 4),
    "b16.skip.weight": (16, 8, 1, 1),
    "b16.skip.resample_filter": (4, 4),
    "b8.resample_filter": (4, 4),
    "b8.conv0.weight": (16, 16, 3, 3),
    "b8.conv0.bias": (16,),
    "b8.conv0.resample_filter": (4, 4),
    "b8.conv1.weight": (16, 16, 3, 3),
    "b8.conv1.bias": (16,),
    "b8.conv1.resample_filter": (4, 4),
    "b8.skip.weight": (16, 16, 1, 1),
    "b8.skip.resample_filter": (4, 4),
    "b4.conv.weight": (16, 17, 3, 3),
    "b4.conv.bias": (16,),
    "b4.conv.resample_filter": (4, 4),
    "b4.fc.weight": (16, 256),
    "b4.fc.bias": (16,),
    "b4.out.weight": (1, 16),
    "b4.out.bias": (1,),
}


def generator(resolution: int = 16, **options) -> Generator:
    """A small generator in evaluation mode whose every parameter counts: biases and noise start at 0 otherwise."""
    torch.manual_seed(0)
    network = Generator(8, w_dim=8, resolution=resolution, mapping_layers=2, **SMALL | options).eval()
    return stirred(network)


def discriminator(resolution: int = 16, **options) -> Discriminator:
    torch.manual_seed(1)
    return stirred(Discriminator(resolution=resolution, **SMALL | options).eval())


def stirred(network):
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name.endswith(("bias", "noise_strength")):
                value.add_(0.3 * torch.randn_like(value))
        for name, value in network.named_buffers():
            if name.endswith("w_avg"):
                value.copy_(torch.randn_like(value))
    return network


def normal(*shape: int, seed: int = 7) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def parameters(network) -> int:
    return sum(value.numel() for value in network.parameters())


def buffers(network) -> int:
    return sum(value.numel() for value in network.buffers())


def shapes(network) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def dense(x: Tensor, state: dict[str, Tensor], name: str, activation: str = "linear", rate: float = 1.0) -> Tensor:
    weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
    return bias_act(x @ weight.T * (rate / sqrt(weight.shape[1])), bias * rate, activation)


def convolution(x: Tensor, state: dict[str, Tensor], name: str, down: int = 1) -> Tensor:
    """Convolution and bias with equalized learning rate, no activation."""
    weight = state[f"{name}.weight"] / sqrt(state[f"{name}.weight"][0].numel())
    bias = state.get(f"{name}.bias", torch.zeros(len(weight)))
    return resampled_conv2d(x, weight, fir_filter(), down=down) + bias[:, None, None]


def leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2) * sqrt(2)


def plain_mapping(network: Generator, z: Tensor) -> Tensor:
    state = network.state_dict()
    w = z / (z.square().mean(1, keepdim=True) + 1e-8).sqrt()
    for index in range(2):
        w = dense(w, state, f"mapping.fc{index}", "lrelu", 0.01)
    return w


def plain_synthesis(network: Generator, ws: Tensor) -> Tensor:
    """Figure 7's skip generator, 16 px, stored noise, a style for each layer: written out from the state dict."""
    state = network.state_dict()
    w = ws.unbind(1)

    def layer(x: Tensor, name: str, style: Tensor, up: int = 1) -> Tensor:
        prefix = f"synthesis.{name}"
        styles = dense(style, state, f"{prefix}.affine")
        x = modulated_conv2d(x, state[f"{prefix}.weight"], styles, fir_filter(), up=up)
        x = x + state[f"{prefix}.noise_const"] * state[f"{prefix}.noise_strength"]
        return leaky(x + state[f"{prefix}.bias"][:, None, None])

    def rgb(x: Tensor, name: str, style: Tensor) -> Tensor:
        prefix = f"synthesis.{name}.torgb"
        styles = dense(style, state, f"{prefix}.affine") / sqrt(x.shape[1])
        mixed = torch.einsum("oc,nc,nchw->nohw", state[f"{prefix}.weight"][:, :, 0, 0], styles, x)
        return mixed + state[f"{prefix}.bias"][:, None, None]

    x = layer(state["synthesis.b4.const"].repeat(len(ws), 1, 1, 1), "b4.conv1", w[0])
    image = rgb(x, "b4", w[1])
    x = layer(layer(x, "b8.conv0", w[1], 2), "b8.conv1", w[2])
    image = upsample2d(image, fir_filter()) + rgb(x, "b8", w[3])
    x = layer(layer(x, "b16.conv0", w[3], 2), "b16.conv1", w[4])
    return upsample2d(image, fir_filter()) + rgb(x, "b16", w[5])


def plain_discriminator(network: Discriminator, image: Tensor) -> Tensor:
    state = network.state_dict()
    x = leaky(convolution(image, state, "b16.fromrgb"))
    for side in ("b16", "b8"):
        straight = leaky(convolution(leaky(convolution(x, state, f"{side}.conv0")), state, f"{side}.conv1", 2))
        x = (straight + convolution(x, state, f"{side}.skip", 2)) / sqrt(2)
    x = leaky(convolution(minibatch_std(x, 4), state, "b4.conv")).flatten(1)
    return dense(dense(x, state, "b4.fc", "lrelu"), state, "b4.out")


@pytest.mark.slow
@torch.no_grad()
def test_the_generator_equals_its_definition():
    network, z, ws = generator(), normal(3, 8), normal(3, 6, 8, seed=8)
    close = {"rtol": 1e-4, "atol": 1e-4}
    torch.testing.assert_close(network.mapping(z)[:, 3], plain_mapping(network, z), **close)
    torch.testing.assert_close(network.synthesis(ws, noise_mode="const"), plain_synthesis(network, ws), **close)
    expected = plain_synthesis(network, plain_mapping(network, z)[:, None].expand(-1, 6, -1))
    torch.testing.assert_close(network(z, noise_mode="const"), expected, **close)


@pytest.mark.slow
@torch.no_grad()
def test_the_discriminator_equals_its_definition():
    network, image = discriminator(), normal(4, 3, 16, 16)
    torch.testing.assert_close(network(image), plain_discriminator(network, image), rtol=1e-4, atol=1e-4)


def test_names_and_shapes_are_nvidias():
    with torch.device("meta"):
        options = {"resolution": 16, **SMALL}
        assert shapes(Generator(5, w_dim=6, mapping_layers=2, **options)) == GENERATOR_SHAPES
        assert shapes(Discriminator(**options)) == DISCRIMINATOR_SHAPES


def test_labels_add_an_embedding_and_a_mapping_network():
    with torch.device("meta"):
        ours = shapes(Generator(5, c_dim=3, w_dim=6, mapping_layers=2, resolution=16, **SMALL))
        theirs = shapes(Discriminator(c_dim=3, resolution=16, mapping_layers=2, **SMALL))
    embedded = {"mapping.embed.weight": (6, 3), "mapping.embed.bias": (6,), "mapping.fc0.weight": (6, 11)}
    assert ours == GENERATOR_SHAPES | embedded
    mapping = {"mapping.embed.weight": (16, 3), "mapping.embed.bias": (16,)}
    for index in range(2):
        mapping |= {f"mapping.fc{index}.weight": (16, 16), f"mapping.fc{index}.bias": (16,)}
    assert theirs == DISCRIMINATOR_SHAPES | mapping | {"b4.out.weight": (16, 16), "b4.out.bias": (16,)}


@pytest.mark.slow
def test_configuration_f_has_nvidias_size():
    with torch.device("meta"):
        drawing, judging = Generator(mapping_layers=2), Discriminator()
        assert drawing.num_ws == 18
        image = drawing(torch.empty(1, 512), truncation_psi=0.7)
        assert image.shape == (1, 3, 1024, 1024)
        assert judging(image).shape == (1, 1)
    # The two totals of each network that NVIDIA's training prints at 1024 px, with two mapping layers.
    assert (parameters(drawing), buffers(drawing)) == (28_794_124, 2_797_104)
    assert (parameters(judging), buffers(judging)) == (29_012_513, 544)
    with torch.device("meta"):
        assert parameters(Generator()) == 28_794_124 + 6 * (512 * 512 + 512)


@pytest.mark.slow
@pytest.mark.parametrize("resolution", [8, 16, 64])
@torch.no_grad()
def test_sizes(resolution):
    drawing = generator(resolution, image_channels=1)
    image = drawing(normal(2, 8))
    assert image.shape == (2, 1, resolution, resolution)
    assert image.dtype == torch.float32
    assert drawing.num_ws == 2 * resolution.bit_length() - 4
    assert discriminator(resolution, image_channels=1)(image).shape == (2, 1)


@pytest.mark.parametrize("resolution", [4, 48, 0])
@pytest.mark.parametrize("kind", [SynthesisNetwork, Discriminator])
def test_other_resolutions_are_refused(kind, resolution):
    with pytest.raises(ValueError, match="power of two"):
        kind(resolution=resolution)


@pytest.mark.slow
@torch.no_grad()
def test_stored_noise_draws_the_same_picture_again():
    network, z = generator(), normal(2, 8)
    first = network(z, noise_mode="const")
    assert torch.equal(first, network(z, noise_mode="const"))
    assert not torch.allclose(first, network(z, noise_mode="none"))
    assert not torch.equal(network(z), network(z))


@torch.no_grad()
def test_a_seed_draws_the_same_noise_and_leaves_the_global_one_alone():
    network, z = generator(), normal(2, 8)
    state = torch.get_rng_state()
    one, same, other = (network(z, generator=torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert torch.equal(one, same)
    assert not torch.allclose(one, other)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.allclose(one[0], network(z[:1].repeat(2, 1), generator=torch.Generator().manual_seed(3))[1])


@pytest.mark.slow
@torch.no_grad()
def test_noise_given_by_name_or_in_order_is_that_of_the_buffers():
    network = generator()
    ws = network.mapping(normal(2, 8))
    named = network.synthesis.noise_shapes()
    assert named == {
        "b4.conv1.noise_const": (4, 4),
        "b8.conv0.noise_const": (8, 8),
        "b8.conv1.noise_const": (8, 8),
        "b16.conv0.noise_const": (16, 16),
        "b16.conv1.noise_const": (16, 16),
    }
    stored = dict(network.synthesis.named_buffers())
    maps = {name: stored[name] for name in named}
    expected = network.synthesis(ws, noise_mode="const")
    assert torch.equal(network.synthesis(ws, noise=maps), expected)
    assert torch.equal(network.synthesis(ws, noise=list(maps.values())), expected)
    one_a_picture = [value.expand(2, 1, -1, -1) for value in maps.values()]
    assert torch.equal(network.synthesis(ws, noise=one_a_picture), expected)
    name = "b16.conv0.noise_const"
    changed = {name: normal(16, 16)}
    mixed = network.synthesis(ws, noise_mode="const", noise=changed)
    assert torch.equal(mixed, network.synthesis(ws, noise=maps | changed))
    assert not torch.allclose(mixed, expected)


@pytest.mark.slow
def test_gradients_reach_the_noise_and_the_styles():
    network = generator().requires_grad_(False)
    ws = network.mapping(normal(2, 8)).requires_grad_()
    maps = {name: normal(*shape).requires_grad_() for name, shape in network.synthesis.noise_shapes().items()}
    gradients = grad(network.synthesis(ws, noise=maps).square().sum(), [ws, *maps.values()])
    assert all(torch.isfinite(one).all() and one.abs().sum() > 0 for one in gradients)
    assert (gradients[0].abs().sum((0, 2)) > 0).all(), "every layer's style counts"


def test_unfit_inputs_are_refused():
    network = generator()
    ws = network.mapping(normal(2, 8))
    name = "b4.conv1.noise_const"
    for options, words in (
        ({"noise_mode": "fixed"}, "noise_mode must be one of random, const, none"),
        ({"noise": [torch.zeros(4, 4)]}, "must hold 5 maps"),
        ({"noise": {"b2.conv1.noise_const": torch.zeros(4, 4)}}, "no layer"),
        ({"noise": {name: torch.zeros(8, 8)}}, "must be of shape"),
        ({"noise": {name: torch.zeros(3, 1, 4, 4)}}, "must be of shape"),
    ):
        with pytest.raises(ValueError, match=words):
            network.synthesis(ws, **options)
    with pytest.raises(ValueError, match="ws must be of shape"):
        network.synthesis(ws[:, 1:])
    with pytest.raises(ValueError, match="z must be of shape"):
        network(normal(2, 9))
    with pytest.raises(ValueError, match="c must be of shape"):
        generator(c_dim=3)(normal(2, 8))
    with pytest.raises(ValueError, match="pictures must be of shape"):
        discriminator()(normal(2, 3, 8, 8))
    with pytest.raises(ValueError, match="does not keep"):
        MappingNetwork(4, 4, None)(normal(1, 4), truncation_psi=0.5)


@pytest.mark.slow
@torch.no_grad()
def test_truncation_leads_to_the_average():
    mapping = generator().mapping
    z = normal(4, 8)
    full = mapping(z)
    assert full.shape == (4, 6, 8)
    assert torch.equal(full, full[:, :1].expand_as(full))
    assert torch.equal(mapping(z, truncation_psi=0), mapping.w_avg.expand_as(full))
    half = mapping(z, truncation_psi=0.5)
    torch.testing.assert_close(half, (full + mapping.w_avg) / 2)
    coarse = mapping(z, truncation_psi=0.5, truncation_cutoff=2)
    assert torch.equal(coarse[:, :2], half[:, :2])
    assert torch.equal(coarse[:, 2:], full[:, 2:])
    network, image = generator(), {"noise_mode": "const"}
    expected = network.synthesis(network.mapping(z, truncation_psi=0.5), **image)
    assert torch.equal(network(z, truncation_psi=0.5, **image), expected)


@torch.no_grad()
def test_the_length_of_z_does_not_count():
    mapping, z = generator().mapping, normal(2, 8)
    torch.testing.assert_close(mapping(5 * z), mapping(z))


@torch.no_grad()
def test_the_average_is_tracked_in_training_only():
    mapping, z = generator().mapping, normal(16, 8)
    before = mapping.w_avg.clone()
    w = mapping(z)[:, 0].mean(0)
    mapping.train()
    mapping(z, track_average=False)
    assert torch.equal(mapping.w_avg, before)
    mapping(z)
    torch.testing.assert_close(mapping.w_avg, 0.995 * before + 0.005 * w)


@torch.no_grad()
def test_styles_mix_by_layer():
    network = generator()
    one, other = network.mapping(normal(2, 8)).split(1)
    mixed = torch.cat([one[:, :3], other[:, 3:]], 1)
    options = {"noise_mode": "const"}
    pictures = [network.synthesis(ws, **options) for ws in (one, other, mixed)]
    assert not torch.allclose(pictures[2], pictures[0])
    assert not torch.allclose(pictures[2], pictures[1])
    # The last style is that of the finest picture layer alone: it changes its colours, not what it is made from.
    last = one.clone()
    last[:, -1] = other[:, -1]
    features = {}
    for key, ws in (("one", one), ("last", last)):
        hook = network.synthesis.b16.conv1.register_forward_hook(lambda *at, key=key: features.update({key: at[2]}))
        recoloured = network.synthesis(ws, **options)
        hook.remove()
    assert torch.equal(features["one"], features["last"])
    assert not torch.allclose(recoloured, pictures[0])


@torch.no_grad()
def test_labels_count():
    network, judge = generator(c_dim=3), discriminator(c_dim=3, mapping_layers=2)
    z, labels = normal(1, 8).repeat(2, 1), torch.eye(3)[:2]
    image = network(z, labels, noise_mode="const")
    assert not torch.allclose(image[0], image[1])
    scores = judge(image[:1].repeat(2, 1, 1, 1), labels)
    assert scores.shape == (2, 1)
    assert not torch.allclose(scores[0], scores[1])


@pytest.mark.slow
def test_convolutions_are_fused_where_no_gradients_are_taken():
    network = generator(32).requires_grad_(False)
    ws = network.mapping(normal(3, 8))
    fused, plain = (network.synthesis(ws, noise_mode="const", fused=fused) for fused in (True, False))
    torch.testing.assert_close(plain, fused, rtol=1e-4, atol=1e-4)
    assert not torch.equal(plain, fused), "rounded in another order"
    assert torch.equal(network.synthesis(ws, noise_mode="const"), plain)
    with torch.no_grad():
        assert torch.equal(network.synthesis(ws, noise_mode="const"), fused)


def distance(one: Tensor, other: Tensor) -> float:
    """Root mean square of the difference, as a share of that of ``other``."""
    return float((one - other).norm() / other.norm())


@pytest.mark.slow
@pytest.mark.parametrize("fused", [False, True])
@torch.no_grad()
def test_bfloat16_autocast_stays_close(fused):
    network, judge = generator(32), discriminator(32)
    ws, options = network.mapping(normal(4, 8)), {"noise_mode": "const", "fused": fused}
    image = network.synthesis(ws, **options)
    scores = judge(image)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(network.mapping(normal(4, 8)), ws), "styles stay exact"
        automatic = network.synthesis(ws, **options)
        judged = judge(image)
    assert automatic.dtype == judged.dtype == torch.float32
    assert 1e-5 < distance(automatic, image) < 0.02
    assert 1e-5 < distance(judged, scores) < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [0, 2, 4])
@torch.no_grad()
def test_every_block_runs_in_the_callers_precision(blocks):
    """Also those that NVIDIA's networks run in float16 whatever the caller wants."""
    options = {"resolution": 32, "low_precision_blocks": blocks}
    network, judge = generator(**options), discriminator(**options)
    seen = {}
    for model in (network, judge):
        for name, part in model.named_modules():
            if isinstance(part, SynthesisLayer | ToRGB | Convolution):
                key = type(model).__name__, name
                part.register_forward_hook(lambda *at, key=key: seen.update({key: at[2].dtype}))

    ws = network.mapping(normal(4, 8))
    image = network.synthesis(ws, noise_mode="const")
    scores = judge(image)
    assert set(seen.values()) == {torch.float32} and len(seen) == 7 + 4 + 3 * 3 + 1 + 1
    # No value comes near the bound that low-precision blocks have: they compute what the others do, to the bit.
    assert torch.equal(image, generator(32).synthesis(ws, noise_mode="const"))
    assert torch.equal(scores, discriminator(32)(image))

    with torch.autocast("cpu", torch.bfloat16):
        judge(network.synthesis(ws, noise_mode="const"))
    end = ("Discriminator", "b4.conv")
    assert {dtype for key, dtype in seen.items() if key != end} == {torch.bfloat16}
    assert seen[end] == torch.float32


@torch.no_grad()
def test_activations_are_clamped():
    image = normal(2, 3, 16, 16)
    network = discriminator(conv_clamp=2.0)
    largest = {}
    for name in ("b16.fromrgb", "b16.conv0", "b16.conv1", "b4.conv"):
        network.get_submodule(name).weight.mul_(100)
        network.get_submodule(name).register_forward_hook(
            lambda *at, name=name: largest.update({name: float(at[2].abs().max())})
        )
    network(image)
    assert largest == pytest.approx({"b16.fromrgb": 2, "b16.conv0": 2, "b16.conv1": sqrt(2), "b4.conv": 2})
    assert discriminator().b16.conv0.clamp is None
    bounded = discriminator(low_precision_blocks=1)
    assert (bounded.b16.conv0.clamp, bounded.b8.conv0.clamp) == (256, None)
    assert generator(low_precision_blocks=9).synthesis.b4.conv1.clamp is None
    assert generator(conv_clamp=0.01)(normal(2, 8)).abs().max() <= 0.01 * 3 + 1e-6


def tiny(kind, **options):
    """A network of 8 px in float64 with two channels."""
    torch.manual_seed(2)
    return stirred(kind(resolution=8, image_channels=1, channel_base=16, channel_max=2, **options).double())


@pytest.mark.slow
@pytest.mark.parametrize("fused", [False, True])
def test_the_synthesis_network_has_gradients_of_gradients(fused):
    network = tiny(SynthesisNetwork, w_dim=2)
    ws = normal(1, network.num_ws, 2).double().requires_grad_()
    weight = network.b8.conv0.weight

    def draw(ws: Tensor, weight: Tensor) -> Tensor:
        replaced = {"b8.conv0.weight": weight}
        options = {"noise_mode": "const", "fused": fused}
        return torch.func.functional_call(network, replaced, (ws,), options)[:, :, ::3, ::3]

    # Along random directions: entry by entry takes minutes.
    assert gradcheck(draw, (ws, weight), fast_mode=True)
    assert gradgradcheck(draw, (ws, weight), fast_mode=True)


@pytest.mark.slow
def test_the_discriminator_has_gradients_of_gradients():
    network = tiny(Discriminator)
    image = normal(2, 1, 8, 8).double().requires_grad_()
    assert gradcheck(network, image, fast_mode=True)
    assert gradgradcheck(network, image, fast_mode=True)


@pytest.mark.slow
def test_the_penalties_of_training_reach_every_weight_that_they_should():
    network, judge = generator().train(), discriminator().train()
    image = normal(4, 3, 16, 16).requires_grad_()
    (slope,) = grad(judge(image).sum(), image, create_graph=True)
    slope.square().sum((1, 2, 3)).mean().backward()  # R1: Mescheder et al. 2018
    missing = {name for name, value in judge.named_parameters() if value.grad is None or not value.grad.any()}
    # After the one operation that is not linear piece by piece, a bias does not change the slope.
    assert missing == {"b4.conv.bias", "b4.fc.bias", "b4.out.bias"}

    ws = network.mapping(normal(4, 8))
    image = network.synthesis(ws)
    (jacobian,) = grad((image * normal(*image.shape, seed=8)).sum(), ws, create_graph=True)
    jacobian.square().sum(2).mean(1).sqrt().var().backward()  # path length: section 3.2
    missing = {name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()}
    assert missing == {f"synthesis.b{side}.torgb.bias" for side in (4, 8, 16)}


@torch.no_grad()
def test_weights_move_from_one_network_to_another():
    network, z = generator(), normal(2, 8)
    copy = Generator(8, w_dim=8, resolution=16, mapping_layers=2, **SMALL).eval()
    copy.load_state_dict(network.state_dict(), strict=True)
    assert torch.equal(
        copy(z, noise_mode="const", truncation_psi=0.5), network(z, noise_mode="const", truncation_psi=0.5)
    )
