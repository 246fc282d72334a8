"""Augmentation: each transformation against a plain reference; the controller of its probability."""

from math import pi, sqrt

import cv2
import numpy as np
import pytest
import torch
from scipy.ndimage import affine_transform

from pipelines.errors import OptionInvalid
from pipelines.stylegan import ada
from pipelines.stylegan.ada import (
    AdaptiveAugment,
    blit,
    colour_matrices,
    draw_blit,
    draw_colours,
    draw_geometry,
    geometry_matrices,
    recolour,
    transform,
)
from pipelines.training.augment import step_generator

SIDE = 32
MANY = 20_000


@pytest.fixture
def face(astronaut) -> torch.Tensor:
    """The astronaut's face without fine detail, ``(1, 3, 32, 32)`` in [-1, 1]."""
    photo = cv2.GaussianBlur(
        cv2.resize(astronaut[40:200, 150:310], (SIDE, SIDE), interpolation=cv2.INTER_AREA), None, 1.5
    )
    return torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 127.5 - 1


def geometry(**changes: float | tuple[float, float]) -> torch.Tensor:
    """One matrix that changes nothing but what is said."""
    given = {"scale": 1.0, "before": 0.0, "stretch": 1.0, "after": 0.0, "shift": (0.0, 0.0)} | changes
    return geometry_matrices(*(torch.tensor([value]) for value in given.values()))


def colours(**changes: float | bool) -> torch.Tensor:
    given = {"brightness": 0.0, "contrast": 1.0, "flipped": False, "hue": 0.0, "saturation": 1.0} | changes
    return colour_matrices(*(torch.tensor([value]) for value in given.values()))


# --- blit -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("shift", [(0, 0), (3, 0), (0, -2), (-4, 1)])
def test_blit_is_flip_quarter_turn_and_shift(face, mirrored, turns, shift):
    done = blit(face, torch.tensor([mirrored]), torch.tensor([turns]), torch.tensor([shift]))
    plain = face[0].numpy()
    plain = plain[..., ::-1] if mirrored else plain
    plain = np.rot90(plain, turns, (1, 2))
    margin, (x, y) = 5, shift
    padded = np.pad(plain, ((0, 0), (margin, margin), (margin, margin)), mode="reflect")
    wanted = padded[:, margin - y : margin - y + SIDE, margin - x : margin - x + SIDE]
    assert np.array_equal(done[0].numpy(), wanted)


def test_blit_treats_each_picture_by_its_own_numbers(face):
    images = torch.cat([face, face + 1])
    mirrored, turns, shift = torch.tensor([True, False]), torch.tensor([0, 1]), torch.tensor([[0, 0], [2, 1]])
    done = blit(images, mirrored, turns, shift)
    for row in range(2):
        part = slice(row, row + 1)
        assert torch.equal(done[part], blit(images[part], mirrored[part], turns[part], shift[part]))


# --- geometry -------------------------------------------------------------------------------------------------------


def test_enlarging_and_reducing_gives_noise_back():
    noise = torch.randn(2, 3, SIDE, SIDE, generator=step_generator(0, 0))
    assert torch.allclose(transform(noise, geometry().expand(2, -1, -1)), noise, atol=2e-5)
    taps = np.array(ada._SYM6)
    assert taps.sum() == pytest.approx(sqrt(2))
    for lag in range(6):
        assert (taps[2 * lag :] * taps[: len(taps) - 2 * lag]).sum() == pytest.approx(float(lag == 0), abs=1e-9)


def test_whole_pixels_are_moved_exactly():
    noise = torch.randn(1, 3, SIDE, SIDE, generator=step_generator(0, 0))
    still = torch.tensor([False]), torch.tensor([0])
    for shift in ((3, 0), (-2, 5)):
        moved = transform(noise, geometry(shift=tuple(map(float, shift))))
        difference = (moved - blit(noise, *still, torch.tensor([shift]))).abs()
        assert difference[..., 12:-12, 12:-12].max() < 1e-4


@pytest.mark.parametrize(
    "changes",
    [
        {"scale": 1.3},
        {"scale": 0.8},
        {"before": 0.4},
        {"after": -2.0},
        {"stretch": 1.25},
        {"shift": (2.5, -1.25)},
        {"scale": 1.1, "before": 0.7, "stretch": 0.8, "after": -0.2, "shift": (0.5, 1.5)},
    ],
)
def test_geometry_agrees_with_scipy(face, changes):
    done = transform(face, geometry(**changes))[0].numpy()
    given = {"scale": 1.0, "before": 0.0, "stretch": 1.0, "after": 0.0, "shift": (0.0, 0.0)} | changes

    def turn(angle: float) -> np.ndarray:
        return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    stretch = np.diag([given["stretch"], 1 / given["stretch"]])
    forward = turn(given["after"]) @ stretch @ turn(given["before"]) * given["scale"]
    backward = np.linalg.inv(forward)[::-1, ::-1]  # scipy counts rows first
    centre = (SIDE - 1) / 2
    offset = centre - backward @ (centre + np.array(given["shift"])[::-1])
    wanted = [affine_transform(channel, backward, offset, order=3, mode="mirror") for channel in face[0].numpy()]
    difference = np.abs(done - wanted)[:, 3:-3, 3:-3]
    assert difference.mean() < 0.01 and difference.max() < 0.06
    assert np.abs(done - face[0].numpy()).mean() > 0.02


def test_what_comes_in_is_a_reflection_however_far(face):
    moved = transform(face, geometry(shift=(float(2 * (SIDE - 1)), 0.0)))
    assert torch.allclose(moved, face, atol=0.02), "a shift by a period of the reflection"
    small = transform(face, geometry(scale=0.5))
    assert small.min() > face.min() - 0.1 and small.max() < face.max() + 0.1, "nothing is black but what was"


# --- colour ---------------------------------------------------------------------------------------------------------


def test_each_colour_change_is_what_it_says(face):
    grey = face.mean(1, keepdim=True)
    assert torch.allclose(recolour(face, colours()), face, atol=1e-6)
    assert torch.allclose(recolour(face, colours(brightness=0.3)), face + 0.3, atol=1e-6)
    assert torch.allclose(recolour(face, colours(contrast=1.7)), face * 1.7, atol=1e-6)
    assert torch.allclose(recolour(face, colours(flipped=True)), face - 2 * grey, atol=1e-6)
    assert torch.allclose(recolour(face, colours(saturation=0.0)), grey.expand_as(face), atol=1e-6)
    assert torch.allclose(recolour(face, colours(saturation=2.0)), grey + 2 * (face - grey), atol=1e-6)
    # A third of a turn about grey hands each colour on to the next.
    assert torch.allclose(recolour(face, colours(hue=2 * pi / 3)), face.roll(1, 1), atol=1e-5)
    assert torch.allclose(recolour(face, colours(hue=pi)), 2 * grey - face, atol=1e-5)


def test_brightness_comes_before_contrast_and_flip(face):
    done = recolour(face, colours(brightness=0.3, contrast=2.0, flipped=True))
    changed = 2 * (face + 0.3)
    assert torch.allclose(done, changed - 2 * changed.mean(1, keepdim=True), atol=1e-5)


# --- what is drawn --------------------------------------------------------------------------------------------------


def share(happened: torch.Tensor) -> float:
    return happened.float().mean().item()


@pytest.mark.parametrize("p", [0.2, 1.0])
def test_blits_happen_with_probability_p(p):
    mirrored, turns, shift = draw_blit(MANY, 64, p, step_generator(0, 0))
    assert share(mirrored) == pytest.approx(p / 2, abs=0.01)
    assert [share(turns == turn) for turn in (1, 2, 3)] == pytest.approx([p / 4] * 3, abs=0.01)
    assert share((shift != 0).any(1)) == pytest.approx(p * (1 - 1 / 16**2), abs=0.01)
    assert shift.abs().max() == 8  # an eighth of the side


@pytest.mark.parametrize("p", [0.2, 1.0])
def test_geometry_is_drawn_with_probability_p(p):
    matrices = draw_geometry(MANY, 64, p, step_generator(0, 0))
    linear, shift = matrices[..., :2], matrices[..., 2]
    scale = torch.linalg.det(linear).sqrt().log2()
    scaled = scale.abs() > 1e-5
    assert share(scaled) == pytest.approx(p, abs=0.01)
    assert scale[scaled].std().item() == pytest.approx(0.2, abs=0.01)
    ratio = torch.linalg.svdvals(linear)
    stretched = (ratio[:, 0] / ratio[:, 1]).log2()
    assert share(stretched > 1e-3) == pytest.approx(p, abs=0.015)
    turned = (linear[:, 0, 1].abs() > 1e-6) | (linear[:, 1, 0].abs() > 1e-6)
    assert share(turned) == pytest.approx(p, abs=0.01), "one of two rotations, or both"
    assert share(shift.any(1)) == pytest.approx(p, abs=0.01)
    assert shift[shift.any(1)].std().item() == pytest.approx(8, rel=0.03)


@pytest.mark.parametrize("p", [0.2, 1.0])
def test_colours_are_drawn_with_probability_p(p):
    matrices = draw_colours(MANY, p, step_generator(0, 0))
    factors, offset = matrices[..., :3], matrices[..., 3]
    assert torch.allclose(offset[:, :1].expand(-1, 3), offset, atol=1e-5), "brightness is grey"
    assert share(offset[:, 0].abs() > 1e-7) == pytest.approx(p, abs=0.01)
    grey = factors.sum(2)[:, 0]
    assert share(grey < 0) == pytest.approx(p / 2, abs=0.01)
    contrast = grey.abs().log2()
    assert share(contrast.abs() > 1e-5) == pytest.approx(p, abs=0.01)
    assert contrast[contrast.abs() > 1e-5].std().item() == pytest.approx(0.5, abs=0.02)
    assert (offset[:, 0] / grey).std().item() == pytest.approx(0.2 * sqrt(p), rel=0.05)


def test_the_same_generator_gives_the_same_pictures(face):
    augment = AdaptiveAugment()
    augment.p = 0.8
    images = face.expand(8, -1, -1, -1)
    once, again = (augment(images, step_generator(0, 3)) for _ in range(2))
    assert torch.equal(once, again)
    assert not torch.equal(once, augment(images, step_generator(0, 4)))


def test_without_probability_or_groups_pictures_stay(face):
    augment = AdaptiveAugment()
    assert augment(face, step_generator(0, 0)) is face
    augment = AdaptiveAugment("")
    augment.p = 1.0
    assert augment(face, step_generator(0, 0)) is face


def test_groups_are_those_asked_for(face):
    def colours_of(images: torch.Tensor) -> torch.Tensor:
        return images.flatten(2).sort(2).values

    done = {}
    for groups in ("b", "g", "c"):
        augment = AdaptiveAugment(groups)
        augment.p = 1.0
        done[groups] = augment(face.expand(4, -1, -1, -1), step_generator(0, 0))
        assert (done[groups] - face).abs().mean() > 0.05
    inside = done["c"].flatten(2)
    for row in inside:  # an affine map of the colours explains all of it
        known = torch.cat([face[0].flatten(1).T, torch.ones(SIDE**2, 1)], 1)
        fit = torch.linalg.lstsq(known, row.T).solution
        assert (known @ fit - row.T).abs().max() < 1e-3
    known = {tuple(colour) for colour in face[0].flatten(1).T.tolist()}
    assert {tuple(colour) for row in done["b"] for colour in row.flatten(1).T.tolist()} <= known
    with pytest.raises(OptionInvalid, match="letters b, g, c"):
        AdaptiveAugment("bx")


def test_autocast_does_not_coarsen_it(face):
    augment = AdaptiveAugment()
    augment.p = 1.0
    plain = augment(face, step_generator(0, 0))
    with torch.autocast("cpu", torch.bfloat16):
        cast = augment(face, step_generator(0, 0))
    assert cast.dtype == torch.float32 and torch.equal(cast, plain)


@pytest.mark.slow
def test_it_is_differentiable_twice():
    random = step_generator(0, 0)
    images = torch.randn(1, 1, 8, 8, dtype=torch.float64, generator=random, requires_grad=True)
    matrices = draw_geometry(1, 8, 1.0, random).double()
    moved = lambda x: transform(x, matrices)[..., ::3, ::3]  # noqa: E731
    assert torch.autograd.gradcheck(moved, images)
    assert torch.autograd.gradgradcheck(lambda x: moved(x).square(), images)
    numbers = draw_blit(1, 8, 1.0, random)
    blitted = lambda x: blit(x, *numbers)[..., ::3, ::3]  # noqa: E731
    assert torch.autograd.gradgradcheck(lambda x: blitted(x).square(), images)


# --- the controller -------------------------------------------------------------------------------------------------


def shown(augment: AdaptiveAugment, sign: float, steps: int, batch: int = 10) -> float:
    for _ in range(steps):
        augment.update(torch.tensor(sign), batch)
    return augment.p


def test_probability_rises_above_the_target_and_falls_below():
    augment = AdaptiveAugment("bgc", target=0.6, images=1000, interval=4)
    assert shown(augment, 0.9, 3) == 0, "only every fourth step"
    assert shown(augment, 0.9, 1) == pytest.approx(0.04)
    assert shown(augment, 0.61, 36) == pytest.approx(0.4)
    assert shown(augment, 0.59, 20) == pytest.approx(0.2)
    assert shown(augment, -1.0, 40) == 0
    assert shown(augment, 1.0, 100) == pytest.approx(1), "1,000 pictures carry it from 0 to 1"
    assert shown(augment, 1.0, 100) == 1


def test_the_mean_over_the_interval_counts():
    augment = AdaptiveAugment("bgc", target=0.5, images=100, interval=2)
    augment.p = 0.5
    for sign in (1.0, -0.2):
        augment.update(torch.tensor(sign), 5)
    assert augment.p == pytest.approx(0.4)
    for sign in (0.2, 0.9):
        augment.update(torch.tensor(sign), 5)
    assert augment.p == pytest.approx(0.5)


def test_without_groups_probability_stays_at_zero():
    assert shown(AdaptiveAugment("", images=10), 1.0, 20) == 0


def test_a_resumed_controller_goes_on_where_it_was():
    whole, first, second = (AdaptiveAugment(images=100) for _ in range(3))
    signs = [0.9, 0.8, 0.7, 0.95, 0.5, 0.99, 0.2]
    for augment, part in ((whole, signs), (first, signs[:5])):
        for sign in part:
            augment.update(torch.tensor(sign), 4)
    second.restore(first.state())
    for sign in signs[5:]:
        second.update(torch.tensor(sign), 4)
    assert second.state() == whole.state()
    for augment in (whole, second):
        augment.update(torch.tensor(1.0), 4)
    assert second.p == whole.p > 0
