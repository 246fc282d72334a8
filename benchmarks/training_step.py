"""How much a step of training asks of a graphics card, and how often it waits for one: counted on the CPU.

    python -m benchmarks.training_step --data FOLDER --loss-weights FOLDER

A step of small kernels is as fast as they are launched, and one that waits in between is slower still; neither needs a
card to be seen. Three things are counted:

* **launches**, by PyTorch's profiler: operators that compute, as the dispatcher hands them to a backend, those that are
  made of others left out. Views and memory that is only reserved cost none; an operator over a list of tensors, as of a
  fused optimizer, and a loop that ``torch.compile`` fused count as one. A card needs two or three kernels for some, and
  takes a few dozen tensors a kernel: the count compares two states of the code, and is no count of a card's.
* **reads**: values that the host asks of a tensor on the device, or whose shape depends on one. Each waits until the
  device is done with all before.
* **transfers**: tensors made on the host and brought to the device. On the CPU both are the same memory, so it is kept
  in mind for each tensor where it would lie: whatever is there before the step lies on the device; what is made without
  naming a device lies on the host; what is computed from a tensor on the device lies there. Where a tensor of the host
  is moved by ``.to``, made with a device's name from numbers, or meets one of the device, that is a transfer.
"""

import argparse
import gc
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch._inductor import config as inductor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks import command
from benchmarks.tables import markdown_line
from pipelines.cleft_inpainting.train import CleftInpaintingRecipe, Options
from pipelines.errors import PhiltrumError
from pipelines.training.data import load_faces
from pipelines.training.loop import PRECISIONS, make_fabric

OPTIONS = Options(
    network="medium-finish",
    batch=8,
    mirrored=True,
    gan="hinge",
    adversarial=0.2,
    perceptual=0.03,
    style=0.0,
    lpips=8.0,
    loss_network="squeezenet",
    discriminator_width=48,
    irregular=0.2,
    pieces=0.4,
)
"""The recipe that is looked at: the built-in weights' own, with a last layer and the face alone shown."""

_RESERVING = {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "resize_", "set_"}
_VIEWING = {"_unsafe_view", "as_strided_", "detach_", "lift_fresh", "squeeze_", "t_", "transpose_", "unsqueeze_"}
_FREE = _RESERVING | _VIEWING | {"_local_scalar_dense", "_nnpack_available", "is_same_size"}
_READING = ("_local_scalar_dense", "nonzero", "masked_select", "_unique2", "equal")  # operators
_READERS = {Tensor.cpu, Tensor.numpy, Tensor.tolist}
_MOVING = {Tensor.to, torch.tensor, torch.as_tensor}  # where a device is named
_WARM_UP = 2  # steps: what is made once and kept is no part of a step


# --- launches -------------------------------------------------------------------------------------------------------


def launches(work: Callable[[], Any]) -> Counter[str]:
    """Operator → how often it is launched by ``work`` in this thread."""
    with profile(activities=[ProfilerActivity.CPU]) as record:
        work()
    found: Counter[str] = Counter()
    for event in record.events():
        if event.cpu_parent is None:
            _collect(event, found)
    return found


def _collect(event: Any, found: Counter[str]) -> bool:
    """Adds what an event launches; whether that is anything."""
    kind = _kind(event.name)
    inside = kind != "launch" and sum(_collect(child, found) for child in event.cpu_children) > 0
    itself = kind == "launch" or (kind == "either" and not inside)
    found[event.name] += itself
    return inside or itself


@cache
def _kind(name: str) -> str:
    """What an event of the profiler is: a ``launch``, ``either`` that or made of some, or something ``else``."""
    space, _, operator = name.partition("::")
    if "cpp_fused" in name:  # a loop that torch.compile wrote
        return "launch"
    packet = getattr(torch.ops.aten, operator, None) if space == "aten" else None
    if packet is None or operator in _FREE:
        return "else"
    # Those for dimensions with names, which nobody uses, are made of others for most operators.
    overloads = [getattr(packet, overload) for overload in packet.overloads() if "name" not in overload.lower()]
    if any(overload.is_view for overload in overloads):
        return "else"
    composite = [_is_composite(overload.name()) for overload in overloads]
    return "else" if all(composite) else "either" if any(composite) else "launch"


def _is_composite(name: str) -> bool:
    """Whether an operator is made of others on every backend."""
    try:
        return torch._C._dispatch_has_kernel_for_dispatch_key(name, "CompositeImplicitAutograd")
    except RuntimeError:  # an overload of TorchScript's, which the dispatcher does not know
        return False


# --- between host and device ----------------------------------------------------------------------------------------


class Boundary:
    """Counts what crosses between host and device while it is entered.

    Attributes:
        reads: reading operator or function → times.
        transfers: operator or function that needed a tensor of the host on the device → times.
    """

    def __init__(self) -> None:
        self.reads: Counter[str] = Counter()
        self.transfers: Counter[str] = Counter()
        # Storage → a weak reference, by which its number is no other's as long as it is here, and where it lies.
        self._places: dict[int, tuple[StorageWeakRef, bool]] = {}

    def __enter__(self) -> "Boundary":
        for thing in gc.get_objects():
            if type(thing) in (Tensor, torch.nn.Parameter) and thing.layout is torch.strided:
                self.place(thing, True)
        self._modes = ExitStack()
        self._modes.enter_context(_Operators(self))
        self._modes.enter_context(_Functions(self))
        return self

    def __exit__(self, *_: object) -> None:
        self._modes.close()
        self._places.clear()

    def on_device(self, tensor: Tensor) -> bool:
        """Where a tensor lies; one of which nothing is known was made from numbers, on the host."""
        known = self._places.get(tensor.untyped_storage()._cdata)
        return known is not None and known[1]

    def place(self, tensor: Tensor, on_device: bool) -> None:
        """Keeps in mind where a tensor lies."""
        storage = tensor.untyped_storage()
        self._places[storage._cdata] = StorageWeakRef(storage), on_device

    def move(self, tensors: Iterable[Tensor], why: str) -> None:
        """Brings those of the tensors to the device that are not there yet."""
        for tensor in tensors:
            if not self.on_device(tensor):
                self.transfers[why] += 1
                self.place(tensor, True)


class _Operators(TorchDispatchMode):
    """What the operators say of the places of tensors."""

    def __init__(self, boundary: Boundary) -> None:
        super().__init__()
        self.boundary = boundary

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        boundary, name = self.boundary, func.overloadpacket.__name__
        given = _tensors(args, kwargs)
        on_device = any(map(boundary.on_device, given))
        if on_device:
            if name in _READING:
                boundary.reads[name] += 1
            # One number of the host goes to the device with the launch.
            boundary.move((tensor for tensor in given if tensor.ndim), name)
        answer = func(*args, **(kwargs or {}))
        known = {tensor.untyped_storage()._cdata for tensor in given}
        for tensor in _tensors(answer):
            if tensor.untyped_storage()._cdata not in known:
                boundary.place(tensor, on_device)
        return answer


class _Functions(TorchFunctionMode):
    """What the calls say of them that the operators do not know: on the CPU its name is no different from no name."""

    def __init__(self, boundary: Boundary) -> None:
        super().__init__()
        self.boundary = boundary

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        boundary, kwargs = self.boundary, kwargs or {}
        name = getattr(func, "__name__", str(func))
        if func in _READERS and boundary.on_device(args[0]):
            boundary.reads[name] += 1
        answer = func(*args, **kwargs)
        named = any(isinstance(value, torch.device) for value in (*args, *kwargs.values()))
        if func is Tensor.new_tensor or (named and func in _MOVING):
            boundary.move(_tensors(answer), name)
        elif named:
            for tensor in _tensors(answer):
                boundary.place(tensor, True)
        return answer


def _tensors(*things: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(things) if isinstance(leaf, Tensor)]


# --- the step -------------------------------------------------------------------------------------------------------


def measure(recipe: CleftInpaintingRecipe, crossings: bool = True) -> list[tuple[str, ...]]:
    """Part of a step, its launches, reads and transfers, as text.

    Args:
        recipe: what is looked at.
        crossings: whether reads and transfers are counted; what is compiled cannot be looked into.
    """
    for step in range(_WARM_UP):
        recipe.step(step)
    batch = recipe.batch(_WARM_UP)
    parts = {
        "the step": lambda: recipe.train_on(batch, _WARM_UP),
        "the next batch, beside it": lambda: recipe.batch(_WARM_UP + 1),
    }
    rows = []
    for name, work in parts.items():
        counts = [launches(work).total()]
        if crossings:
            with Boundary() as boundary:
                work()
            counts += [boundary.reads.total(), boundary.transfers.total()]
        rows.append((name, *map(str, counts)))
    return rows


def run(args: argparse.Namespace) -> None:
    """Measures as the arguments say and prints Markdown.

    Raises:
        DataUnreadable, OptionInvalid, WeightsMissing, WeightsCorrupt: see their sentences.
    """
    options = replace(OPTIONS, batch=args.batch, size=args.size)
    faces = load_faces(args.data, "train", size=args.size, cache=args.cache, most=args.most)
    if args.compile:
        inductor.cpp.enable_kernel_profile = True  # names its loops to the profiler
    recipe = CleftInpaintingRecipe(
        options,
        make_fabric("cpu", args.precision, 1, 1),
        faces,
        faces,
        loss_weights=args.loss_weights,
        compile=args.compile,
    )
    columns = ("part", "launches") if args.compile else ("part", "launches", "reads", "transfers")
    lines = [markdown_line(columns), markdown_line(["---", *["---:"] * (len(columns) - 1)])]
    print("\n".join([*lines, *map(markdown_line, measure(recipe, crossings=not args.compile))]))


def main(argv: list[str] | None = None) -> int:
    """The command: 0, or 2 with one sentence where nothing could be counted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training_step", description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder of faces, as train takes it")
    parser.add_argument("--loss-weights", help="folder with SqueezeNet; without it the loss network is random")
    parser.add_argument("--cache", default=".data", help="folder of the landmark cache")
    parser.add_argument("--most", type=command.count, default=64, help="only the first so many faces")
    parser.add_argument("--size", type=command.count, default=OPTIONS.size, help="side of the crops")
    parser.add_argument("--batch", type=command.count, default=OPTIONS.batch, help="faces a step; changes no count")
    parser.add_argument("--precision", choices=PRECISIONS, default="32-true", help="as train has it")
    parser.add_argument("--compile", action="store_true", help="count the compiled step, as train --compile has it")
    try:
        run(parser.parse_args(argv))
    except PhiltrumError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
