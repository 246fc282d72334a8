"""The normalizer ``stylegan2`` on a real face with a small random generator: what it promises, and what it leaves."""

import numpy as np
import pytest
import skimage.data
import torch

from pipelines import devices
from pipelines.anomaly_scoring.normalizers.base import make_normalizer
from pipelines.anomaly_scoring.normalizers.inversion import CPU_STEPS, GPU_STEPS, InversionNormalizer
from pipelines.anomaly_scoring.scoring.heatmaps import unlikeness
from pipelines.errors import OptionInvalid, WeightsCorrupt, WeightsMissing, WeightsUnknown
from pipelines.faces.alignment import FFHQ, align
from pipelines.faces.points import Face
from pipelines.jobs import FACE_DISCRIMINATOR, FACE_GENERATOR
from pipelines.metrics.backbones import VARIABLE
from pipelines.models import loading, registering
from pipelines.stylegan.stylegan2 import Discriminator, Generator

pytestmark = pytest.mark.slow

CPU = devices.choose("cpu", "float32")
PICTURE = {"resolution": 16, "channel_base": 128, "channel_max": 16}
ARCHITECTURE = {"z_dim": 8, "w_dim": 8, "mapping_layers": 2, **PICTURE}


def saved(name: str, architecture=ARCHITECTURE, **about):
    torch.manual_seed(0)
    network = Generator(**architecture)
    for part, parameter in network.named_parameters():
        if part.endswith("noise_strength"):
            parameter.data.fill_(0.1)
    about = {"job": FACE_GENERATOR, "network": "stylegan2", "licence": "none", **about}
    return registering.save(name, network.state_dict(), half=False, architecture=architecture, **about)


@pytest.fixture(autouse=True)
def weights(tmp_path, monkeypatch):
    """A weights folder with a small random generator, and no other network."""
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    loading.clear()
    yield saved("small", default=True)
    loading.clear()


@pytest.fixture(scope="session")
def others(face) -> tuple[np.ndarray, Face]:
    """Another photo: the same, mirrored and darker."""
    photo = np.ascontiguousarray(skimage.data.astronaut()[:, ::-1] // 2)
    mesh = face.mesh.copy()
    mesh[:, 0] = photo.shape[1] - mesh[:, 0]
    return photo, Face(mesh[::-1].copy())


def normalizer(**options) -> InversionNormalizer:
    return InversionNormalizer(None, CPU, **{"steps": 6, "adaptation_steps": 4, **options})


def equal(one, other) -> bool:
    return (
        np.array_equal(one.image, other.image)
        and one.losses == other.losses
        and all(np.array_equal(a[1], b[1]) for a, b in zip(one.frames, other.frames, strict=True))
    )


def test_what_it_gives_back(astronaut, face, weights):
    result = make_normalizer("stylegan2", None, CPU, steps=6, adaptation_steps=4)(astronaut, face)
    assert result.image.shape == result.crop.shape == (16, 16, 3)
    assert result.image.dtype == result.crop.dtype == np.uint8
    assert np.array_equal(result.crop, align(astronaut, face, 16).crop(astronaut))
    assert len(result.losses) == 6 and all(np.isfinite(result.losses))
    assert [step for step, _ in result.frames] == [0, 1, 2, 3, 4]
    assert np.array_equal(result.frames[-1][1], result.image)
    assert not np.array_equal(result.frames[0][1], result.image)
    assert result.repainted is None
    there = result.alignment.face_in_crop(face)
    assert np.array_equal(result.face.mesh, there.mesh)
    assert result.searched.shape == (16, 16) and result.searched.dtype == bool and result.searched.all()
    difference = result.crop.astype(np.float32) - result.image
    assert result.residual.dtype == np.float32 and result.residual.max() > 0
    assert np.array_equal(result.residual, unlikeness(difference, there.eye_distance))


def test_what_it_says_of_itself(weights):
    stated = make_normalizer("stylegan2", None, CPU, steps=6, adaptation_steps=4).state()
    assert [(used.name, used.sha256) for used in stated.weights] == [("small", weights.sha256[:12])]
    assert stated.perceptual == "no network: squared error, Laplacian pyramid"
    assert stated.conditions == "6 + 4 steps, no network: squared error, Laplacian pyramid"
    # Frames past the normalized face move no figure.
    assert normalizer(frames_until=9).state() == normalizer().state() == stated
    assert normalizer(steps=7).state() != stated != normalizer(adaptation_steps=3).state()


def test_it_comes_nearer_to_the_face(astronaut, face):
    result = normalizer(steps=60, adaptation_steps=20)(astronaut, face)
    windows = np.array(result.losses).reshape(4, -1).mean(1)
    assert (np.diff(windows) < 0).all()
    inversion, adapted = (
        np.square(image.astype(float) - result.crop).mean() for image in (result.frames[0][1], result.image)
    )
    assert adapted < inversion


def test_one_face_leaves_nothing_that_another_notices(astronaut, face, others):
    shared = normalizer()
    shared(*others)
    second = shared(astronaut, face)
    loading.clear()
    assert equal(second, normalizer()(astronaut, face))


def test_the_cached_generator_stays_as_it_is(astronaut, face):
    model = loading.load(job=FACE_GENERATOR)
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    normalizer()(astronaut, face)
    assert loading.load(job=FACE_GENERATOR) is model
    assert all(torch.equal(value, before[name]) for name, value in model.network.state_dict().items())
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in model.network.parameters())


def test_the_seed_decides(astronaut, face):
    draw = normalizer()
    assert equal(draw(astronaut, face, seed=1), draw(astronaut, face, seed=1))
    assert not equal(draw(astronaut, face, seed=1), draw(astronaut, face, seed=2))


def test_frames_may_go_on_and_the_normalized_face_stays(astronaut, face):
    short, long = normalizer()(astronaut, face), normalizer(frames_until=9)(astronaut, face)
    assert np.array_equal(short.image, long.image)
    assert [step for step, _ in long.frames] == list(range(10))
    assert np.array_equal(long.frames[4][1], long.image)


def test_without_adaptation_the_inversion_is_the_answer(astronaut, face):
    plain = normalizer(adaptation_steps=0)(astronaut, face)
    assert plain.frames == ()
    assert np.array_equal(plain.image, normalizer()(astronaut, face).frames[0][1])


def test_progress_rises_and_names_the_step(astronaut, face):
    told = []
    normalizer()(astronaut, face, progress=lambda fraction, text: told.append((fraction, text)))
    assert [text for _, text in told] == [
        *(f"inverting {step}/6" for step in range(1, 7)),
        *(f"adapting {step}/4" for step in range(1, 5)),
    ]
    assert [fraction for fraction, _ in told] == pytest.approx(np.arange(10) / 10)


@pytest.mark.parametrize("at", ["inverting 3/6", "adapting 2/4"])
def test_what_progress_raises_stops_the_run_and_changes_nothing(astronaut, face, at):
    def stop(_: float, text: str) -> None:
        if text == at:
            raise KeyboardInterrupt

    draw = normalizer()
    expected = draw(astronaut, face)
    with pytest.raises(KeyboardInterrupt):
        draw(astronaut, face, progress=stop)
    assert equal(draw(astronaut, face), expected)


def test_the_crop_is_the_one_that_the_generator_learned_from(astronaut, face):
    saved("foreign", alignment="ffhq")
    saved("broken", alignment="passport")
    result = InversionNormalizer("foreign", CPU, steps=1, adaptation_steps=0)(astronaut, face)
    expected = align(astronaut, face, 16, FFHQ)
    np.testing.assert_array_equal(result.alignment.matrix, expected.matrix)
    assert np.array_equal(result.crop, expected.crop(astronaut))
    with pytest.raises(WeightsCorrupt, match="alignment must be one of philtrum, ffhq"):
        InversionNormalizer("broken", CPU)(astronaut, face)


def test_it_names_what_is_compared(astronaut, face, loss_folder, monkeypatch):
    torch.manual_seed(1)
    about = {"job": FACE_DISCRIMINATOR, "network": "stylegan2-discriminator", "licence": "none", "default": True}
    registering.save("critic", Discriminator(**PICTURE).state_dict(), architecture=PICTURE, **about)
    draw = normalizer(steps=2, adaptation_steps=1)
    assert np.isfinite(draw(astronaut, face).losses).all()
    assert draw.state().perceptual == "discriminator's features"
    assert draw.state().conditions == "2 + 1 steps, discriminator's features"
    assert [used.name for used in draw.state().weights] == ["small", "critic"]
    assert normalizer(perceptual="pyramid").state().perceptual[:2] == "no"
    monkeypatch.setenv(VARIABLE, str(loss_folder))
    draw = normalizer(steps=2, adaptation_steps=1)
    assert draw.state().perceptual == "LPIPS, SqueezeNet 1.1"
    assert [used.name for used in draw.state().weights] == ["small", "squeezenet1_1"]
    assert np.isfinite(draw(astronaut, face).losses).all()


def test_lpips_of_alexnet_comes_nearer(astronaut, face, shared, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(shared / "weights"))
    draw = normalizer(steps=30, adaptation_steps=10)
    result = draw(astronaut, face)
    assert draw.state().perceptual == "LPIPS, AlexNet"
    assert np.mean(result.losses[-5:]) < np.mean(result.losses[:5])


def test_a_machine_without_a_generator_says_how_to_get_one(astronaut, face, tmp_path, monkeypatch):
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path / "empty"))
    for attempt in (normalizer().state, lambda: normalizer()(astronaut, face)):
        with pytest.raises(WeightsMissing, match="weights import FILE NAME --network stylegan2 --default"):
            attempt()


def test_what_is_missing_is_said(astronaut, face):
    with pytest.raises(WeightsMissing, match="is not on this machine"):
        normalizer(perceptual="vgg")(astronaut, face)
    with pytest.raises(WeightsMissing, match="is not on this machine"):
        normalizer(perceptual="vgg").state()
    saved("labelled", {**ARCHITECTURE, "c_dim": 3})
    unknown, labelled = (InversionNormalizer(name, CPU) for name in ("none", "labelled"))
    for draw, error, words in (
        (unknown, WeightsUnknown, "no weights of that name"),
        (labelled, OptionInvalid, "by label"),
    ):
        with pytest.raises(error, match=words):
            draw.state()
        with pytest.raises(error, match=words):
            draw(astronaut, face)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"steps": 0}, "steps of inversion must be a number from 1 to 10000"),
        ({"steps": 10_001}, "steps of inversion"),
        ({"adaptation_steps": -1}, "steps of adaptation must be a number from 0 to 500"),
        ({"adaptation_steps": 501}, "steps of adaptation"),
        ({"frames_until": 19}, "step of the last frame must be a number from 20 to 500"),
        ({"frames_until": 501}, "step of the last frame"),
        ({"perceptual": "resnet"}, "perceptual network must be one of auto, vgg"),
        ({"speed": 1}, "no such option"),
    ],
)
def test_wrong_options_are_refused(option, words):
    with pytest.raises(OptionInvalid, match=words):
        make_normalizer("stylegan2", None, CPU, **option)


def test_steps_depend_on_the_device():
    assert InversionNormalizer(None, CPU).steps == CPU_STEPS
    gpu = devices.Device(torch.device("cuda"), torch.bfloat16, "")
    assert InversionNormalizer(None, gpu).steps == GPU_STEPS == 1000


def test_of_a_grey_photo_every_picture_is_grey(astronaut, face):
    grey = np.repeat(astronaut.mean(2).astype(np.uint8)[..., None], 3, 2)
    result = normalizer(frames_until=6)(grey, face)
    assert all(np.ptp(picture, axis=2).max() == 0 for _, picture in (*result.frames, (None, result.image)))
