"""What files of repainted photos have in common; each job's own are tested with the job."""

import numpy as np

from pipelines.exports import repainted


def test_the_feathered_mask_says_what_is_the_photo_bit_for_bit():
    alpha = np.float32([[0, 1e-6, 0.5, 1]])
    assert repainted.alpha_picture(alpha).tolist() == [[0, 1, 128, 255]]
