"""Foreign StyleGAN2 files: each layout draws and judges as its own arithmetic does, and no file runs anything."""

import copyreg
import io
import os
import pickle
import struct
import sys
import zipfile

import numpy as np
import pytest
import torch

from pipelines.errors import OptionInvalid, PhiltrumError, WeightsCorrupt
from pipelines.stylegan.foreign.layouts import WHOLE_BATCH
from pipelines.stylegan.foreign.legacy import read_stylegan2
from pipelines.stylegan.foreign.pickles import read_pickle
from pipelines.stylegan.stylegan2 import Discriminator, Generator
from tests.pipelines.stylegan.foreign.foreign_networks import (
    WIDTHS,
    CommonNetwork,
    PyTorchNetwork,
    TensorFlowNetwork,
    W,
    Z,
    foreign_modules,
    persistent,
    plain_picture,
    plain_scores,
    write_common,
    write_pytorch,
    write_tensorflow,
)

pytestmark = pytest.mark.slow

CLOSE = {"rtol": 1e-4, "atol": 1e-4}


def normal(*shape, seed=5):
    return np.random.default_rng(seed).normal(size=shape)


def drawn(read, z, label=None, **options):
    network = Generator(**read.generator_arguments)
    network.load_state_dict(read.generator_state, strict=True)
    label = label if label is None else torch.from_numpy(label)[None]
    with torch.no_grad():
        return network.eval()(torch.from_numpy(z)[None], label, noise_mode="const", **options)[0].numpy()


def judged(read, pictures, labels=None):
    network = Discriminator(**read.discriminator_arguments)
    network.load_state_dict(read.discriminator_state, strict=True)
    labels = labels if labels is None else torch.from_numpy(labels)
    with torch.no_grad():
        return network.eval()(torch.from_numpy(pictures).float(), labels).numpy()


@pytest.mark.parametrize("labels", [0, 3])
@pytest.mark.parametrize(
    ("network", "write", "protocol"),
    [
        (TensorFlowNetwork, write_tensorflow, 2),
        (TensorFlowNetwork, write_tensorflow, 4),
        (TensorFlowNetwork, write_tensorflow, 5),
        (PyTorchNetwork, write_pytorch, 2),
        (PyTorchNetwork, write_pytorch, 4),
        (PyTorchNetwork, write_pytorch, 5),
    ],
)
def test_pickles_of_nvidia_draw_and_judge_as_they_did(tmp_path, network, write, protocol, labels):
    rate = 0.02 if labels else 0.01
    generator, discriminator = network("G", labels, rate), network("D", labels, rate, seed=1)
    read = read_stylegan2(write(tmp_path / "toy.pkl", generator, discriminator, protocol))
    assert read.source == ("tensorflow" if network is TensorFlowNetwork else "pytorch")
    z, pictures = normal(Z), normal(4, 3, 16, 16)
    label = normal(4, labels, seed=6) if labels else None
    one = None if label is None else label[0]
    np.testing.assert_allclose(drawn(read, z, one), plain_picture(generator, z, one, rate), **CLOSE)
    truncated = plain_picture(generator, z, one, rate, towards=0.5)
    np.testing.assert_allclose(drawn(read, z, one, truncation_psi=0.5), truncated, **CLOSE)
    scores = plain_scores(discriminator, pictures, label, rate)
    np.testing.assert_allclose(judged(read, pictures, label), scores, **CLOSE)


@pytest.mark.parametrize(("suffix", "old"), [(".pt", False), (".pt", True), (".pth", False), (".pkl", False)])
def test_common_files_draw_and_judge_as_they_did(tmp_path, suffix, old):
    generator, discriminator = CommonNetwork("G"), CommonNetwork("D", seed=1)
    read = read_stylegan2(write_common(tmp_path / f"toy{suffix}", generator, discriminator, old=old))
    assert read.source == "common"
    z, pictures = normal(W), normal(8, 3, 16, 16)
    np.testing.assert_allclose(drawn(read, z), plain_picture(generator, z, clamp=np.inf), **CLOSE)
    truncated = plain_picture(generator, z, clamp=np.inf, towards=0.5)
    np.testing.assert_allclose(drawn(read, z, truncation_psi=0.5), truncated, **CLOSE)
    scores = plain_scores(discriminator, pictures, clamp=np.inf, group=4)
    np.testing.assert_allclose(judged(read, pictures), scores, **CLOSE)


def test_the_arguments_are_read_from_shapes_and_options(tmp_path):
    path = write_tensorflow(
        tmp_path / "toy.pkl", TensorFlowNetwork("G", 3), TensorFlowNetwork("D"), num_fp16_res=1, conv_clamp=256
    )
    read = read_stylegan2(path)
    sizes = {"resolution": 16, "channel_base": 16 * WIDTHS[16], "channel_max": 8, "image_channels": 3}
    precision = {"low_precision_blocks": 1, "conv_clamp": 256.0}
    inputs = {"z_dim": Z, "c_dim": 3, "w_dim": W, "mapping_layers": 2}
    assert read.generator_arguments == sizes | precision | inputs
    assert read.discriminator_arguments == sizes | precision | {"group": 2}
    path = write_pytorch(path, PyTorchNetwork("G"), PyTorchNetwork("D"), full_precision_to=8, group=None)
    read = read_stylegan2(path)
    assert read.generator_arguments["low_precision_blocks"] == read.discriminator_arguments["low_precision_blocks"] == 1
    assert read.discriminator_arguments["group"] == WHOLE_BATCH


def test_the_group_of_the_first_repository_is_four(tmp_path, monkeypatch):
    stored = TensorFlowNetwork.stored

    def older(self, **options):
        found = stored(self)
        del found.static_kwargs["mbstd_group_size"]
        found.build_func_name = options["function"]
        return found

    monkeypatch.setattr(TensorFlowNetwork, "stored", older)
    for function, group in (("D_stylegan2", 4), ("D_main", WHOLE_BATCH)):
        path = write_tensorflow(tmp_path / "toy.pkl", TensorFlowNetwork("G"), TensorFlowNetwork("D"), function=function)
        assert read_stylegan2(path).discriminator_arguments["group"] == group


def test_a_generator_without_noise(tmp_path):
    generator = PyTorchNetwork("G", noise=False)
    read = read_stylegan2(write_pytorch(tmp_path / "toy.pkl", generator))
    z = normal(Z)
    np.testing.assert_allclose(drawn(read, z), plain_picture(generator, z), **CLOSE)


def test_a_missing_mean_is_taken_from_the_mapping_and_missing_noise_is_always_the_same(tmp_path):
    generator = CommonNetwork("G")
    generator.tensors = {name: value for name, value in generator.tensors.items() if not name.startswith("noises.")}
    path = write_common(tmp_path / "toy.pt", generator, mean=False)
    state = torch.random.get_rng_state()
    first, second = read_stylegan2(path).generator_state, read_stylegan2(path)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(first[name], value) for name, value in second.generator_state.items())
    network = Generator(**second.generator_arguments)
    network.load_state_dict(first)
    with torch.no_grad():
        w = network.eval().mapping(torch.randn(20000, W))[:, 0]
    torch.testing.assert_close(network.mapping.w_avg, w.mean(0), rtol=0, atol=float(w.std(0).max()) / 10)
    assert second.discriminator_state is None and second.discriminator_arguments is None


def test_one_network_alone_is_a_generator(tmp_path):
    path = tmp_path / "toy.pkl"
    generator = TensorFlowNetwork("G")
    whole = read_stylegan2(write_tensorflow(path, generator)).generator_state
    with foreign_modules():
        path.write_bytes(pickle.dumps(generator.stored(), 4))
    alone = read_stylegan2(path)
    assert alone.discriminator_state is None
    assert all(torch.equal(alone.generator_state[name], value) for name, value in whole.items())


def edited(network, change):
    arrays = network.arrays if isinstance(network, TensorFlowNetwork) else network.tensors
    change(arrays)
    return network


WIDTH = "synthesis.b8.conv1.weight"
OTHERS = {
    "attention": lambda path: write_tensorflow(
        path, edited(TensorFlowNetwork("G"), lambda a: a.update({"synthesis/16x16/Attention/weight": a["dlatent_avg"]}))
    ),
    "first label concatenation": lambda path: write_tensorflow(
        path, edited(TensorFlowNetwork("G"), lambda a: a.update({"mapping/LabelConcat/weight": a["dlatent_avg"]}))
    ),
    "StyleGAN1": lambda path: write_tensorflow(
        path, edited(TensorFlowNetwork("G"), lambda a: a.update({"synthesis/ToRGB_lod0/weight": a["dlatent_avg"]}))
    ),
    "residual generator": lambda path: write_tensorflow(path, TensorFlowNetwork("G"), architecture="orig"),
    "other activation": lambda path: write_tensorflow(path, TensorFlowNetwork("G"), nonlinearity="relu"),
    "other filter": lambda path: write_tensorflow(path, TensorFlowNetwork("G"), resample_kernel=[1, 2, 1]),
    "a layer missing": lambda path: write_tensorflow(
        path, edited(TensorFlowNetwork("G"), lambda a: a.pop("synthesis/8x8/Conv1/bias"))
    ),
    "widths of no rule": lambda path: write_pytorch(
        path,
        edited(PyTorchNetwork("G"), lambda a: a.update({WIDTH: a[WIDTH][:7]})),
    ),
    "StyleGAN3": lambda path: write_pytorch(
        path,
        edited(PyTorchNetwork("G"), lambda a: [a.update({k.replace(".b", ".L"): a.pop(k)}) for k in list(a)]),
    ),
    "architecture of PyTorch": lambda path: write_pytorch(path, PyTorchNetwork("G"), architecture="orig"),
    "activation of PyTorch": lambda path: write_pytorch(path, PyTorchNetwork("G"), activation="relu"),
    "an older version": lambda path: write_tensorflow(path, TensorFlowNetwork("G"), version=3),
    "raw latents": lambda path: write_tensorflow(path, TensorFlowNetwork("G"), normalize_latents=False),
    "two clamps": lambda path: write_pytorch(path, PyTorchNetwork("G"), unclamped=["synthesis", "b8", "conv1"]),
    "one layer more": lambda path: write_pytorch(
        path, edited(PyTorchNetwork("G"), lambda a: a.update({"synthesis.b8.attention.weight": a[WIDTH]}))
    ),
    "whole numbers": lambda path: write_pytorch(
        path, edited(PyTorchNetwork("G"), lambda a: a.update({"mapping.w_avg": np.zeros(W, int)}))
    ),
    "a discriminator as generator": lambda path: write_pytorch(path, PyTorchNetwork("D")),
    "plain numbers": lambda path: path.write_bytes(pickle.dumps([1, 2, 3])),
    "a dictionary": lambda path: path.write_bytes(pickle.dumps({"G_ema": {"weight": 1}})),
}


@pytest.mark.parametrize("other", OTHERS)
def test_another_network_is_refused(tmp_path, other):
    path = tmp_path / "toy.pkl"
    OTHERS[other](path)
    with pytest.raises(WeightsCorrupt, match="no StyleGAN2 network") as caught:
        read_stylegan2(path)
    assert "toy" not in str(caught.value)


def test_a_common_file_of_another_network_is_refused(tmp_path):
    generator = CommonNetwork("G")
    generator.tensors["convs.0.attention.weight"] = generator.mean
    with pytest.raises(WeightsCorrupt, match="no StyleGAN2 network"):
        read_stylegan2(write_common(tmp_path / "toy.pt", generator))


def test_a_discriminator_of_another_build_is_left_out(tmp_path):
    other = edited(PyTorchNetwork("D"), lambda a: a.pop("b8.skip.weight"))
    read = read_stylegan2(write_pytorch(tmp_path / "toy.pkl", PyTorchNetwork("G"), other))
    assert read.discriminator_state is None


def test_a_picture_too_large_is_refused(tmp_path, monkeypatch):
    path = write_pytorch(tmp_path / "toy.pkl", PyTorchNetwork("G"))
    monkeypatch.setattr("pipelines.stylegan.foreign.legacy._LARGEST", 8)
    with pytest.raises(WeightsCorrupt, match="no StyleGAN2 network"):
        read_stylegan2(path)


def test_modules_that_hold_one_another_end(tmp_path):
    """A few lines of a pickle may describe more modules than there are atoms, or one inside itself."""
    path = tmp_path / "toy.pkl"
    for twice in (False, True):
        with foreign_modules():
            module = leaf = persistent("Part")
            for _ in range(7 if twice else 60):
                outer = persistent("Part")
                for name in "abcdefghijklmnop" if twice else "a":
                    outer.add_module(name, module)
                module = outer
            if not twice:
                leaf.add_module("a", leaf)
            path.write_bytes(pickle.dumps({"G_ema": module}, 4))
        with pytest.raises(WeightsCorrupt) as caught:
            read_stylegan2(path)
        assert "without end" in str(caught.value.__cause__)


class Call:
    """Pickles as a call."""

    def __init__(self, function, *arguments, state=None):
        self.parts = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.parts


def text(module, name, argument, opcode=b"R"):
    return f"c{module}\n{name}\n(V{argument}\nt".encode() + opcode + b"."


def short(value):
    return b"\x8c" + bytes([len(value)]) + value.encode()


def legacy_storage(count, content=b""):
    """What torch.save wrote of a float32 storage of ``count`` elements, before its files were archives."""

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return ("storage", torch.FloatStorage, "0", "cpu", count, None) if value == "here" else None

    file = io.BytesIO()
    for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(value, file, 2)
    Pickler(file, 2).dump("here")
    pickle.dump(["0"], file, 2)
    return file.getvalue() + struct.pack("<q", count) + content


def tensor_call(storage, size, stride):
    memory = Call(torch.storage._load_from_bytes, storage)
    return Call(torch._utils._rebuild_tensor_v2, memory, 0, size, stride, False, {})


def array_state(shape, kind="f4", content=bytes(4)):
    state = (1, shape, np.dtype(kind), False, content)
    return Call(np.core.multiarray._reconstruct, np.ndarray, (0,), b"b", state=state)


def malicious(mark):
    touch, nested = f"touch {mark}", pickle.dumps(Call(os.system, f"touch {mark}"), 2)
    code = f"open({str(mark)!r}, 'w')"
    header = b"\x80\x04"
    memory = torch.load(io.BytesIO(legacy_storage(1, bytes(4))), weights_only=True)
    plain = {
        "system by GLOBAL": text("os", "system", touch),
        "system by posix": text("posix", "system", touch),
        "system by STACK_GLOBAL": header + short("os") + short("system") + b"\x93" + short(touch) + b"\x85R.",
        "eval": text("builtins", "eval", code),
        "eval of Python 2": text("__builtin__", "eval", code),
        "system by INST": f"(V{touch}\nios\nsystem\n.".encode(),
        "system by OBJ": f"(cos\nsystem\nV{touch}\no.".encode(),
        "an allowed name by OBJ": b"(cbuiltins\nset\no.",
        "NEWOBJ": header + b"cos\nsystem\n" + short(touch) + b"\x85\x81.",
        "NEWOBJ_EX": header + b"cdnnlib.util\nEasyDict\n)}\x92.",
        "a dotted name": header + short("collections") + short("OrderedDict.fromkeys") + b"\x93).",
        "a name that nobody calls": b"cos\nsystem\n.",
        "a call of a text": header + short("os.system") + short(touch) + b"\x85R.",
        "the extension registry": header + b"\x82\xf0" + short(touch) + b"\x85R.",
        "a persistent id": b"Pos.system\n.",
        "a persistent id on the stack": header + short("os.system") + b"Q.",
        "state of a list": header + b"]}b.",
        "bytes from elsewhere": text("_codecs", "encode", "x").replace(b"Vx\n", b"Vx\nVzlib\n"),
        "a name that takes for ever to hash": header + b")" + 64 * b"2\x86" + b")R.",
        "a key that takes for ever to hash": header + b"})" + 64 * b"2\x86" + b"Ns.",
        "an item that takes for ever to hash": header + b"\x8f()" + 64 * b"2\x86" + b"\x90.",
        "more bytes than there are": header + b"\x8e" + struct.pack("<Q", 2**50) + b"x.",
        "more changeable bytes than there are": b"\x80\x05\x96" + struct.pack("<Q", 2**50) + b"x.",
    }
    calls = {
        "a stream inside a tensor": Call(torch.storage._load_from_bytes, nested),
        "an archive inside a tensor": Call(torch.storage._load_from_bytes, b"PK\x03\x04" + nested),
        "a packed storage inside a tensor": Call(torch.storage._load_from_bytes, saved(memory, archive=True)),
        "a tensor as storage": Call(torch.storage._load_from_bytes, saved(torch.ones(1).expand(2**20, 2**20))),
        "a list as tensor": Call(torch.storage._load_from_bytes, saved([1])),
        "a huge storage": Call(torch.storage._load_from_bytes, legacy_storage(2**42)),
        "a huge tensor": tensor_call(legacy_storage(1, bytes(4)), (2**20, 2**20), (2**20, 1)),
        "a repeated tensor": tensor_call(legacy_storage(1, bytes(4)), (2**20, 2**20), (0, 0)),
        "a tensor of negative size": tensor_call(legacy_storage(1, bytes(4)), (-1, -(2**40)), (1, 1)),
        "a huge array": array_state((2**20, 2**20)),
        "an array of negative size": array_state((-1, -1)),
        "an array of pointers": array_state((1,), "O", bytes(8)),
        "an array in fields": array_state((1,), "f4,f4", bytes(8)),
        "an array of its own": Call(np.core.multiarray._reconstruct, np.ndarray, (2**40,), b"b", state={"x": 1}),
    }
    return plain | {name: pickle.dumps(call, 4) for name, call in calls.items()}


def saved(value, archive=False):
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=archive)
    return file.getvalue()


@pytest.fixture
def extension():
    """A pickle may name a function by a number that something else gave it."""
    copyreg.add_extension("os", "system", 240)
    copyreg._extension_cache[240] = os.system
    yield
    copyreg.remove_extension("os", "system", 240)


@pytest.mark.parametrize("attack", malicious("mark"))
def test_a_malicious_pickle_is_refused(tmp_path, attack, extension):
    mark, path = tmp_path / "mark", tmp_path / "toy.pkl"
    path.write_bytes(malicious(mark)[attack])
    known = set(sys.modules)
    with pytest.raises(WeightsCorrupt, match="not opened") as caught:
        read_stylegan2(path)
    assert not mark.exists()
    assert "toy" not in str(caught.value)
    assert not {name for name in set(sys.modules) - known if name.startswith(("torch_utils", "dnnlib"))}


def test_the_attacks_work_on_an_unguarded_reader(tmp_path):
    """Else their refusal would prove nothing."""
    mark = tmp_path / "mark"
    for attack in ("system by GLOBAL", "system by STACK_GLOBAL", "eval", "system by INST", "system by OBJ"):
        pickle.loads(malicious(mark)[attack])
        mark.unlink()


def test_a_storage_of_the_tests_is_one_of_torch():
    content = legacy_storage(1, struct.pack("<f", 2.5))
    assert torch.empty(0).set_(torch.load(io.BytesIO(content), weights_only=True)).item() == 2.5


@pytest.mark.parametrize("claim", [b"r\xff\xff\xff\xff", b"\x95" + struct.pack("<Q", 2**60)])
def test_an_index_and_a_frame_take_no_memory(tmp_path, claim):
    """A pickle numbers what it remembers, and a list as long as the number would fill the memory."""
    path = tmp_path / "toy.pkl"
    path.write_bytes(b"\x80\x04N" + claim + b".")
    assert read_pickle(path) is None


@pytest.mark.parametrize("layout", ["tensorflow", "pytorch", "common"])
def test_one_array_under_many_names_is_refused(tmp_path, layout):
    path = tmp_path / "toy.pkl"
    shared = np.zeros((100, 100), np.float32)
    if layout == "tensorflow":
        generator = TensorFlowNetwork("G")
        generator.arrays |= {f"mapping/Dense{index}/weight": shared for index in range(2, 200)}
        write_tensorflow(path, generator)
    elif layout == "pytorch":
        generator = PyTorchNetwork("G")
        with foreign_modules():
            module = generator.stored()
            parameter = torch.nn.Parameter(torch.from_numpy(shared))
            for index in range(200):
                module.mapping.register_parameter(f"x{index}", parameter)
            path.write_bytes(pickle.dumps({"G_ema": module}, 4))
    else:
        huge = {"style.1.bias": torch.zeros(1).expand(2**20, 2**20)}
        path = write_common(tmp_path / "toy.pt", CommonNetwork("G"), g_ema=huge)
    with pytest.raises(WeightsCorrupt, match="no StyleGAN2 network") as caught:
        read_stylegan2(path)
    assert "more than the file" in str(caught.value.__cause__)


def test_an_archive_that_unpacks_to_more_is_refused(tmp_path):
    packed, path = write_common(tmp_path / "toy.pt", CommonNetwork("G")), tmp_path / "bomb.pt"
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
        target.writestr("toy/data/x", bytes(2**22))
    with pytest.raises(WeightsCorrupt, match="damaged"):
        read_stylegan2(path)


def test_what_a_reader_fills_is_of_its_own_kind(tmp_path):
    """A tensor has methods of the names that a set and a list have, and theirs compute."""
    tensor = pickle.dumps(torch.ones(2), 4)[:-1]
    path = tmp_path / "toy.pkl"
    for filling in (b"(K\x01\x90.", b"(K\x00K\x01u.", b"K\x00K\x01s.", b"(K\x01e.", b"K\x01a."):
        path.write_bytes(tensor + filling)
        with pytest.raises(WeightsCorrupt):
            read_stylegan2(path)


def test_a_common_file_that_would_run_code_is_refused(tmp_path):
    mark = tmp_path / "mark"
    path = write_common(tmp_path / "toy.pt", CommonNetwork("G"), optimizer=Call(os.system, f"touch {mark}"))
    with pytest.raises(WeightsCorrupt):
        read_stylegan2(path)
    assert not mark.exists()


def test_source_code_that_a_pickle_carries_stays_unread(tmp_path):
    path = write_pytorch(tmp_path / "toy.pkl", PyTorchNetwork("G"))
    record = read_pickle(path)["G_ema"]
    assert "module_src" not in record.attributes
    assert not [name for name in sys.modules if name.startswith(("torch_utils", "dnnlib"))]


@pytest.mark.parametrize("suffix", [".pkl", ".pt"])
@pytest.mark.parametrize("content", [b"", b"hello, this is text\n", b"\x80\x04", b"PK\x03\x04", bytes(64)])
def test_what_is_no_network_is_refused(tmp_path, suffix, content):
    path = tmp_path / f"toy{suffix}"
    path.write_bytes(content)
    with pytest.raises(PhiltrumError) as caught:
        read_stylegan2(path)
    assert "toy" not in str(caught.value) and str(caught.value).endswith(".")


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.999])
def test_a_truncated_file_is_refused(tmp_path, kept):
    for path in (
        write_tensorflow(tmp_path / "tf.pkl", TensorFlowNetwork("G")),
        write_pytorch(tmp_path / "pt.pkl", PyTorchNetwork("G")),
        write_common(tmp_path / "c.pt", CommonNetwork("G")),
    ):
        whole = path.read_bytes()
        path.write_bytes(whole[: int(kept * len(whole))])
        with pytest.raises(WeightsCorrupt):
            read_stylegan2(path)


def test_a_missing_file_is_told():
    for name in ("nowhere.pkl", "nowhere.pt"):
        with pytest.raises(OptionInvalid, match="does not exist"):
            read_stylegan2(name)
