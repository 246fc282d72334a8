"""The next batch, made in a thread while a step trains on this one."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

Batch = tuple[Tensor, ...]


class Ahead:
    """Hands out batches by their step, and has the next one made meanwhile.

    A batch depends on its step alone, so one made ahead is the one that would have been made then: whatever is asked
    for, a stopped run goes on as an uninterrupted one.

    On a GPU the batches have a stream of their own: what the thread waits for there holds up no step.

    Args:
        device: where the batches lie.
    """

    def __init__(self, device: torch.device) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._next: tuple[int, Future[Batch]] | None = None

    def take(self, make: Callable[[int], Batch], step: int) -> Batch:
        """The batch of ``step``, of which it is waited for no more than is not done yet.

        Args:
            make: makes the batch of a step; called in another thread, too, so it changes nothing.
            step: whose batch is wanted; the next one is begun.

        Raises:
            Exception: what ``make`` raises for ``step``.
        """
        coming, self._next = self._next, None
        if coming and coming[0] == step:
            batch = coming[1].result()
        else:  # the first step of a run: what it is made of was brought to the device on this thread's stream
            if self._stream:
                self._stream.wait_stream(torch.cuda.current_stream(self._stream.device))
            batch = self._made(make, step)
        self._next = step + 1, self._thread.submit(self._made, make, step + 1)
        if self._stream:
            stream = torch.cuda.current_stream(self._stream.device)
            for tensor in batch:
                tensor.record_stream(stream)  # its memory goes to no other batch before the step is done with it
        return batch

    def _made(self, make: Callable[[int], Batch], step: int) -> Batch:
        with torch.cuda.stream(self._stream):  # does nothing where there is none
            batch = make(step)
        if self._stream:
            self._stream.synchronize()
        return batch
