import pytest
import torch
from scipy import ndimage

from pipelines.layers.filters import filtered


@pytest.mark.parametrize("length", [1, 3, 9])
def test_rows_and_columns_are_filtered_as_scipy_does(length):
    torch.manual_seed(0)
    image, taps = torch.randn(2, 3, 20, 17, dtype=torch.float64), torch.rand(length, dtype=torch.float64)
    expected = image.numpy()
    for axis in (2, 3):
        expected = ndimage.correlate1d(expected, taps.numpy(), axis=axis, mode="mirror")
    assert torch.allclose(filtered(image, taps), torch.from_numpy(expected), atol=1e-12)
