"""The device: chosen once, with a precision that it really has."""

import platform

import numpy as np
import pytest
import torch

from pipelines import devices
from pipelines.errors import DeviceUnavailable


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def gpu(monkeypatch):
    """A machine with two GPUs, as far as the choice asks; returns a way to set their generation."""
    generation = [(9, 0)]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: generation[0])
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H200")
    return lambda *numbers: generation.__setitem__(0, numbers)


@pytest.mark.parametrize(
    ("instructions", "dtype"),
    [
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True}, torch.bfloat16),
        ({"architecture": "arm64", "bf16": True}, torch.bfloat16),
        ({"avx512_f": True, "avx512_bf16": False}, torch.float32),
        ({}, torch.float32),
    ],
)
def test_cpu_takes_bfloat16_only_where_the_processor_has_it(no_gpu, monkeypatch, instructions, dtype):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: instructions)
    device = devices.choose()
    assert device.torch_device == torch.device("cpu")
    assert device.dtype == dtype
    assert device.label == f"CPU, {str(dtype).removeprefix('torch.')}"


def test_auto_takes_cuda_before_mps_before_cpu(gpu, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert devices.choose().torch_device == torch.device("cuda", 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.choose().torch_device == torch.device("mps")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert devices.choose().torch_device == torch.device("cpu")


def test_cuda_takes_bfloat16_where_the_gpu_has_it_and_channels_last(gpu):
    device = devices.choose("cuda:1")
    assert (device.torch_device, device.dtype) == (torch.device("cuda", 1), torch.bfloat16)
    assert device.label == "NVIDIA H200, bfloat16"
    assert device.memory_format == torch.channels_last
    gpu(7, 5)
    assert devices.choose("cuda").dtype == torch.float16
    with pytest.raises(DeviceUnavailable, match="cannot compute in bfloat16; choose"):
        devices.choose("cuda", "bfloat16")


def test_mps_runs_in_float32_or_float16(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert devices.choose("mps").dtype == torch.float32
    assert devices.choose("mps", "float16").dtype == torch.float16
    with pytest.raises(DeviceUnavailable, match="float32 or float16"):
        devices.choose("mps", "bfloat16")


@pytest.mark.parametrize(
    ("device", "precision", "sentence"),
    [
        ("cuda", "auto", "no CUDA GPU"),
        ("mps", "auto", "no Apple GPU"),
        ("cpu", "float16", "A CPU cannot compute in float16"),
        ("tpu", "auto", "The device must be one of auto, cpu, cuda, mps"),
        ("cpu:1", "auto", "The device must be one of"),
        ("cuda:x", "auto", "The device must be one of"),
        ("", "auto", "The device must be one of"),
        ("cpu", "int8", "The precision must be one of auto, float32, bfloat16, float16"),
    ],
)
def test_what_does_not_exist_is_one_sentence(no_gpu, device, precision, sentence):
    with pytest.raises(DeviceUnavailable, match=sentence) as caught:
        devices.choose(device, precision)
    assert str(caught.value).endswith(".")


def test_a_gpu_number_beyond_the_last(gpu):
    with pytest.raises(DeviceUnavailable, match=r"There is no GPU 2: this machine has 2, from 0 up\."):
        devices.choose("cuda:2")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_autocast_computes_in_the_chosen_precision(no_gpu, precision):
    device = devices.choose("cpu", precision)
    layer = torch.nn.Conv2d(3, 4, 3)
    with device.autocast():
        assert layer(torch.zeros(1, 3, 8, 8)).dtype == device.dtype
    assert layer.weight.dtype == torch.float32


@pytest.mark.needs(platform.libc_ver()[0] == "glibc", reason="other C libraries cannot be asked")
def test_memory_that_is_not_used_is_given_back():
    pieces = [np.ones(10_000, np.uint8) for _ in range(30_000)]  # 300 MB, too small for pages of their own
    last = np.ones(10_000, np.uint8)  # what lies above them keeps the C library from it
    held = devices.process_memory()
    pieces.clear()
    devices.give_memory_back()
    assert held - devices.process_memory() > 200 * 2**20
    assert last.all()


def test_memory_of_the_process_grows_with_what_it_holds(no_gpu):
    before = devices.process_memory()
    held = torch.ones(64 * 2**20)  # 256 MiB, each page touched
    assert devices.process_memory() - before > 200 * 2**20
    assert held[-1] == 1
    amount, *rest = devices.choose("cpu").memory().split()
    assert float(amount) > 0.2 and rest == ["GB", "in", "use"]


def test_memory_of_a_gpu_is_the_gpus(gpu, monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (int(138e9), int(140e9)))
    assert devices.choose("cuda").memory() == "2.0 of 140.0 GB in use"


def test_free_memory_is_less_than_the_machine_has():
    assert 2**20 < devices.free_memory() < 2**46
