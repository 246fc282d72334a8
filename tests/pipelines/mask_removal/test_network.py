import math

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from pipelines.jobs import networks
from pipelines.mask_removal.network import (
    CONFIGURATIONS,
    INITIALIZATIONS,
    MaskRemovalNetwork,
    initialize,
    predict,
    skin_colour,
)

pytestmark = pytest.mark.slow

SIDE = 64
TINY = {"coarse_width": 8, "width": 8, "coarse_blocks": 1, "blocks": 1}
ATTENTIONS = ("attention64", "attention32", "attention16")


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def inputs(count: int, side: int = SIDE) -> tuple[torch.Tensor, ...]:
    """Pictures, holes, references and confidences, others in each sample."""
    hole, confidence = torch.zeros(count, 1, side, side), torch.zeros(count, 1, side, side)
    for index in range(count):
        hole[index, :, side // 2 :, 8 + 5 * index : 40] = 1
        confidence[index, :, side // 4 :, 5 : 30 + 5 * index] = 0.2 + 0.6 * torch.rand(1)
    return torch.rand(count, 3, side, side) * 2 - 1, hole, torch.rand(count, 3, side, side) * 2 - 1, confidence


def attentive(fold: int) -> MaskRemovalNetwork:
    """A tiny network whose attention has begun to work."""
    network = MaskRemovalNetwork(**TINY, fold=fold).eval()
    for name in ATTENTIONS:
        nn.init.constant_(getattr(network.refine, name).gain, 0.5)
    return network


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_named_configurations_draw_faces(name):
    with torch.no_grad():
        output = MaskRemovalNetwork(**CONFIGURATIONS[name]).eval()(*inputs(1))
    for picture in (output.coarse, output.image):
        assert picture.shape == (1, 3, SIDE, SIDE)
        assert picture.abs().max() <= 1
        assert picture.std() > 0.01
    assert output.embedding.shape == (1, 8 * CONFIGURATIONS[name]["width"])
    assert all(part.dtype == torch.float32 and torch.isfinite(part).all() for part in output)


def test_defaults_are_the_papers():
    with torch.device("meta"):
        default, paper, *smaller = (MaskRemovalNetwork(**a) for a in ({}, *(CONFIGURATIONS[n] for n in CONFIGURATIONS)))
    shapes = {name: value.shape for name, value in paper.state_dict().items()}
    assert {name: value.shape for name, value in default.state_dict().items()} == shapes
    assert sum(p.numel() for p in paper.parameters()) == 11_054_489
    sizes = [sum(value.numel() for value in network.state_dict().values()) for network in (paper, *smaller)]
    assert sizes == sorted(sizes, reverse=True)
    assert len(smaller) == 2 and 2 * sizes[1] < 16 * 2**20  # the file, in fp16
    assert len(paper.coarse.pyramid) == 4 and len(paper.refine.blocks) == 6
    assert [len(block.branches) for block in (paper.coarse.pyramid[0], paper.refine.blocks[0])] == [8, 4]


def test_cost_is_about_the_papers_and_no_device_is_named():
    """On the meta device, where a tensor of any other would be an error."""
    with torch.device("meta"):
        given = [torch.empty(1, channels, 256, 256) for channels in (3, 1, 3, 1)]
        costs = {}
        for name, architecture in CONFIGURATIONS.items():
            with FlopCounterMode(display=False) as counter:
                output = MaskRemovalNetwork(**architecture)(*given)
            costs[name] = counter.get_total_flops() / 1e9
            assert all(part.device.type == "meta" for part in output)
    assert costs["paper"] == pytest.approx(112, rel=0.08)  # docs/methods.md: 112 GFLOP
    assert costs["compact"] < costs["paper"] / 8


def test_the_table_of_jobs_knows_the_network():
    assert networks()["mask-removal"].built_by == f"{MaskRemovalNetwork.__module__}:{MaskRemovalNetwork.__name__}"


@pytest.mark.parametrize("fold", [1, 2])
def test_samples_of_a_batch_do_not_see_each_other(fold):
    network, batch = attentive(fold), inputs(3)
    with torch.no_grad():
        together = network(*batch)
        assert [len(part) for part in together] == [3, 3, 3]
        for index in range(3):
            alone = network(*(part[index : index + 1] for part in batch))
            for one, all_three in zip(alone, together, strict=True):
                assert torch.allclose(one, all_three[index : index + 1], atol=1e-5)


@pytest.mark.parametrize("fold", [1, 2])
def test_what_lies_under_the_hole_or_has_no_confidence_is_not_looked_at(fold):
    network, (image, hole, reference, confidence) = attentive(fold), inputs(2)
    hidden = torch.where(hole.bool(), torch.rand_like(image), image)
    around = torch.where(hole.bool(), image, -image)
    unseen = torch.where(confidence > 0, reference, torch.rand_like(reference))
    seen = torch.where(confidence > 0, -reference, reference)

    def drawn(*given: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return torch.cat([part.flatten() for part in network(*given)])

    first = drawn(image, hole, reference, confidence)
    assert torch.equal(first, drawn(hidden, hole, reference, confidence))
    assert torch.equal(first, drawn(image, hole, unseen, confidence))
    for other in (
        (around, hole, reference, confidence),
        (image, hole, seen, confidence),
        (image, hole, reference, confidence / 2),
        (image, hole, reference, 0 * confidence),
    ):
        assert not torch.allclose(first, drawn(*other), atol=1e-3)
    without = drawn(image, hole, reference, 0 * confidence)
    assert torch.equal(without, drawn(image, hole, 0 * reference, 0 * confidence)), "no confidence is no reference"


def test_the_skin_is_that_around_the_eyes():
    image = torch.full((1, 3, 64, 64), -0.5)
    image[..., 16:40, 14:50] = torch.tensor([0.6, 0.3, 0.1]).view(3, 1, 1)
    known = torch.ones(1, 1, 64, 64)
    face = torch.tensor([0.6, 0.3, 0.1])
    assert torch.allclose(skin_colour(image, known).flatten(), face, atol=0.2)
    known[..., 30:, :] = 0
    image[..., 30:, :] = 1
    assert torch.allclose(skin_colour(image, known).flatten(), face, atol=0.2), "what is hidden does not count"
    known[..., 8:, :] = 0
    assert torch.allclose(skin_colour(image, known), torch.tensor(-0.5), atol=1e-4), "else the rest of the picture"
    nothing = skin_colour(image, torch.zeros_like(known))
    assert torch.equal(nothing, torch.zeros(1, 3, 1, 1))


def test_each_network_gets_picture_hole_and_hint():
    """The coarse one with the skin's colour in the hole, the refinement one with the coarse picture."""
    network, (image, hole, reference, confidence) = attentive(1), inputs(2)
    given = {}
    for part in ("coarse", "refine"):
        hook = lambda _, arguments, part=part: given.update({part: arguments[0]})  # noqa: E731
        getattr(network, part).register_forward_pre_hook(hook)
    with torch.no_grad():
        output = network(image, hole, reference, confidence)
    for sample in range(2):
        inside = hole[sample, 0] > 0
        skin = skin_colour(image, 1 - hole)[sample]
        assert torch.allclose(given["coarse"][sample, :3][:, inside], skin.flatten(1), atol=1e-6)
        assert torch.equal(given["refine"][sample, :3][:, inside], output.coarse[sample][:, inside])
        for draft in given.values():
            assert torch.equal(draft[sample, :3][:, ~inside], image[sample][:, ~inside])
            assert torch.equal(draft[sample, 3:4], hole[sample])
            assert torch.equal(draft[sample, 4:7], reference[sample] * confidence[sample])
            assert torch.equal(draft[sample, 7:], confidence[sample])


def test_hole_may_be_boolean_and_cover_all_or_nothing():
    network, (image, hole, *hint) = attentive(2), inputs(1)
    with torch.no_grad():
        assert torch.equal(network(image, hole.bool(), *hint).image, network(image, hole, *hint).image)
        for edge in (torch.zeros_like(hole), torch.ones_like(hole)):
            assert all(torch.isfinite(part).all() for part in network(image, edge, *hint))


@pytest.mark.parametrize(("fold", "normalized"), [(1, False), (2, False), (2, True)])
def test_every_parameter_learns(fold, normalized):
    network, batch = MaskRemovalNetwork(**TINY, fold=fold, normalized=normalized), inputs(2)
    optimizer = torch.optim.SGD(network.parameters(), 1e-2)

    def silent() -> set[str]:
        optimizer.zero_grad()
        output = network(*batch)
        loss = sum((picture - batch[0]).square().mean() for picture in (output.coarse, output.image))
        (loss + (output.embedding - 1).square().mean()).backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
        return {name for name, parameter in network.named_parameters() if parameter.grad.abs().max() < 1e-9}

    # Gains that start at 0 let nothing pass to what lies before them until they have moved.
    between = ("query", "key", "value", "out", *(("norm_query", "norm_key") if normalized else ()))
    parts = [f"refine.{a}.{part}" for a in ATTENTIONS for part in between]
    behind_gains = {f"{part}.{kind}" for part in parts for kind in ("weight", "bias")}
    # A norm takes the mean out again.
    before = ("down32.0", "down16.0", "up32", "norm32", "up64")
    before_norms = {f"refine.{part}.bias" for part in before} if normalized else set()
    assert behind_gains <= silent() <= behind_gains | before_norms
    with torch.no_grad():
        for name in ATTENTIONS:  # one step moves them by too little to tell from rounding
            assert getattr(network.refine, name).gain.grad.abs() > 0
            getattr(network.refine, name).gain.fill_(0.5)
    # What all keys share cancels in the softmax: their bias is there for its checkpoint's sake alone.
    in_vain = "norm_key.bias" if normalized else "key.bias"
    assert silent() <= {f"refine.{name}.{in_vain}" for name in ATTENTIONS} | before_norms


def test_norms_keep_a_network_alive_whose_weights_have_grown():
    """Without them these weights give no number in the gradient of the fused attention."""
    network, batch = MaskRemovalNetwork(**TINY, fold=2, normalized=True), inputs(2)
    refine = network.refine
    with torch.no_grad():
        for name in ATTENTIONS:
            attention = getattr(refine, name)
            attention.gain.fill_(0.5)
            for conv in (attention.query, attention.key):
                conv.weight.mul_(1e5)
        for conv in (refine.down32[0], refine.down16[0], refine.up32, refine.up64):
            conv.weight.mul_(1e5)
    output = network(*batch)
    assert output.embedding.abs().max() < 100
    (output.image - batch[0]).square().mean().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


def test_the_refined_picture_and_the_embedding_teach_the_coarse_network():
    network, (image, *others) = MaskRemovalNetwork(**TINY), inputs(2)
    for part in ("image", "embedding"):
        network.zero_grad()
        getattr(network(image, *others), part).square().sum().backward()
        assert network.coarse.encode1.conv.weight.grad.abs().max() > 0
    # Only the coarse picture's hole goes on: what lies around it is the photo's.
    painted = []
    network.coarse.paint.register_forward_hook(lambda *call: painted.append(call[2]))
    (gradient,) = torch.autograd.grad(network(image, *others).image.sum(), painted)
    gradient = gradient.abs().sum(1, keepdim=True)
    assert (gradient[others[0] == 0] == 0).all() and (gradient[others[0] == 1] > 0).all()


def test_bfloat16_agrees_with_float32():
    network, batch = attentive(1), inputs(2)
    with torch.no_grad():
        exact = network(*batch)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = network(*batch)
    assert all(part.dtype == torch.float32 for part in rounded)
    assert not torch.equal(rounded.image, exact.image), "autocast was not in effect"
    assert (rounded.coarse - exact.coarse).abs().mean() < 0.03
    assert (rounded.image - exact.image).abs().mean() < 0.03
    assert (rounded.embedding - exact.embedding).abs().max() < 0.05 * exact.embedding.abs().max()


@pytest.mark.parametrize("fold", [1, 2])
@pytest.mark.parametrize("side", [32, 96])
def test_works_at_other_sizes(side, fold):
    with torch.no_grad():
        output = attentive(fold)(*inputs(1, side))
    assert output.image.shape == output.coarse.shape == (1, 3, side, side)
    assert output.embedding.shape == (1, 8 * TINY["width"])
    assert all(torch.isfinite(part).all() for part in output)


def test_folds_other_than_one_and_two_are_refused():
    with pytest.raises(ValueError, match="fold"):
        MaskRemovalNetwork(**TINY, fold=4)


def convolutions(network: nn.Module) -> list[nn.Conv2d]:
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)]


@pytest.mark.parametrize("how", INITIALIZATIONS)
def test_initializations_have_the_statistics_of_their_names(how):
    network = MaskRemovalNetwork(**TINY)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    initialize(network, how)
    scaled = []
    for conv in convolutions(network):
        weight = conv.weight.detach()
        ins, outs = conv.in_channels * conv.kernel_size[0] ** 2, conv.out_channels * conv.kernel_size[0] ** 2
        assert conv.bias is None or not conv.bias.any()
        if how == "orthogonal":
            flat = weight.flatten(1) if conv.out_channels <= ins else weight.flatten(1).T
            assert torch.allclose(flat @ flat.T, torch.eye(len(flat)), atol=1e-4)
            continue
        wanted = {
            "kaiming": math.sqrt(2 / (1 + 0.2**2) / ins),  # of leaky ReLUs with a slope of 0.2
            "normal": 0.02,
            "xavier": math.sqrt(2 / (ins + outs)),
        }[how]
        scaled.append(weight.flatten() / wanted)
    # A deviation of n numbers is known to 1 / sqrt(2 n) of itself, their mean to 1 / sqrt(n) of it.
    for numbers in (*scaled, *([torch.cat(scaled)] if scaled else [])):
        assert numbers.std().item() == pytest.approx(1, abs=4.5 / math.sqrt(2 * len(numbers)))
        assert numbers.mean().abs() < 4.5 / math.sqrt(len(numbers))
    after = network.state_dict()
    kept = {name for name in before if "norm" in name or name.endswith("gain")}
    assert kept and all(torch.equal(before[name], after[name]) for name in kept)
    assert not any(torch.equal(before[name], after[name]) for name in before if name.endswith("conv.weight"))


@pytest.mark.parametrize("how", INITIALIZATIONS)
def test_pixels_of_a_fold_start_alike(how):
    network = MaskRemovalNetwork(**TINY, fold=2).eval()
    initialize(network, how)
    with torch.no_grad():
        output = network(*inputs(1))
    for picture in (output.coarse, output.image):
        # Unfolded from one value each, or a fresh network would paint a checkerboard.
        assert torch.allclose(picture[..., ::2, ::2], picture[..., 1::2, 1::2], atol=1e-6)
        assert not torch.allclose(picture[..., ::2, :-2:2], picture[..., ::2, 2::2], atol=1e-3)


def test_prediction_of_the_mirror_image_is_the_mirrored_prediction():
    network, given = attentive(fold=2), inputs(2)
    flipped = [one.flip(3) for one in given]
    with torch.inference_mode():
        plain, mirrored = predict(network, *given), predict(network, *flipped)
        alone, other = network(*given), network(*flipped)
    assert not torch.allclose(alone.image, other.image.flip(3), atol=1e-3)
    assert torch.allclose(plain.image, mirrored.image.flip(3), atol=1e-5)
    assert torch.allclose(plain.coarse, mirrored.coarse.flip(3), atol=1e-5)
    assert torch.allclose(plain.embedding, mirrored.embedding, atol=1e-5)
    assert torch.allclose(plain.image, (alone.image + other.image.flip(3)) / 2, atol=1e-5)
    assert torch.allclose(plain.embedding, (alone.embedding + other.embedding) / 2, atol=1e-5)


def test_no_wall_tints_what_is_drawn_within_the_face_and_beyond_it_all_is_seen():
    network, (image, hole, reference, confidence) = attentive(fold=2), inputs(1)
    hint, face = (reference, confidence), torch.zeros_like(hole)
    side = face.shape[-1]
    face[..., side // 8 : -side // 4, side // 8 : -side // 8] = 1
    wall = image * face + (1 - face)
    low = torch.zeros_like(hole)
    low[..., side // 2 :, side // 4 : -side // 4] = 1
    with torch.inference_mode():
        drawn, other = (predict(network, one, hole * face, *hint, face) for one in (image, wall))
        assert torch.equal(drawn.image, other.image) and torch.equal(drawn.coarse, other.coarse)
        assert not torch.allclose(
            *(predict(network, one, hole * face, *hint).image for one in (image, wall)), atol=1e-3
        )
        drawn, far = predict(network, image, low, *hint, face), predict(network, image, low, *hint)
    below = (slice(None), slice(None), slice(-side // 8, None), slice(side // 4, -side // 4))
    assert torch.allclose(drawn.image[below], far.image[below], atol=1e-5)
    middle = (slice(None), slice(None), slice(side // 2, side // 2 + 4), slice(side // 2 - 4, side // 2 + 4))
    assert not torch.allclose(drawn.image[middle], far.image[middle], atol=1e-3)


def test_where_all_beyond_the_face_is_drawn_the_face_alone_is_looked_at():
    network, (image, hole, reference, confidence) = attentive(fold=2), inputs(1)
    hint, looks = (reference, confidence), []
    side = hole.shape[-1]
    face, low = torch.zeros_like(hole), torch.zeros_like(hole)
    face[..., : -side // 4, :] = 1
    low[..., side // 2 :, side // 4 : -side // 4] = 1
    drawn = image.flip(3)
    network.register_forward_hook(lambda *_: looks.append(1))
    with torch.inference_mode():
        both = predict(network, image, low, *hint, face)
        assert len(looks) == 2
        one = predict(network, image, low, *hint, face, beyond=drawn)
        assert len(looks) == 3
    within = (slice(None), slice(None), slice(side // 2, side // 2 + 4), slice(None))
    below = (slice(None), slice(None), slice(-side // 8, None), slice(None))
    for name in ("coarse", "image"):
        assert torch.equal(getattr(one, name)[within], getattr(both, name)[within])
        assert torch.equal(getattr(one, name)[below], drawn[below])


def test_a_draft_takes_the_coarse_networks_place():
    network, (image, hole, reference, confidence) = attentive(fold=2), inputs(2)
    with torch.inference_mode():
        own = predict(network, image, hole, reference, confidence)
        same = predict(network, image, hole, reference, confidence, draft=own.coarse)
        other = predict(network, image, hole, reference, confidence, draft=-own.coarse)
        once = network(image, hole, reference, confidence, own.coarse)
        outside = network(image, hole, reference, confidence, torch.where(hole > 0, own.coarse, 0.5))
    assert torch.equal(same.coarse, own.coarse) and not torch.allclose(other.image, own.image, atol=1e-3)
    assert torch.equal(once.image, outside.image), "only the hole of a draft is looked at"


def test_unknown_initialization():
    with pytest.raises(ValueError, match="kaiming, normal, xavier, orthogonal"):
        initialize(nn.Conv2d(1, 1, 1), "uniform")
