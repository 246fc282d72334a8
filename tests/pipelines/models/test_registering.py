"""Writing weights: entries of the manifest, files beside it, foreign checkpoints."""

import hashlib
import pickle
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipelines.errors import OptionInvalid, WeightsCorrupt
from pipelines.models import checkpoints, loading, registering, store
from tests.pipelines.models.tiny import Tiny, edit, saved


def test_register_copies_a_file_from_elsewhere_and_computes_hash_and_size(weights, tmp_path):
    file = tmp_path / "step-100.safetensors"
    save_file(Tiny().state_dict(), file)
    entry = registering.register(
        "run", file, job="cleft-inpainting", network="tiny", licence="x", architecture={"width": 4}, steps=100
    )
    assert (weights / "run.safetensors").read_bytes() == file.read_bytes()
    assert entry.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert entry.details == {"steps": 100}
    assert loading.load("run").name == "run"
    assert sorted(path.name for path in weights.iterdir()) == ["manifest.toml", "run.safetensors"]


def test_figures_live_as_long_as_the_weights_they_are_of(weights):
    saved()
    path = weights / "first.safetensors"
    about = {"job": "cleft-inpainting", "network": "tiny", "licence": "x", "architecture": {"width": 4}}
    expected = {"mouth": {"lpips": 0.04, "psnr": 30.5}, "middle": {"lpips": 0.1}}
    edit("first", figures=expected)
    assert registering.register("first", path, **about, steps=9).figures == expected
    save_file(Tiny().state_dict(), path)
    assert registering.register("first", path, **about).figures == {}
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
        registering.register("a", junk, job="x", network="tiny", licence="x")
    with pytest.raises(OptionInvalid, match="Weights are named with letters"):
        registering.register("../a", junk, job="x", network="tiny", licence="x")
    assert list(weights.iterdir()) == []


def test_save_writes_nothing_where_the_tensors_do_not_fit(weights):
    with pytest.raises(WeightsCorrupt, match="do not fit"):
        registering.save("a", {"x": torch.ones(1)}, job="cleft-inpainting", network="tiny", licence="x")
    with pytest.raises(WeightsCorrupt, match="licence is missing"):
        registering.save("a", Tiny().state_dict(), job="cleft-inpainting", network="tiny", licence="")
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
    entry = registering.import_checkpoint(source, "foreign", **ABOUT, data="somebody's")
    assert (entry.data, entry.licence, entry.default) == ("somebody's", "research only", False)
    network = loading.load("foreign").network
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in state.items())


def test_import_of_safetensors_and_half(weights, tmp_path):
    source = tmp_path / "foreign.safetensors"
    save_file(Tiny().state_dict(), source)
    registering.import_checkpoint(source, "foreign", **ABOUT, half=True)
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
        registering.import_checkpoint(source, "evil", **ABOUT)
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
        registering.import_checkpoint(source, "damaged", **ABOUT)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
@pytest.mark.filterwarnings("ignore:.torch.load. received a zip file")
def test_a_torchscript_archive_is_refused(weights, tmp_path):
    source = tmp_path / "script.pt"
    torch.jit.script(torch.nn.Conv2d(3, 4, 3)).save(str(source))
    with pytest.raises(WeightsCorrupt, match="holds more than tensors"):
        registering.import_checkpoint(source, "script", **ABOUT)


def test_a_cut_checkpoint(weights, tmp_path):
    source = tmp_path / "cut.pt"
    torch.save(Tiny().state_dict(), source)
    source.write_bytes(source.read_bytes()[:-200])
    with pytest.raises(WeightsCorrupt, match="damaged"):
        registering.import_checkpoint(source, "cut", **ABOUT)


def test_choosing_one_of_several_sets(weights, tmp_path):
    good, other = Tiny().state_dict(), {"x": torch.ones(1)}
    source = tmp_path / "several.pt"
    torch.save({"params": good, "params_ema": other, "deep": {"net": good}}, source)
    with pytest.raises(OptionInvalid, match="several sets of tensors; choose one with a key: params, params_ema"):
        registering.import_checkpoint(source, "several", **ABOUT)
    with pytest.raises(OptionInvalid, match="nothing under that key"):
        registering.import_checkpoint(source, "several", **ABOUT, key="deep.nothing")
    with pytest.raises(WeightsCorrupt, match="do not fit"):
        registering.import_checkpoint(source, "several", **ABOUT, key="params_ema")
    registering.import_checkpoint(source, "several", **ABOUT, key="deep.net")
    with pytest.raises(OptionInvalid, match="weights of that name already"):
        registering.import_checkpoint(source, "several", **ABOUT, key="params")


@pytest.mark.parametrize("content", [{"a": 1}, [torch.ones(1)], {}, {"a": {"b": "text"}}, {3: torch.ones(1)}])
def test_checkpoints_without_tensors(weights, tmp_path, content):
    source = tmp_path / "empty.pt"
    torch.save(content, source)
    with pytest.raises(WeightsCorrupt, match="holds no named tensors"):
        registering.import_checkpoint(source, "empty", **ABOUT)


def test_what_is_no_checkpoint_at_all(weights, tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"x")
    with pytest.raises(OptionInvalid, match=r"must be one of \.safetensors, \.pt, \.pth, \.pkl"):
        registering.import_checkpoint(tmp_path / "a.onnx", "a", **ABOUT)
    with pytest.raises(OptionInvalid, match="does not exist"):
        registering.import_checkpoint(tmp_path / "a.pt", "a", **ABOUT)
