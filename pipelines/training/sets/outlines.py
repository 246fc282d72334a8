"""Outlines of faces and of the regions of which holes are made, known once for a whole set."""

import numpy as np
import torch
from torch import Tensor

from pipelines.faces.masks import EXTENTS, face_outline, outline
from pipelines.faces.points import Face
from pipelines.training.sets.face_set import FaceSet


def outlines(meshes: Tensor) -> Tensor:
    """Outlines of the suggested regions, ``(N, extents, 32, 2)``, as fractions of the side."""
    faces = [Face(mesh * 1000) for mesh in meshes.cpu().numpy()]
    return torch.from_numpy(np.stack([[outline(face, extent) for extent in EXTENTS] for face in faces]) / 1000).float()


def face_outlines(meshes: Tensor) -> Tensor:
    """Outlines of whole faces, without a margin: ``(N, 32, 2)``, as fractions of the side."""
    faces = [Face(mesh * 1000) for mesh in meshes.cpu().numpy()]
    return torch.from_numpy(np.stack([face_outline(face, 0.0) for face in faces]) / 1000).float()


def all_outlines(faces: FaceSet) -> Tensor:
    """Outlines of the regions, and last of the whole face, ``(N, extents + 1, 32, 2)``, as fractions of the side."""
    if faces.outlines is not None:
        return faces.outlines
    return torch.cat([outlines(faces.meshes), face_outlines(faces.meshes)[:, None]], 1)
