"""Loading: networks with their weights, the cache, and files that are not what they should be."""

import hashlib
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipelines.errors import WeightsCorrupt, WeightsMissing, WeightsUnknown
from pipelines.models import loading, registering, store
from tests.pipelines.models.tiny import Tiny, edit, saved

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.slow
def test_the_built_in_weights_are_whole_small_and_load(monkeypatch):
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(ROOT / "weights"))
    built_in = [entry for entry in store.entries().values() if entry.kind == "network" and not entry.fetchable]
    jobs = {"cleft-inpainting", "mask-removal", "face-generator", "face-discriminator"}
    assert jobs <= {entry.job for entry in built_in}
    assert sum(file.bytes for entry in built_in for file in entry.files) <= 60 * 2**20
    for entry in built_in:
        assert all(file.bytes <= 16 * 2**20 for file in entry.files)
        model = loading.load(entry.name, job=entry.job)
        assert all(torch.isfinite(value).all() for value in model.network.state_dict().values())
    loading.clear()


def test_load_gives_the_saved_network_ready_to_run(weights):
    entry, state = saved()
    model = loading.load()
    assert (model.name, model.sha256) == ("first", entry.sha256)
    assert hashlib.sha256((weights / "first.safetensors").read_bytes()).hexdigest() == entry.sha256
    assert entry.bytes == (weights / "first.safetensors").stat().st_size
    assert load_file(weights / "first.safetensors")["layer.weight"].dtype == torch.float16
    assert not model.network.training
    assert not any(parameter.requires_grad for parameter in model.network.parameters())
    assert torch.equal(model.network.layer.weight, state["layer.weight"].half().float())
    assert model.network.layer.weight.dtype == torch.float32
    assert model.network.norm.num_batches_tracked.dtype == torch.int64
    assert torch.equal(model.network.scratch, torch.arange(3.0))


def test_load_in_another_type(weights):
    saved()
    assert loading.load("first", dtype=torch.bfloat16).network.layer.weight.dtype == torch.bfloat16
    assert loading.load("first").network.layer.weight.dtype == torch.float32


def test_what_is_loaded_for_inference_also_bears_gradients(weights):
    saved()
    with torch.inference_mode():
        loading.load()
    network = loading.load().network
    values = torch.ones(1, 3, 3, 3, requires_grad=True)
    network.layer(values).sum().backward()
    assert values.grad.abs().sum() > 0


def test_loading_leaves_the_random_state_alone(weights):
    saved()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    loading.load()
    assert torch.equal(torch.rand(3), expected)


def test_several_shards_are_one_network(weights, monkeypatch):
    monkeypatch.setattr(registering, "SHARD_BYTES", 30)
    entry, state = saved()
    assert [file.name for file in entry.files] == [f"first-{i}-of-3.safetensors" for i in (1, 2, 3)]
    digests = [hashlib.sha256((weights / file.name).read_bytes()).hexdigest() for file in entry.files]
    assert entry.sha256 == hashlib.sha256("".join(digests).encode()).hexdigest()
    assert entry.bytes == sum((weights / file.name).stat().st_size for file in entry.files)
    assert torch.equal(loading.load().network.layer.weight, state["layer.weight"].half().float())
    (weights / "first-2-of-3.safetensors").unlink()
    loading.clear()
    with pytest.raises(WeightsMissing, match="“first” are not on this machine; restore the weights folder"):
        loading.load()


def test_the_same_tensor_in_two_shards(weights, tmp_path):
    for number in (1, 2):
        save_file({"layer.weight": torch.ones(1)}, tmp_path / f"{number}.safetensors")
    registering.register(
        "twice",
        [tmp_path / "1.safetensors", tmp_path / "2.safetensors"],
        job="cleft-inpainting",
        network="tiny",
        licence="x",
    )
    with pytest.raises(WeightsCorrupt, match="Two files of the weights “twice” hold the same tensor"):
        loading.load("twice")


def test_the_cache_gives_the_same_object_until_the_file_changes(weights):
    saved()
    first = loading.load()
    assert loading.load() is first
    assert loading.load("first") is first
    saved()  # other random weights under the same name
    assert loading.load() is not first


def test_the_cache_drops_what_was_unused_for_longest(weights, monkeypatch):
    monkeypatch.setattr(loading, "CACHED", 2)
    for name in ("a", "b", "c"):
        saved(name)
    a, b = loading.load("a"), loading.load("b")
    assert loading.load("a") is a  # used again, so b is the oldest
    loading.load("c")
    assert loading.load("a") is a
    assert loading.load("b") is not b


def test_many_threads_load_once(weights, monkeypatch):
    saved()
    built = []
    monkeypatch.setattr(Tiny, "eval", lambda self: built.append(self) or torch.nn.Module.eval(self))
    found = []
    threads = [threading.Thread(target=lambda: found.append(loading.load())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(map(id, found))) == 1
    assert len(built) == 1


def test_unknown_names_and_other_jobs(weights):
    saved()
    saved("other", job="mask-removal")
    with pytest.raises(WeightsUnknown, match="no weights of that name; known are first, other"):
        loading.load("third")
    with pytest.raises(WeightsUnknown, match="“other” belong to another job"):
        loading.load("other")
    assert loading.load(job="mask-removal").name == "other"


def test_a_network_that_this_version_does_not_have(weights):
    saved()
    edit("first", network="huge")
    with pytest.raises(WeightsCorrupt, match="a network that this version does not have"):
        loading.load()


@pytest.mark.parametrize("architecture", [{"width": 8}, {"height": 4}, {"width": "wide"}])
def test_weights_that_do_not_fit_their_architecture(weights, architecture):
    saved()
    edit("first", architecture=architecture)
    with pytest.raises(WeightsCorrupt, match="“first” do not fit the network and architecture"):
        loading.load()


def test_a_changed_byte_and_a_cut_file_are_refused(weights):
    saved()
    path = weights / "first.safetensors"
    whole = path.read_bytes()
    for broken in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[:-1], b""):
        path.write_bytes(broken)
        for check in (store.verify, loading.load):
            with pytest.raises(WeightsCorrupt, match="“first” differ from their SHA-256; restore the weights folder"):
                check("first")
    path.write_bytes(whole)
    assert store.verify("first").sha256 == loading.load("first").sha256


def test_a_file_that_agrees_with_its_hash_but_is_no_safetensors(weights):
    saved()
    data = b"no safetensors at all"
    (weights / "first.safetensors").write_bytes(data)
    edit("first", sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
    with pytest.raises(WeightsCorrupt, match="no readable safetensors file"):
        loading.load()
