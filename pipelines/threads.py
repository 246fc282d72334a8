"""How PyTorch's threads wait for each other on a processor: settled before PyTorch is imported."""

import os


def wait_passively() -> None:
    """Lets threads that wait for others sleep instead of spinning, unless the person has settled it.

    On a machine that does other work too, a spinning thread takes the processor from the one that it waits for: a face
    is scored in several seconds instead of one. OpenMP reads the variable when PyTorch loads it, so this comes first.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
