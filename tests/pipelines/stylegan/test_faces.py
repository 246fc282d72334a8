"""Which networks are refused, where they come in and where they are used; and in which precision the others draw."""

import pytest
import torch

from pipelines import devices
from pipelines.__main__ import main
from pipelines.anomaly_scoring.normalizers.inversion import InversionNormalizer
from pipelines.errors import OptionInvalid
from pipelines.jobs import FACE_DISCRIMINATOR, FACE_GENERATOR
from pipelines.metrics.backbones import VARIABLE
from pipelines.models import loading, places, registering, store
from pipelines.stylegan.faces import check_discriminator, check_generator
from pipelines.stylegan.likeness import choose_likeness
from pipelines.stylegan.stylegan2 import Discriminator, Generator, SynthesisLayer, ToRGB
from pipelines.training.recipe import export

CPU = devices.choose("cpu", "float32")
PICTURE = {"resolution": 16, "channel_base": 128, "channel_max": 8}
GENERATOR = {"z_dim": 8, "w_dim": 8, "mapping_layers": 2, **PICTURE}
GREY, LABELLED = {"image_channels": 1}, {"c_dim": 3}
NOT_IN_COLOUR = "This generator does not draw in colour; choose one of pictures in three channels, RGB."


@pytest.fixture(autouse=True)
def weights(tmp_path, monkeypatch):
    """An empty weights folder, and no loss network."""
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    loading.clear()
    yield
    loading.clear()


def saved(kind, architecture, job, network):
    torch.manual_seed(0)
    about = {"job": job, "network": network, "licence": "none", "default": True}
    registering.save(network, kind(**architecture).state_dict(), half=False, architecture=architecture, **about)


def imported(source, *more: str) -> int:
    return main(["weights", "import", str(source), "faces", "--licence", "x", *more])


def test_faces_in_colour_and_without_labels_are_used():
    check_generator({})
    check_generator({"image_channels": 3, "c_dim": 0})
    check_discriminator({"image_channels": 3, **LABELLED})
    for more in (GREY, {"image_channels": 4}):
        with pytest.raises(OptionInvalid, match="generator does not draw in colour"):
            check_generator(more)
        with pytest.raises(OptionInvalid, match="discriminator does not look at colour"):
            check_discriminator(more)
    with pytest.raises(OptionInvalid, match="by label"):
        check_generator(LABELLED)


def test_a_grey_generator_is_refused_at_import(shared, capsys):
    assert imported(shared / "cases/grey_generator.safetensors", "--default") == 2
    assert capsys.readouterr() == ("", f"{NOT_IN_COLOUR}\n")
    assert store.entries() == {} and not list(places.folder().glob("*"))


@pytest.mark.parametrize(
    ("kind", "network", "architecture", "words"),
    [
        (Generator, "stylegan2", GENERATOR | GREY, "does not draw in colour"),
        (Generator, "stylegan2", GENERATOR | LABELLED, "by label"),
        (Discriminator, "stylegan2-discriminator", PICTURE | GREY, "does not look at colour"),
    ],
)
def test_what_no_job_can_use_is_refused_at_import(tmp_path, capsys, kind, network, architecture, words):
    file = tmp_path / "weights.safetensors"
    export(kind(**architecture).state_dict(), network, architecture, 1, "", file)
    assert imported(file) == 2
    assert words in capsys.readouterr().err and store.entries() == {}


def test_what_no_job_can_use_is_refused_where_it_is_used(astronaut, face):
    """Weights that came in before they were refused, or by hand."""
    for more, words in ((GREY, "does not draw in colour"), (LABELLED, "by label")):
        saved(Generator, GENERATOR | more, FACE_GENERATOR, "stylegan2")
        draw = InversionNormalizer(None, CPU, steps=1, adaptation_steps=0)
        for attempt in (draw.state, lambda draw=draw: draw(astronaut, face)):
            with pytest.raises(OptionInvalid, match=words):
                attempt()
    saved(Discriminator, PICTURE | GREY, FACE_DISCRIMINATOR, "stylegan2-discriminator")
    with pytest.raises(OptionInvalid, match="does not look at colour"):
        choose_likeness("discriminator", CPU)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_every_block_draws_in_the_precision_that_the_result_names(astronaut, face, precision):
    """Of a network whose finest blocks were trained in float16, as NVIDIA's were."""
    device = devices.choose("cpu", precision)
    assert device.label == f"CPU, {precision}"
    low = {"low_precision_blocks": 2, "conv_clamp": 256.0}
    saved(Generator, GENERATOR | low, FACE_GENERATOR, "stylegan2")
    saved(Discriminator, PICTURE | low, FACE_DISCRIMINATOR, "stylegan2-discriminator")
    seen = {}
    for job in (FACE_GENERATOR, FACE_DISCRIMINATOR):
        network = loading.load(job=job).network
        for name, part in network.named_modules():
            if isinstance(part, SynthesisLayer | ToRGB) or name.endswith((".conv0", ".conv1", ".skip", ".fromrgb")):
                part.register_forward_hook(lambda *at, key=(job, name): seen.update({key: at[2].dtype}))
    draw = InversionNormalizer(None, device, steps=2, adaptation_steps=1, perceptual="discriminator")
    draw(astronaut, face)
    assert set(seen.values()) == {getattr(torch, precision)}
    assert {job for job, _ in seen} == {FACE_GENERATOR, FACE_DISCRIMINATOR} and len(seen) == 5 + 3 + 2 * 3 + 1
