"""Masks as people paint and upload them: past the chin, at another size, empty; and the mask that comes back."""

import cv2
import numpy as np
from playwright.sync_api import expect

from pipelines.faces.landmarks import find_face
from tests.browser.driver import Tab, read


def test_a_stroke_down_to_the_photos_edge_runs(tab: Tab, astronaut: np.ndarray):
    tab.open(astronaut)
    tab.suggest.click()
    tab.steps(1)
    tab.button("Show the whole photo").click()
    x, y = find_face(astronaut).points[57].tolist()
    tab.drag((x, y), (x, 500))
    painted = tab.mask()
    tab.predict()
    used, feathered = read(tab.download("mask")) > 127, read(tab.download("alpha"))
    assert used[490, int(x)] and (used ^ painted).sum() < 0.01 * painted.sum()
    result = read(tab.download("result"))
    assert np.array_equal(result[feathered == 0], astronaut[feathered == 0])
    assert (feathered[used] == 255).all() and ((feathered > 0) & (feathered < 255)).any()
    changed = np.abs(result.astype(int) - astronaut)[used].max(1) > 0
    assert changed.mean() > 0.8


def test_an_uploaded_mask_of_another_size_is_scaled_and_an_empty_one_keeps_the_former(tab: Tab, astronaut: np.ndarray):
    tab.open(astronaut)
    tab.suggest.click()
    tab.steps(1)
    mask = tab.mask()
    small = cv2.resize(mask.astype(np.uint8) * 255, (256, 256), interpolation=cv2.INTER_AREA)
    tab.choose("Upload mask", small)
    tab.steps(2)
    expect(tab.page.get_by_text("Mask uploaded and scaled from 256 × 256 pixels.").first).to_be_visible()
    scaled = tab.mask()
    assert (scaled ^ mask).sum() < 0.06 * mask.sum()
    tab.choose("Upload mask", np.zeros((512, 512), np.uint8))
    tab.says("Mask not used. The uploaded mask marks nothing")
    assert np.array_equal(tab.mask(), scaled)
    tab.choose("Upload mask", np.full((512, 300), 255, np.uint8))
    tab.says("Mask not used. The mask is 300 × 512 pixels")
    assert np.array_equal(tab.mask(), scaled)
    tab.predict()
