"""The weights store: manifest, checks, cache, downloads, foreign checkpoints."""

import argparse
import hashlib
import json
import pickle
import shlex
import sys
import threading
import tomllib
import types
from collections import OrderedDict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pipelines.cleft_inpainting import train as cleft_inpainting
from pipelines.errors import OptionInvalid, WeightsCorrupt, WeightsMissing, WeightsUnknown
from pipelines.mask_removal import train as mask_removal
from pipelines.models import checkpoints, manifest, store
from pipelines.training.command import add_arguments, options_of

ROOT = Path(__file__).resolve().parents[3]


class Tiny(torch.nn.Module):
    """A network small enough to write in a millisecond."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.layer = torch.nn.Conv2d(3, width, 3)
        self.norm = torch.nn.BatchNorm2d(width)  # its counter is an integer: it must stay one in float16 files
        self.register_buffer("scratch", torch.arange(3.0), persistent=False)


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """An empty weights folder and a registry with one tiny network."""
    module = types.ModuleType("philtrum_tiny_network")
    module.Tiny = Tiny
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(store.NETWORKS, "tiny", "philtrum_tiny_network:Tiny")
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(folder))
    store.clear()
    yield folder
    store.clear()


def saved(name: str = "first", width: int = 4, **metadata):
    metadata = {"job": "cleft-inpainting", "licence": "research only", "default": True, **metadata}
    state = Tiny(width).state_dict()
    return store.save(name, state, network="tiny", architecture={"width": width}, **metadata), state


# --- the manifest of the repository -------------------------------------------------------------------------------


def test_the_repositorys_manifest_is_whole():
    tables = manifest.read_tables(ROOT / "weights/manifest.toml")
    entries = [manifest.parse(name, table) for name, table in tables.items()]
    for entry in entries:
        assert entry.licence and entry.data
        if entry.kind == "network":
            assert entry.network in store.NETWORKS
            assert entry.command and entry.figures
    loss_networks = {entry.name: entry.files[0] for entry in entries if entry.kind == "loss-network"}
    assert {"vgg19", "vgg16", "alexnet", "squeezenet1_1"} <= loss_networks.keys()
    for file in loss_networks.values():
        assert file.url.startswith("https://download.pytorch.org/models/")
        assert len(file.hash_start) == 8
    for job in {entry.job for entry in entries if entry.job}:
        assert sum(entry.default for entry in entries if entry.job == job) == 1


def test_the_commands_of_the_built_in_weights_would_train_their_networks():
    """A named network that changes must leave its name to the weights that it made."""
    recipes = {"cleft-inpainting": cleft_inpainting.Options, "mask-removal": mask_removal.Options}
    tables = manifest.read_tables(ROOT / "weights/manifest.toml")
    entries = [manifest.parse(name, table) for name, table in tables.items()]
    found = {entry.job: entry for entry in entries if entry.job in recipes}
    assert found.keys() == recipes.keys()
    for job, options in recipes.items():
        words = shlex.split(found[job].command)
        parser = argparse.ArgumentParser()
        add_arguments(parser, options, steps=1)
        args = parser.parse_args([*words[words.index(job) + 1 :], "--data", "photos", "--out", "run"])
        assert options.configurations[options_of(args, options).network] == found[job].architecture


def test_the_built_in_weights_are_whole_small_and_load(monkeypatch):
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(ROOT / "weights"))
    built_in = [entry for entry in store.entries().values() if entry.kind == "network" and not entry.fetchable]
    jobs = {"cleft-inpainting", "mask-removal", "face-generator", "face-discriminator"}
    assert jobs <= {entry.job for entry in built_in}
    assert sum(file.bytes for entry in built_in for file in entry.files) <= 60 * 2**20
    for entry in built_in:
        assert all(file.bytes <= 16 * 2**20 for file in entry.files)
        model = store.load(entry.name, job=entry.job)
        assert all(torch.isfinite(value).all() for value in model.network.state_dict().values())
    store.clear()


def test_the_repositorys_manifest_is_as_the_writer_writes_it(tmp_path):
    text = (ROOT / "weights/manifest.toml").read_text(encoding="utf-8")
    copy = tmp_path / "manifest.toml"
    copy.write_text(text, encoding="utf-8")
    manifest.write_tables(copy, manifest.read_tables(copy))
    assert copy.read_text(encoding="utf-8") == text


# --- writing and reading the manifest -----------------------------------------------------------------------------


def test_written_tables_read_back_the_same(tmp_path):
    tables = {
        "one": {
            "file": ["a.safetensors", "b.safetensors"],
            "sha256": ["0" * 64, "f" * 64],
            "architecture": {"width": 32, "gain": 0.5, "names": ["a", "b"], "deep": {"x y": True}, "none": {}},
            "licence": 'quotes " and \\ and\nlines, tab\t, bell \a, delete \x7f, umlaut ü, sign ×',
            "steps": 13_000,
            "figures": {"lips (20-40 %)": {"lpips": np.float32(0.125), "n": np.int64(7)}, "psnr": 1e-07, "big": 1e22},
        },
        "two": {"figures": {"only": {"nested": {"x": 1.0}}}},
    }
    path = tmp_path / "manifest.toml"
    manifest.write_tables(path, tables)
    read = tomllib.loads(path.read_text(encoding="utf-8"))
    assert read == tables
    assert type(read["one"]["figures"]["big"]) is float
    first = path.read_bytes()
    manifest.write_tables(path, read)
    assert path.read_bytes() == first


def test_the_comment_on_top_stays(tmp_path):
    path = tmp_path / "manifest.toml"
    path.write_text("# mine\n# too\n\n[a]\nx = 1 # lost\n")
    manifest.write_tables(path, {"a": {"x": 2}})
    assert path.read_text() == "# mine\n# too\n\n[a]\nx = 2\n"


def test_what_toml_cannot_hold_is_not_written(tmp_path):
    path = tmp_path / "manifest.toml"
    with pytest.raises(TypeError, match="cannot hold"):
        manifest.write_tables(path, {"a": {"x": object()}})
    assert not path.exists()


GOOD = {
    "job": "cleft-inpainting",
    "network": "tiny",
    "file": "first.safetensors",
    "sha256": "a" * 64,
    "bytes": 10,
    "licence": "research only",
}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"sha256": "A" * 64}, "sha256 must be 64 hex digits in lower case"),
        ({"sha256": "abc"}, "sha256 must be 64 hex digits"),
        ({"sha256": None}, "sha256 is missing"),
        ({"bytes": None}, "bytes is missing"),
        ({"bytes": 0}, "bytes must be a positive whole number"),
        ({"bytes": True}, "bytes must be a positive whole number"),
        ({"file": None}, "file or url is missing"),
        ({"file": "../first.safetensors"}, "file must name files inside the weights folder"),
        ({"file": "/etc/first.safetensors"}, "file must name files inside the weights folder"),
        ({"file": "..\\first.safetensors"}, "file must name files inside the weights folder"),
        ({"file": ["a.safetensors"] * 2}, "file must name files inside the weights folder"),
        ({"file": 3}, "file must name files inside the weights folder"),
        ({"file": "first.pth"}, "must be a .safetensors file"),
        ({"file": ["a.safetensors", "b.safetensors"]}, "sha256 and file must be equally many"),
        ({"url": "http://example.org/first.safetensors"}, "url must start with https://"),
        ({"url": "file:///etc/passwd"}, "url must start with https://"),
        ({"licence": ""}, "licence is missing"),
        ({"job": None}, "job is missing"),
        ({"network": 5}, "network must be a text"),
        ({"kind": "pickle"}, "kind must be one of"),
        ({"architecture": [1]}, "architecture must be a table"),
        ({"default": "yes"}, "default must be true or false"),
    ],
)
def test_a_broken_entry_is_named_with_its_rule(change, rule):
    table = {key: value for key, value in {**GOOD, **change}.items() if value is not None}
    with pytest.raises(WeightsCorrupt) as caught:
        manifest.parse("first", table)
    assert str(caught.value).startswith("The weights manifest is broken at “first”: ")
    assert rule in str(caught.value)
    assert manifest.parse("first", GOOD).files[0].name == "first.safetensors"


def test_a_manifest_that_is_no_toml(weights):
    (weights / "manifest.toml").write_text("[first\nfile = ")
    with pytest.raises(WeightsCorrupt, match="no valid TOML; restore it"):
        store.entries()


def test_an_entry_with_an_odd_name_is_not_repeated(weights):
    (weights / "manifest.toml").write_text('["\\u001b[31m"]\nfile = "a"\n')
    with pytest.raises(WeightsCorrupt, match="one with an odd name"):
        store.entries()


def test_no_manifest_is_no_entries(weights):
    assert store.entries() == {}
    with pytest.raises(WeightsUnknown, match="names no weights for this job"):
        store.load()


# --- loading ------------------------------------------------------------------------------------------------------


def test_load_gives_the_saved_network_ready_to_run(weights):
    entry, state = saved()
    model = store.load()
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
    assert store.load("first", dtype=torch.bfloat16).network.layer.weight.dtype == torch.bfloat16
    assert store.load("first").network.layer.weight.dtype == torch.float32


def test_what_is_loaded_for_inference_also_bears_gradients(weights):
    saved()
    with torch.inference_mode():
        store.load()
    network = store.load().network
    values = torch.ones(1, 3, 3, 3, requires_grad=True)
    network.layer(values).sum().backward()
    assert values.grad.abs().sum() > 0


def test_loading_leaves_the_random_state_alone(weights):
    saved()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    store.load()
    assert torch.equal(torch.rand(3), expected)


def test_several_shards_are_one_network(weights, monkeypatch):
    monkeypatch.setattr(store, "SHARD_BYTES", 30)
    entry, state = saved()
    assert [file.name for file in entry.files] == [f"first-{i}-of-3.safetensors" for i in (1, 2, 3)]
    digests = [hashlib.sha256((weights / file.name).read_bytes()).hexdigest() for file in entry.files]
    assert entry.sha256 == hashlib.sha256("".join(digests).encode()).hexdigest()
    assert entry.bytes == sum((weights / file.name).stat().st_size for file in entry.files)
    assert torch.equal(store.load().network.layer.weight, state["layer.weight"].half().float())
    (weights / "first-2-of-3.safetensors").unlink()
    store.clear()
    with pytest.raises(WeightsMissing, match="“first” are not on this machine; restore the weights folder"):
        store.load()


def test_the_same_tensor_in_two_shards(weights, tmp_path):
    for number in (1, 2):
        save_file({"layer.weight": torch.ones(1)}, tmp_path / f"{number}.safetensors")
    store.register(
        "twice",
        [tmp_path / "1.safetensors", tmp_path / "2.safetensors"],
        job="cleft-inpainting",
        network="tiny",
        licence="x",
    )
    with pytest.raises(WeightsCorrupt, match="Two files of the weights “twice” hold the same tensor"):
        store.load("twice")


def test_the_cache_gives_the_same_object_until_the_file_changes(weights):
    saved()
    first = store.load()
    assert store.load() is first
    assert store.load("first") is first
    saved()  # other random weights under the same name
    assert store.load() is not first


def test_the_cache_drops_what_was_unused_for_longest(weights, monkeypatch):
    monkeypatch.setattr(store, "CACHED", 2)
    for name in ("a", "b", "c"):
        saved(name)
    a, b = store.load("a"), store.load("b")
    assert store.load("a") is a  # used again, so b is the oldest
    store.load("c")
    assert store.load("a") is a
    assert store.load("b") is not b


def test_many_threads_load_once(weights, monkeypatch):
    saved()
    built = []
    monkeypatch.setattr(Tiny, "eval", lambda self: built.append(self) or torch.nn.Module.eval(self))
    found = []
    threads = [threading.Thread(target=lambda: found.append(store.load())) for _ in range(8)]
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
        store.load("third")
    with pytest.raises(WeightsUnknown, match="“other” belong to another job"):
        store.load("other")
    assert store.load(job="mask-removal").name == "other"


def test_a_network_that_this_version_does_not_have(weights):
    saved()
    store.annotate("first", network="huge")
    with pytest.raises(WeightsCorrupt, match="a network that this version does not have"):
        store.load()


@pytest.mark.parametrize("architecture", [{"width": 8}, {"height": 4}, {"width": "wide"}])
def test_weights_that_do_not_fit_their_architecture(weights, architecture):
    saved()
    store.annotate("first", architecture=architecture)
    with pytest.raises(WeightsCorrupt, match="“first” do not fit the network and architecture"):
        store.load()


def test_a_changed_byte_and_a_cut_file_are_refused(weights):
    saved()
    path = weights / "first.safetensors"
    whole = path.read_bytes()
    for broken in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[:-1], b""):
        path.write_bytes(broken)
        for check in (store.verify, store.load):
            with pytest.raises(WeightsCorrupt, match="“first” differ from their SHA-256; restore the weights folder"):
                check("first")
    path.write_bytes(whole)
    assert store.verify("first").sha256 == store.load("first").sha256


def test_a_file_that_agrees_with_its_hash_but_is_no_safetensors(weights):
    saved()
    data = b"no safetensors at all"
    (weights / "first.safetensors").write_bytes(data)
    store.annotate("first", sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
    with pytest.raises(WeightsCorrupt, match="no readable safetensors file"):
        store.load()


# --- register and annotate ----------------------------------------------------------------------------------------


def test_register_copies_a_file_from_elsewhere_and_computes_hash_and_size(weights, tmp_path):
    file = tmp_path / "step-100.safetensors"
    save_file(Tiny().state_dict(), file)
    entry = store.register(
        "run", file, job="cleft-inpainting", network="tiny", licence="x", architecture={"width": 4}, steps=100
    )
    assert (weights / "run.safetensors").read_bytes() == file.read_bytes()
    assert entry.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert entry.details == {"steps": 100}
    assert store.load("run").name == "run"
    assert sorted(path.name for path in weights.iterdir()) == ["manifest.toml", "run.safetensors"]


def test_figures_live_as_long_as_the_weights_they_are_of(weights):
    saved()
    path = weights / "first.safetensors"
    about = {"job": "cleft-inpainting", "network": "tiny", "licence": "x", "architecture": {"width": 4}}
    store.annotate("first", figures={"mouth": {"lpips": 0.04}})
    store.annotate("first", figures={"mouth": {"psnr": 30.5}, "middle": {"lpips": 0.1}})
    expected = {"mouth": {"lpips": 0.04, "psnr": 30.5}, "middle": {"lpips": 0.1}}
    assert store.find("first").figures == expected
    assert store.register("first", path, **about, steps=9).figures == expected
    save_file(Tiny().state_dict(), path)
    assert store.register("first", path, **about).figures == {}
    assert store.find("first").details == {}


def test_a_job_has_one_default(weights):
    saved("a")
    saved("b")
    saved("c", job="mask-removal")
    assert [entry.name for entry in store.entries().values() if entry.default] == ["b", "c"]
    assert store.find().name == "b"


def test_register_refuses_what_is_no_safetensors_and_odd_names(weights, tmp_path):
    junk = tmp_path / "junk.safetensors"
    junk.write_bytes(b"junk")
    with pytest.raises(WeightsCorrupt, match="no safetensors file"):
        store.register("a", junk, job="x", network="tiny", licence="x")
    with pytest.raises(OptionInvalid, match="Weights are named with letters"):
        store.register("../a", junk, job="x", network="tiny", licence="x")
    with pytest.raises(WeightsUnknown):
        store.annotate("nothing", steps=1)
    assert list(weights.iterdir()) == []


def test_save_writes_nothing_where_the_tensors_do_not_fit(weights):
    with pytest.raises(WeightsCorrupt, match="do not fit"):
        store.save("a", {"x": torch.ones(1)}, job="cleft-inpainting", network="tiny", licence="x")
    with pytest.raises(WeightsCorrupt, match="licence is missing"):
        store.save("a", Tiny().state_dict(), job="cleft-inpainting", network="tiny", licence="")
    assert list(weights.iterdir()) == []


# --- foreign checkpoints ------------------------------------------------------------------------------------------

ABOUT = {"job": "cleft-inpainting", "network": "tiny", "licence": "research only", "architecture": {"width": 4}}


class Malicious:
    """Runs a command when it is unpickled without care."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self):
        return (Path.touch, (self.proof,))


class MaliciousByName:
    """The same by a function that an allow-list may have forgotten."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self):
        return (eval, (f"open({str(self.proof)!r}, 'w').close()",))


class MaliciousInside:
    """Hides a second pickle inside the bytes of a tensor's storage."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self):
        from io import BytesIO

        inside = BytesIO()
        torch.save({"x": MaliciousByName(self.proof)}, inside)
        return (torch.storage._load_from_bytes, (inside.getvalue(),))


def write_torch(path, content):
    torch.save(content, path)


def write_legacy_torch(path, content):
    torch.save(content, path, _use_new_zipfile_serialization=False)


def write_pickle(path, content):
    path.write_bytes(pickle.dumps(content))


def write_old_pickle(path, content):
    path.write_bytes(pickle.dumps(content, protocol=2))


def as_arrays(state):
    return OrderedDict((name, value.numpy()) for name, value in state.items())


FORMATS = {
    "torch zip": (".pt", write_torch, dict),
    "torch legacy": (".pth", write_legacy_torch, OrderedDict),
    "torch zip named pkl": (".pkl", write_torch, dict),
    "pickle of arrays": (".pkl", write_pickle, as_arrays),
    "old pickle of arrays": (".pkl", write_old_pickle, as_arrays),
    "pickle of tensors": (".pkl", write_pickle, dict),
    "wrapped": (".pt", write_torch, lambda state: {"epoch": 3, "state_dict": state, "args": {"lr": 0.1}}),
    "parallel": (".pt", write_torch, lambda state: {f"module.{name}": value for name, value in state.items()}),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_import_of_every_format(weights, tmp_path, kind):
    suffix, write, wrap = FORMATS[kind]
    state = Tiny().state_dict()
    source = tmp_path / f"foreign{suffix}"
    write(source, wrap(state))
    entry = store.import_checkpoint(source, "foreign", **ABOUT, data="somebody's")
    assert (entry.data, entry.licence, entry.default) == ("somebody's", "research only", False)
    network = store.load("foreign").network
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in state.items())


def test_import_of_safetensors_and_half(weights, tmp_path):
    source = tmp_path / "foreign.safetensors"
    save_file(Tiny().state_dict(), source)
    store.import_checkpoint(source, "foreign", **ABOUT, half=True)
    assert load_file(weights / "foreign.safetensors")["layer.bias"].dtype == torch.float16


@pytest.mark.filterwarnings("ignore:Detected pickle protocol 4")
@pytest.mark.parametrize("malice", [Malicious, MaliciousByName, MaliciousInside])
@pytest.mark.parametrize(
    ("suffix", "write"),
    [(".pkl", write_pickle), (".pkl", write_old_pickle), (".pt", write_torch), (".pth", write_legacy_torch)],
)
def test_a_malicious_checkpoint_is_refused_and_runs_nothing(weights, tmp_path, malice, suffix, write):
    proof = tmp_path / "proof"
    source = tmp_path / f"evil{suffix}"
    write(source, {**Tiny().state_dict(), "x": malice(proof)})
    with pytest.raises(WeightsCorrupt, match="holds more than tensors, so it was not opened"):
        store.import_checkpoint(source, "evil", **ABOUT)
    assert not proof.exists()
    assert list(weights.iterdir()) == []
    # The file is what it claims to be: opened without care, it would have run.
    if write is write_pickle:
        pickle.loads(source.read_bytes())
        assert proof.exists()


def test_a_pickle_cannot_change_the_functions_it_may_call(tmp_path):
    # STACK_GLOBAL torch._utils _rebuild_tensor_v2, then BUILD with a state that sets an attribute of it.
    code = b"\x80\x04\x8c\x0ctorch._utils\x8c\x12_rebuild_tensor_v2\x93N}\x8c\x0c__defaults__)s\x86b."
    (tmp_path / "a.pkl").write_bytes(code)
    before = torch._utils._rebuild_tensor_v2.__defaults__
    assert before
    with pytest.raises(WeightsCorrupt, match="no named tensors"):
        checkpoints.read_tensors(tmp_path / "a.pkl")
    assert torch._utils._rebuild_tensor_v2.__defaults__ == before


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        (".pt", b""),
        (".pth", b"not a checkpoint"),
        (".pkl", b"\x80\x04"),
        (".pkl", b"junk"),
        (".safetensors", b"junk"),
    ],
)
def test_damaged_checkpoints(weights, tmp_path, suffix, data):
    source = tmp_path / f"damaged{suffix}"
    source.write_bytes(data)
    with pytest.raises(WeightsCorrupt, match="damaged or of an unknown kind; get it again"):
        store.import_checkpoint(source, "damaged", **ABOUT)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
@pytest.mark.filterwarnings("ignore:.torch.load. received a zip file")
def test_a_torchscript_archive_is_refused(weights, tmp_path):
    source = tmp_path / "script.pt"
    torch.jit.script(torch.nn.Conv2d(3, 4, 3)).save(str(source))
    with pytest.raises(WeightsCorrupt, match="holds more than tensors"):
        store.import_checkpoint(source, "script", **ABOUT)


def test_a_cut_checkpoint(weights, tmp_path):
    source = tmp_path / "cut.pt"
    torch.save(Tiny().state_dict(), source)
    source.write_bytes(source.read_bytes()[:-200])
    with pytest.raises(WeightsCorrupt, match="damaged"):
        store.import_checkpoint(source, "cut", **ABOUT)


def test_choosing_one_of_several_sets(weights, tmp_path):
    good, other = Tiny().state_dict(), {"x": torch.ones(1)}
    source = tmp_path / "several.pt"
    torch.save({"params": good, "params_ema": other, "deep": {"net": good}}, source)
    with pytest.raises(OptionInvalid, match="several sets of tensors; choose one with a key: params, params_ema"):
        store.import_checkpoint(source, "several", **ABOUT)
    with pytest.raises(OptionInvalid, match="nothing under that key"):
        store.import_checkpoint(source, "several", **ABOUT, key="deep.nothing")
    with pytest.raises(WeightsCorrupt, match="do not fit"):
        store.import_checkpoint(source, "several", **ABOUT, key="params_ema")
    store.import_checkpoint(source, "several", **ABOUT, key="deep.net")
    with pytest.raises(OptionInvalid, match="weights of that name already"):
        store.import_checkpoint(source, "several", **ABOUT, key="params")
    store.import_checkpoint(source, "several", **ABOUT, key="params", replace_existing=True)


@pytest.mark.parametrize("content", [{"a": 1}, [torch.ones(1)], {}, {"a": {"b": "text"}}, {3: torch.ones(1)}])
def test_checkpoints_without_tensors(weights, tmp_path, content):
    source = tmp_path / "empty.pt"
    torch.save(content, source)
    with pytest.raises(WeightsCorrupt, match="holds no named tensors"):
        store.import_checkpoint(source, "empty", **ABOUT)


def test_what_is_no_checkpoint_at_all(weights, tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"x")
    with pytest.raises(OptionInvalid, match=r"must be one of \.safetensors, \.pt, \.pth, \.pkl"):
        store.import_checkpoint(tmp_path / "a.onnx", "a", **ABOUT)
    with pytest.raises(OptionInvalid, match="does not exist"):
        store.import_checkpoint(tmp_path / "a.pt", "a", **ABOUT)


# --- downloads ----------------------------------------------------------------------------------------------------

DATA = np.random.default_rng(0).bytes(700_000)
DIGEST = hashlib.sha256(DATA).hexdigest()
NAME = f"net-{DIGEST[:8]}.pth"


class Server(ThreadingHTTPServer):
    """Serves DATA under any name on loopback, and misbehaves as told."""

    data = DATA
    tag: str | None = '"version 1"'
    ranges = True
    cut: int | None = None  # bytes after which the connection is closed
    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[dict[str, str]] = []

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/models/{name}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.requests.append(dict(self.headers))
        if server.status != 200:
            self.send_error(server.status)
            return
        data, start = server.data, 0
        asked = self.headers.get("Range")
        same = self.headers.get("If-Range") in (None, server.tag)
        if asked and server.ranges and same:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(data)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data) - start))
        if server.tag:
            self.send_header("ETag", server.tag)
        self.end_headers()
        self.wfile.write(data[start : server.cut])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def catalogue(weights, server, name: str = NAME, **more) -> Path:
    table = {"kind": "loss-network", "url": server.url(name), "licence": "research only", **more}
    manifest.write_tables(weights / "manifest.toml", {"net": table})
    return weights / name


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_fetch_downloads_checks_and_records(weights, server):
    path = catalogue(weights, server)
    told = []
    entry = store.fetch("net", lambda fraction, text: told.append((fraction, text)))
    assert path.read_bytes() == DATA
    assert (entry.sha256, entry.bytes) == (DIGEST, len(DATA))
    assert told[-1] == (1.0, "0.7 of 0.7 MB")
    assert [fraction for fraction, _ in told] == sorted(fraction for fraction, _ in told)
    record = json.loads((weights / "downloads.json").read_text())
    assert record[NAME]["sha256"] == DIGEST
    assert names_in(weights) == {"manifest.toml", "downloads.json", NAME}
    store.fetch("net")
    assert len(server.requests) == 1  # what is there and right is not fetched again
    assert store.verify("net").sha256 == DIGEST


def test_a_broken_download_goes_on_where_it_stopped(weights, server):
    path = catalogue(weights, server)
    server.cut = 300_000
    with pytest.raises(WeightsMissing, match="The connection broke off; run the same command again"):
        store.fetch("net")
    assert not path.exists()
    assert (weights / f"{NAME}.part").stat().st_size == 300_000
    server.cut = None
    store.fetch("net")
    assert path.read_bytes() == DATA
    assert server.requests[1]["Range"] == "bytes=300000-"
    assert server.requests[1]["If-Range"] == server.tag
    assert names_in(weights) == {"manifest.toml", "downloads.json", NAME}


def test_progress_that_raises_stops_and_keeps_the_part(weights, server):
    catalogue(weights, server)

    def stop(fraction, text):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.fetch("net", stop)
    assert 0 < (weights / f"{NAME}.part").stat().st_size < len(DATA)
    assert store.fetch("net").sha256 == DIGEST


def test_a_file_that_changed_in_between_starts_over(weights, server):
    catalogue(weights, server, "net.pth")
    server.data, server.tag, server.cut = bytes(500_000), '"old"', 200_000
    with pytest.raises(WeightsMissing):
        store.fetch("net")
    server.data, server.tag, server.cut = DATA, '"new"', None
    assert store.fetch("net").sha256 == DIGEST


def test_without_a_version_or_a_hash_halves_are_not_joined(weights, server):
    path = catalogue(weights, server, "net.pth")
    server.tag, server.cut = None, 200_000
    with pytest.raises(WeightsMissing):
        store.fetch("net")
    server.cut = None
    store.fetch("net")
    assert "Range" not in server.requests[1]
    assert path.read_bytes() == DATA


def test_a_server_without_ranges(weights, server):
    path = catalogue(weights, server)
    server.cut = 200_000
    with pytest.raises(WeightsMissing):
        store.fetch("net")
    server.cut, server.ranges = None, False
    store.fetch("net")
    assert path.read_bytes() == DATA


def test_a_part_that_is_whole_already(weights, server):
    path = catalogue(weights, server, sha256=DIGEST, bytes=len(DATA))
    path.with_name(f"{NAME}.part").write_bytes(DATA)
    assert store.fetch("net").sha256 == DIGEST
    assert names_in(weights) == {"manifest.toml", NAME}


def test_a_part_that_is_longer_than_the_file(weights, server):
    path = catalogue(weights, server, sha256=DIGEST, bytes=len(DATA))
    path.with_name(f"{NAME}.part").write_bytes(DATA + b"more")
    assert store.fetch("net").sha256 == DIGEST


@pytest.mark.parametrize(
    ("name", "more"),
    [("net.pth", {"sha256": "0" * 64, "bytes": len(DATA)}), ("net-00000000.pth", {})],
    ids=["whole hash", "eight digits"],
)
def test_a_wrong_hash_is_thrown_away(weights, server, name, more):
    catalogue(weights, server, name, **more)
    with pytest.raises(WeightsCorrupt, match="differs from its SHA-256 and was thrown away; try again"):
        store.fetch("net")
    assert names_in(weights) == {"manifest.toml"}


def test_the_first_downloads_hash_is_checked_from_then_on(weights, server):
    path = catalogue(weights, server, "net.pth")
    assert store.fetch("net").sha256 == DIGEST
    path.write_bytes(DATA[:-1] + b"x")
    with pytest.raises(WeightsCorrupt, match="differ from their SHA-256; run python -m pipelines weights get net"):
        store.verify("net")
    server.data = DATA[::-1]  # the server now has something else
    with pytest.raises(WeightsCorrupt, match="thrown away"):
        store.fetch("net")
    server.data = DATA
    assert store.fetch("net").sha256 == DIGEST
    assert path.read_bytes() == DATA


def test_a_file_laid_there_by_hand_without_any_hash_is_not_trusted(weights, server):
    path = catalogue(weights, server, "net.pth")
    path.write_bytes(b"by hand")
    with pytest.raises(WeightsCorrupt, match="No SHA-256 of the weights “net” was recorded; run python"):
        store.verify("net")


def test_a_file_laid_there_by_hand_is_checked_by_the_hash_in_its_name(weights, server):
    path = catalogue(weights, server)
    path.write_bytes(DATA)
    assert store.verify("net").sha256 == DIGEST
    store.fetch("net")
    assert server.requests == []


def test_a_server_that_has_no_such_file(weights, server):
    catalogue(weights, server)
    server.status = 404
    with pytest.raises(WeightsMissing, match=r"does not give the weights \(HTTP status 404\)"):
        store.fetch("net")
    assert names_in(weights) == {"manifest.toml"}


def test_no_server_at_all(weights, server):
    catalogue(weights, server)
    server.shutdown()
    server.server_close()
    with pytest.raises(WeightsMissing, match="could not be reached; check the connection"):
        store.fetch("net")


def test_entries_without_a_url_cannot_be_fetched(weights):
    saved()
    assert store.fetch("first").name == "first"
    (weights / "first.safetensors").unlink()
    with pytest.raises(WeightsMissing, match="restore the weights folder"):
        store.fetch("first")


def test_a_broken_record_of_downloads_is_one_sentence(weights):
    (weights / "downloads.json").write_text("{")
    with pytest.raises(WeightsCorrupt, match="record of downloads"):
        store.entries()
