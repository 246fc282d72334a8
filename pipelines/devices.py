"""Where networks run, and in which precision: chosen once, then carried along."""

import ctypes
import os
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import torch

from pipelines.errors import DeviceUnavailable
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _

Processor: TypeAlias = Literal["auto", "cpu", "cuda", "mps"]
DEVICES: tuple[Processor, ...] = get_args(Processor)
"""What a person can choose; ``cuda:1`` names the second GPU."""

Precision: TypeAlias = Literal["auto", "float32", "bfloat16", "float16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
"""What a person can choose."""

_GB = 1e9


@dataclass(frozen=True)
class Device:
    """A processor and the precision that networks compute in on it.

    Weights are loaded as float32 and :meth:`autocast` lowers what may be lowered, so that norms, landmarks and other
    sums keep full precision.

    Attributes:
        torch_device: where tensors live.
        dtype: what convolutions and matrix products compute in.
        label: for people, as in ``"CPU, bfloat16"``.
    """

    torch_device: torch.device
    dtype: torch.dtype
    label: str

    def autocast(self) -> AbstractContextManager[Any]:
        """Context in which a network computes in :attr:`dtype`; without effect for float32."""
        return torch.autocast(self.torch_device.type, dtype=self.dtype, enabled=self.dtype != torch.float32)

    @property
    def memory_format(self) -> torch.memory_format:
        """Layout for pictures and convolutions: channels last on CUDA, where tensor cores want it."""
        return torch.channels_last if self.torch_device.type == "cuda" else torch.contiguous_format

    def memory(self) -> str:
        """Memory in use, for a status line: the GPU's where the device is one, else this process's.

        As in ``"2.1 of 139.8 GB in use"`` or ``"0.9 GB in use"``.
        """
        if self.torch_device.type == "cuda":
            free, total = torch.cuda.mem_get_info(self.torch_device)
            return _("{used} of {total} GB in use").format(
                used=figure((total - free) / _GB, ".1f"), total=figure(total / _GB, ".1f")
            )
        if self.torch_device.type == "mps":
            return _("{driver_allocated_memory} GB in use").format(
                driver_allocated_memory=figure(torch.mps.driver_allocated_memory() / _GB, ".1f")
            )
        return _("{process_memory} GB in use").format(process_memory=figure(process_memory() / _GB, ".1f"))


def choose(device: str = "auto", precision: Precision = "auto") -> Device:
    """The device to run on.

    ``auto`` takes CUDA before MPS before the CPU. Its precision is bfloat16 on CUDA (float16 where the GPU has no
    bfloat16), float32 on MPS, and on the CPU bfloat16 where the processor multiplies matrices in it, else float32.

    Args:
        device: one of :data:`DEVICES`, or ``cuda:N``.
        precision: one of :data:`PRECISIONS`.

    Raises:
        DeviceUnavailable: this machine has no such device, the device cannot compute in that precision, or one of
            the names does not exist.
    """
    if precision not in PRECISIONS:
        raise DeviceUnavailable(_("The precision must be one of {choices}.").format(choices=", ".join(PRECISIONS)))
    name = _best() if device == "auto" else device
    kind, _colon, index = name.partition(":")
    if kind not in DEVICES[1:] or (index and (kind != "cuda" or not index.isdecimal())):
        raise DeviceUnavailable(
            _("The device must be one of {choices}, or cuda:N for one of several GPUs.").format(
                choices=", ".join(DEVICES)
            )
        )
    if kind == "cuda":
        return _cuda(int(index or 0), precision)
    if kind == "mps":
        return _mps(precision)
    return _cpu(precision)


def native_bfloat16() -> bool:
    """Whether the processor itself multiplies matrices in bfloat16 (AVX512-BF16, AMX, or Arm's BF16).

    Elsewhere PyTorch imitates bfloat16, which is slower than float32.
    """
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def process_memory() -> int:
    """Bytes of memory that this process holds; where the system does not say, the most that it ever held."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if os.uname().sysname == "Darwin" else peak * 1024


def give_memory_back() -> None:
    """Gives the system what this process holds and does not use, as far as it can be made to.

    After photos of several sizes the C library keeps most of what they took, in pieces that no other program can have:
    800 MB of 2.1 GB after 18 runs of all jobs on 2 to 24 megapixels. Asking costs a millisecond. Other libraries than
    GNU's give back of themselves or cannot be asked.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def free_memory() -> int | None:
    """Bytes of main memory that programs can still have, or None where the system does not say."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _best() -> Processor:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _cuda(index: int, precision: Precision) -> Device:
    if not torch.cuda.is_available():
        raise DeviceUnavailable(_("This machine has no CUDA GPU that PyTorch can use; choose the device cpu or auto."))
    if index >= torch.cuda.device_count():
        raise DeviceUnavailable(
            _("There is no GPU {index}: this machine has {device_count}, from 0 up.").format(
                index=index, device_count=torch.cuda.device_count()
            )
        )
    device = torch.device("cuda", index)
    # Emulated bfloat16 does not count: on such a GPU float16 has the tensor cores.
    native = torch.cuda.get_device_capability(device) >= (8, 0) or torch.version.hip is not None
    if precision == "auto":
        precision = "bfloat16" if native else "float16"
    elif precision == "bfloat16" and not native:
        raise DeviceUnavailable(
            _("This GPU cannot compute in bfloat16; choose the precision float16, float32 or auto.")
        )
    return Device(device, getattr(torch, precision), f"{torch.cuda.get_device_name(device)}, {precision}")


def _mps(precision: Precision) -> Device:
    if not torch.backends.mps.is_available():
        raise DeviceUnavailable(_("This machine has no Apple GPU that PyTorch can use; choose the device cpu or auto."))
    if precision == "bfloat16":
        raise DeviceUnavailable(_("Apple GPUs run here in float32 or float16; choose one of these, or auto."))
    precision = "float32" if precision == "auto" else precision
    return Device(torch.device("mps"), getattr(torch, precision), f"Apple GPU, {precision}")


def _cpu(precision: Precision) -> Device:
    if precision == "float16":
        raise DeviceUnavailable(_("A CPU cannot compute in float16; choose the precision bfloat16, float32 or auto."))
    if precision == "auto":
        precision = "bfloat16" if native_bfloat16() else "float32"
    return Device(torch.device("cpu"), getattr(torch, precision), f"CPU, {precision}")
