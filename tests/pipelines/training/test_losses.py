import math
import warnings

import pytest
import torch
import torchvision.models as models
from torch.nn import functional as F

from pipelines.errors import OptionInvalid, WeightsCorrupt, WeightsMissing
from pipelines.training import losses

pytestmark = pytest.mark.slow

TAKEN = {
    "vgg19": [1, 6, 8, 11, 17, 20, 26, 29, 31],
    "vgg16": [3, 8, 15, 22, 29],
    "alexnet": [1, 4, 7, 9, 11],
    "squeezenet": [1, 4, 7, 9, 10, 11, 12],
}
CHANNELS = {
    "vgg19": [64, 128, 128, 256, 256, 512, 512, 512, 512],
    "vgg16": [64, 128, 256, 512, 512],
    "alexnet": [64, 192, 384, 256, 256],
    "squeezenet": [64, 128, 256, 384, 384, 512, 512],
}


def picture(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32).view(1, 1, 2, 2)


def test_pixel_loss_is_the_mean_difference_over_the_holes_share():
    output = torch.cat([picture(1, 1, 0, 0), picture(0.5, 0, 0, 0)])
    hole = torch.cat([picture(1, 0, 0, 0), picture(1, 1, 0, 0)])
    # (1 + 1) / 4 / (1/4) = 2 and 0.5 / 4 / (2/4) = 0.25
    assert losses.pixel_loss(output, torch.zeros_like(output), hole).item() == pytest.approx((2 + 0.25) / 2)


def test_pixel_loss_of_an_empty_hole_is_finite():
    assert math.isfinite(losses.pixel_loss(picture(1, 1, 1, 1), picture(0, 0, 0, 0), torch.zeros(1, 1, 2, 2)))


def test_reconstruction_weighs_the_mean_differences_inside_and_outside_the_hole():
    target = torch.zeros(2, 3, 2, 2)
    output = target.clone()
    output[0, :, 0, 0] = torch.tensor([0.3, 0.6, -0.9])  # inside: mean 0.6
    output[0, :, 1, 1] = 0.3  # outside: a third of 0.3
    output[1, :, 0] = 0.2  # half inside, half outside
    hole = torch.cat([picture(1, 0, 0, 0), picture(1, 0, 1, 0)])
    rows = [5 * 0.6 + 0.1, 5 * 0.1 + 0.1]
    assert losses.reconstruction_loss(output, target, hole, 5.0).item() == pytest.approx(sum(rows) / 2)
    everywhere = torch.ones_like(hole)
    assert losses.reconstruction_loss(output, target, everywhere, 1.0).item() == pytest.approx(
        output.abs().mean().item()
    )
    assert losses.reconstruction_loss(output, target, 1 - everywhere, 7.0).item() == pytest.approx(
        output.abs().mean().item()
    )


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_contrastive_is_the_cross_entropy_of_cosines(temperature):
    torch.manual_seed(0)
    embeddings, others = torch.randn(5, 7), torch.randn(5, 7)

    def cosine(one: torch.Tensor, other: torch.Tensor) -> float:
        return float(one @ other) / math.sqrt(float(one @ one) * float(other @ other))

    rows = []
    for index, own in enumerate(embeddings):
        alike = [math.exp(cosine(own, other) / temperature) for other in others]
        rows.append(-math.log(alike[index] / sum(alike)))
    found = losses.contrastive_loss(embeddings, others, temperature)
    assert found.item() == pytest.approx(sum(rows) / 5, rel=1e-4)
    assert losses.contrastive_loss(3 * embeddings, others / 2, temperature).item() == pytest.approx(found.item())


def test_contrastive_pulls_partners_together_and_strangers_apart():
    torch.manual_seed(0)
    embeddings, others = torch.randn(4, 6), torch.randn(4, 6, requires_grad=True)
    optimizer = torch.optim.SGD([others], 0.5)
    for _ in range(200):
        optimizer.zero_grad()
        losses.contrastive_loss(embeddings, others, 0.1).backward()
        optimizer.step()
    similarity = F.cosine_similarity(embeddings[:, None], others[None], dim=2)
    assert (similarity.argmax(1) == torch.arange(4)).all()
    assert similarity.diag().min() > 0.5


def test_contrastive_of_a_single_pair_says_nothing():
    assert losses.contrastive_loss(torch.randn(1, 4), torch.randn(1, 4), 0.1).item() == 0


def test_landmark_loss_is_the_norm_in_pixels():
    target = torch.rand(2, 68, 2)
    predicted = target.clone()
    predicted[0, 5] += torch.tensor([3 / 256, 4 / 256])  # 5 px in the first face, none in the second
    assert losses.landmark_loss(predicted, target, 256).item() == pytest.approx(2.5, abs=1e-4)
    predicted = (target + 1 / 256).requires_grad_()
    assert losses.landmark_loss(predicted, target, 256).item() == pytest.approx(136**0.5, abs=1e-3)
    perfect = target.clone().requires_grad_()
    losses.landmark_loss(perfect, target, 256).backward()
    assert torch.isfinite(perfect.grad).all()


def test_total_variation():
    image = torch.tensor([[[[0.0, 1.0, 1.0], [0.0, 3.0, 1.0]]]])
    down = (0 + 2 + 0) / 3
    across = (1 + 0 + 3 + 2) / 4
    assert losses.total_variation(image).item() == pytest.approx(down + across)


def test_least_squares():
    real, fake = torch.tensor([2.0, 0.0]), torch.tensor([1.0, -3.0])
    assert losses.least_squares_discriminator(real, fake).item() == pytest.approx(0.5 * (1 + 5))
    assert losses.least_squares_generator(fake).item() == pytest.approx((0 + 16) / 2)


def test_hinge():
    real, fake = torch.tensor([2.0, 0.0]), torch.tensor([1.0, -3.0])
    assert losses.hinge_discriminator(real, fake).item() == pytest.approx(0.5 * (0.5 + 1))
    assert losses.hinge_generator(fake).item() == pytest.approx(1)


@pytest.mark.parametrize("gan", losses.ADVERSARIAL)
def test_adversaries_pull_apart(gan):
    discriminator_loss, generator_loss = losses.ADVERSARIAL[gan]
    real, fake = torch.zeros(3, requires_grad=True), torch.zeros(3, requires_grad=True)
    discriminator_loss(real, fake).backward()
    if gan == "hinge":
        assert (fake.grad > 0).all()
    assert (real.grad < 0).all(), "a real photo's score shall rise"
    fake.grad = None
    generator_loss(fake).backward()
    assert (fake.grad < 0).all(), "the generator wants its score to rise"


@pytest.fixture(scope="module", params=losses.LOSS_NETWORKS)
def network(request) -> losses.LossNetwork:
    torch.manual_seed(0)
    return losses.LossNetwork(request.param, None)


def test_takes_the_layers_of_the_papers(network):
    image = torch.rand(1, 3, 64, 64) * 2 - 1
    features = network(image)
    assert list(features) == TAKEN[network.name]
    assert [f.shape[1] for f in features.values()] == CHANNELS[network.name]
    assert all((f >= 0).all() for f in features.values()), "features are taken after the ReLU"
    assert not any(p.requires_grad for p in network.parameters())
    assert not network.training


def test_features_are_those_of_the_scaled_picture(network):
    """And no in-place ReLU changes features already taken."""
    image = torch.rand(1, 3, 64, 64) * 2 - 1
    features = network(image)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = ((image + 1) / 2 - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    for index, layer in enumerate(network.layers):
        x = layer(x.clone())
        if index in features:
            assert torch.allclose(features[index], x, atol=1e-6), index


def test_perceptual_is_a_sum_of_mean_differences(network):
    one, other = network(torch.zeros(2, 3, 64, 64)), network(torch.rand(2, 3, 64, 64))
    layers = {"vgg19": (1, 6, 11, 20, 29)}.get(network.name, TAKEN[network.name])
    expected = sum((one[i] - other[i]).abs().mean().item() for i in layers)
    assert network.perceptual(one, other).item() == pytest.approx(expected, rel=1e-5)
    assert network.perceptual(one, one).item() == 0


def test_unknown_network():
    with pytest.raises(OptionInvalid, match="vgg19, vgg16, alexnet, squeezenet"):
        losses.LossNetwork("resnet", None)


@pytest.mark.parametrize("name", losses.LOSS_NETWORKS)
def test_missing_weights_name_the_command_that_gets_them(name, tmp_path):
    with pytest.raises(WeightsMissing) as error:
        losses.LossNetwork(name, tmp_path)
    from pipelines.models import store

    command = str(error.value).split("weights get ")[1].split(",")[0]
    assert command in store.entries()
    assert str(tmp_path) not in str(error.value)


@pytest.mark.parametrize("file", ["squeezenet1_1_features.pth", "squeezenet1_1-b8a52dc0.pth"])
def test_reads_files_of_the_store_and_of_torchvision(file, tmp_path):
    torch.manual_seed(1)
    whole = models.squeezenet1_1(weights=None)
    torch.save(whole.state_dict(), tmp_path / file)
    read = losses.LossNetwork("squeezenet", tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(read.layers.parameters(), whole.features.parameters(), strict=True))


def test_another_networks_file_is_refused(tmp_path):
    torch.save(models.squeezenet1_1(weights=None).state_dict(), tmp_path / "alexnet_features.pth")
    with pytest.raises(WeightsCorrupt, match="holds another network"):
        losses.LossNetwork("alexnet", tmp_path)
    (tmp_path / "alexnet_features.pth").write_bytes(b"not a checkpoint")
    with pytest.raises(WeightsCorrupt):
        losses.LossNetwork("alexnet", tmp_path)


@pytest.mark.parametrize(("name", "build"), [("alexnet", models.alexnet), ("squeezenet", models.squeezenet1_1)])
def test_trained_features_equal_torchvisions(name, build, shared):
    network = losses.LossNetwork(name, shared / "weights")
    reference = build(weights=None).eval()
    file = next((shared / "weights").glob(f"{name}*.pth"))
    state = torch.load(file, weights_only=True)
    assert not reference.load_state_dict(state, strict=False).unexpected_keys
    image = torch.rand(1, 3, 96, 96) * 2 - 1
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).view(2, 1, 3, 1, 1)
    scaled = ((image + 1) / 2 - mean) / std
    last = TAKEN[name][-1]
    with torch.no_grad():
        expected = reference.features[: last + 1](scaled)
        assert torch.allclose(network(image)[last], expected, atol=1e-6 * expected.max().item())


@pytest.mark.parametrize(("name", "short"), [("alexnet", "alex"), ("squeezenet", "squeeze")])
def test_lpips_head_agrees_with_the_package(name, short, shared, astronaut):
    import lpips

    network = losses.LossNetwork(name, shared / "weights")
    head = losses.LPIPSHead(network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        package = lpips.LPIPS(net=short, pnet_rand=True, verbose=False).eval()
    state = torch.load(next((shared / "weights").glob(f"{name}*.pth")), weights_only=True)
    package.net.load_state_dict({key: state["features." + key.split(".", 1)[1]] for key in package.net.state_dict()})
    image = torch.from_numpy(astronaut[:256:2, 128:384:2].copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
    other = F.avg_pool2d(F.pad(image, (2, 2, 2, 2), mode="reflect"), 5, 1)
    pair = torch.cat([image, image.flip(3)]), torch.cat([other, image])
    with torch.no_grad():
        expected = package(*pair).mean().item()
        found = head(network(pair[0]), network(pair[1])).item()
    assert expected > 0.1
    assert found == pytest.approx(expected, abs=1e-4)
    assert head(network(pair[0]), network(pair[0])).item() == 0


def test_lpips_head_is_silent_and_draws_no_random_numbers(capfd, recwarn):
    network = losses.LossNetwork("squeezenet", None)
    torch.manual_seed(5)
    losses.LPIPSHead(network)
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


def test_lpips_has_no_head_for_vgg19():
    network = losses.LossNetwork("squeezenet", None)
    network.name = "vgg19"
    with pytest.raises(OptionInvalid, match="vgg16 or alexnet or squeezenet"):
        losses.LPIPSHead(network)


def test_lpips_of_dead_features_has_a_finite_gradient():
    network = losses.LossNetwork("squeezenet", None)
    head = losses.LPIPSHead(network)
    shapes = zip(TAKEN["squeezenet"], CHANNELS["squeezenet"], strict=True)
    drawn = {layer: torch.zeros(1, channels, 2, 2, requires_grad=True) for layer, channels in shapes}
    wanted = {layer: torch.rand_like(value) for layer, value in drawn.items()}
    head(drawn, wanted).backward()
    assert all(torch.isfinite(value.grad).all() for value in drawn.values())


def test_style_compares_what_channels_do_together_inside_the_hole():
    network = losses.LossNetwork("squeezenet", None)
    features = {layer: torch.rand(1, 4, 4, 4) for layer in TAKEN["squeezenet"]}
    hole = torch.zeros(1, 1, 8, 8)
    hole[..., :4] = 1
    moved = {layer: value[:, :, [3, 1, 0, 2]] for layer, value in features.items()}
    beside = {layer: torch.cat([value[..., :2], torch.rand(1, 4, 4, 2)], 3) for layer, value in features.items()}
    inside = {layer: torch.cat([torch.rand(1, 4, 4, 2), value[..., 2:]], 3) for layer, value in features.items()}
    assert network.style(moved, features, hole).item() == pytest.approx(0, abs=1e-7)  # a Gram matrix has no places
    assert network.style(beside, features, hole).item() == 0
    assert network.style(inside, features, hole).item() > 0.01


def test_style_by_hand():
    network = losses.LossNetwork("squeezenet", None)
    ones = {layer: torch.ones(1, 2, 2, 2) for layer in TAKEN["squeezenet"]}
    zeros = {layer: torch.zeros(1, 2, 2, 2) for layer in TAKEN["squeezenet"]}
    # Every entry of the Gram matrix is 4 places / (2 channels * 4 places); four layers are compared.
    assert network.style(ones, zeros, torch.ones(1, 1, 4, 4)).item() == pytest.approx(4 * 0.5)


def test_style_keeps_full_precision_under_autocast():
    torch.manual_seed(0)
    network = losses.LossNetwork("squeezenet", None)
    hole = torch.ones(1, 1, 8, 8)
    features = {layer: torch.rand(1, 8, 8, 8) + 3 for layer in TAKEN["squeezenet"]}
    close = {layer: value + 1e-3 * torch.randn_like(value) for layer, value in features.items()}
    exact = network.style(features, close, hole)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = network.style(features, close, hole)
    assert rounded.item() == pytest.approx(exact.item(), rel=1e-4)


@pytest.mark.parametrize("split", [1, 2])
def test_every_loss_is_a_mean_over_samples(split):
    """So that the mean of two processes' gradients is that of one process with the whole batch."""
    torch.manual_seed(0)
    network = losses.LossNetwork("squeezenet", None)
    head = losses.LPIPSHead(network)
    image, target = torch.rand(4, 3, 32, 32), torch.rand(4, 3, 32, 32)
    hole = (torch.rand(4, 1, 32, 32) < torch.tensor([0.1, 0.3, 0.5, 0.9]).view(4, 1, 1, 1)).float()
    points, truth = torch.rand(4, 68, 2), torch.rand(4, 68, 2)

    def all_losses(part: slice) -> torch.Tensor:
        one, other = network(image[part]), network(target[part])
        return torch.stack(
            [
                losses.pixel_loss(image[part], target[part], hole[part]),
                losses.reconstruction_loss(image[part], target[part], hole[part], 3.0),
                losses.landmark_loss(points[part], truth[part], 32),
                losses.total_variation(image[part]),
                network.perceptual(one, other),
                network.style(one, other, hole[part]),
                head(one, other),
                losses.hinge_discriminator(image[part], target[part]),
                losses.hinge_generator(image[part]),
                losses.least_squares_discriminator(image[part], target[part]),
                losses.least_squares_generator(image[part]),
            ]
        )

    parts = [all_losses(slice(start, start + split)) for start in range(0, 4, split)]
    assert torch.allclose(torch.stack(parts).mean(0), all_losses(slice(0, 4)), rtol=1e-4)


def test_identity_is_less_of_the_same_person(face):
    """The astronaut, darker, beside the astronaut with another's chin and with the face upside down."""
    import skimage.data

    from pipelines.faces.alignment import align

    photo = skimage.data.astronaut()
    alignment = align(photo, face, 256)
    image = torch.from_numpy(alignment.crop(photo)).permute(2, 0, 1)[None].float() / 127.5 - 1
    points = torch.from_numpy(alignment.to_crop(face.points))[None].float() / 256
    loss = losses.IdentityLoss(torch.device("cpu"))
    assert loss(image, image, points).item() == pytest.approx(0, abs=1e-5)
    bent = image.clone()
    bent[..., 140:, :] = bent[..., 140:, :].flip(2)
    darker, other = (loss(picture, image, points).item() for picture in (0.8 * image - 0.1, bent))
    assert 0 < darker < 0.03 < other < 0.5

    drawn = bent.requires_grad_()
    loss(drawn, image, points).backward()
    assert torch.isfinite(drawn.grad).all() and drawn.grad.abs().max() > 0
    assert not any(parameter.requires_grad for parameter in loss.network.parameters())
    with torch.no_grad():
        better = bent - 0.2 * bent.grad / bent.grad.abs().max()
        assert loss(better, image, points) < other
    with torch.autocast("cpu", torch.bfloat16):
        assert loss(bent, image, points).item() == pytest.approx(other, abs=1e-5), "in full precision"
