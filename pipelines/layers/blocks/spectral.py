"""Spectral norm in fewer launches: what PyTorch's own computes, whose checkpoints fit."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torch.nn.utils.parametrize import ParametrizationList


def spectral_norm(conv: nn.Conv2d) -> nn.Conv2d:
    """Divides a convolution's weight by its largest singular value (Miyato et al. 2018, algorithm 1).

    Starts as :func:`torch.nn.utils.parametrizations.spectral_norm` does and names its tensors alike.
    """
    parametrizations.spectral_norm(conv)
    weight = conv.get_submodule("parametrizations.weight")
    assert isinstance(weight, ParametrizationList)
    weight[0] = SpectralNorm(weight[0].get_buffer("_u"), weight[0].get_buffer("_v"))
    return conv


class SpectralNorm(nn.Module):
    """A weight over the estimate of its largest singular value; one power iteration improves that in every pass.

    Args:
        u, v: estimates of the singular vectors, of outputs and of inputs; used up by the module.
    """

    _u: Tensor
    _v: Tensor

    def __init__(self, u: Tensor, v: Tensor) -> None:
        super().__init__()
        self.register_buffer("_u", u)
        self.register_buffer("_v", v)

    def forward(self, weight: Tensor) -> Tensor:
        """``(outputs, ...)`` → the same shape."""
        # Estimates that are carried from step to step are no place for half precision.
        with torch.no_grad(), torch.autocast(weight.device.type, enabled=False):
            matrix, u, v = weight.flatten(1), self._u, self._v
            if self.training:
                # New tensors: an earlier pass of the same step still needs its own for its gradient.
                u = torch.mv(matrix, v)
                u /= torch.linalg.vector_norm(u)
                v = torch.mv(matrix.t(), u)
                value = torch.linalg.vector_norm(v)  # u'Wv of the new u and v
                v /= value
                torch._foreach_copy_([self._u, self._v], [u, v])
            else:
                value = torch.vdot(u, torch.mv(matrix, v))
        return _Divided.apply(weight, value, u, v)


class _Divided(torch.autograd.Function):
    """W / u'Wv, of which the gradient is taken through both; u and v are held (Miyato et al. 2018, equation 12)."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, value: Tensor, u: Tensor, v: Tensor) -> Tensor:
        divided = weight / value
        ctx.save_for_backward(divided, value, u, v)
        return divided

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        divided, value, u, v = ctx.saved_tensors
        along = (gradient * divided).sum() / value
        shape = divided.shape
        left, right = u.view(-1, *(1,) * (len(shape) - 1)), v.view(1, *shape[1:])
        return torch.addcmul(gradient / value, left * along, right, value=-1), None, None, None
