"""MediaPipe's networks: the mesh of a face, and where faces are, near and far; and OpenCV's cascades for eyes.

Every function takes an RGB ``uint8`` picture ``(H, W, 3)`` and answers in its pixels. MediaPipe resamples without a
low-pass of its own, so a picture should come in about the size that is needed.
"""

import os
import sys
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from pipelines.arrays import Floats, Pixels, Points

_MIN_CONFIDENCE = 0.3
_LEAST_CONFIDENCE = 0.02  # of a detector whose score itself is the answer
_EYE_SIDE = 96  # px to which a patch is brought before an eye is looked for in it
_EYE_STEP, _LEAST_EYE = 1.05, 36  # ratio of the sizes that are looked for, and the smallest, px
_EYE_ASTRAY = 20  # px between the patch's middle and an eye's that counts


@dataclass(frozen=True)
class Detection:
    """A face that a detector sees: ``score`` in 0-1, ``box`` ``(4,)`` (left, top, right, bottom), and ``keypoints``
    ``(4, 2)``: the eye on the image's left, that on its right, tip of the nose, middle of the mouth.
    """

    score: float
    box: Floats
    keypoints: Points


def find_meshes(picture: Pixels) -> list[Points]:
    """Meshes of the faces that FaceMesh finds by its own short-range detector, ``(478, 2)`` float32 each."""
    with _lock:
        found = _face_mesh().process(picture).multi_face_landmarks or []
    size = np.array(picture.shape[1::-1], np.float32)
    return [np.array([(p.x, p.y) for p in face.landmark], np.float32) * size for face in found]


def find_far(picture: Pixels) -> Floats:
    """Boxes of faces by the long-range detector, ``(N, 4)``: left, top, right, bottom."""
    with _lock:
        return np.array([detection.box for detection in _detections(_far_detector(), picture)]).reshape(-1, 4)


def find_near(picture: Pixels) -> list[Detection]:
    """What the short-range detector sees, be it ever so unlikely a face."""
    with _lock:
        return _detections(_near_detector(), picture)


def count_eyes(patch: Pixels, left: bool) -> int:
    """How often an upright eye is seen in the middle of a square patch: in how many windows of the cascade.

    The cascade knows the lid, the corner and the brow of one side, so an eye that stands on its head is seen seldom
    (Viola and Jones 2001, "Rapid object detection using a boosted cascade of simple features"; the cascades are those
    that OpenCV comes with).

    Args:
        patch: about as wide as the eyes are apart.
        left: whether it is the eye on the image's left.
    """
    grey = cv2.resize(cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY), (_EYE_SIDE, _EYE_SIDE))
    with _lock:
        boxes, counts = _eye_cascade(left).detectMultiScale2(grey, _EYE_STEP, 1, minSize=(_LEAST_EYE, _LEAST_EYE))
    middles = [(x + width / 2, y + height / 2) for x, y, width, height in boxes]
    away = (np.hypot(x - _EYE_SIDE / 2, y - _EYE_SIDE / 2) for x, y in middles)
    return max((int(count) for count, far in zip(counts, away, strict=True) if far < _EYE_ASTRAY), default=0)


_lock = threading.Lock()  # graphs and cascades take one picture at a time


@lru_cache(maxsize=1)
def _face_mesh() -> Any:
    # Once a process MediaPipe warns of the first face that it maps. A graph that doubts nothing takes the blank picture
    # for a face, so that the warning is among the notes that are turned away.
    _started("face_mesh", "FaceMesh", min_detection_confidence=0.0, min_tracking_confidence=0.0).close()
    return _started(
        "face_mesh",
        "FaceMesh",
        static_image_mode=True,  # no tracking: a photo's result never depends on the photo before it
        max_num_faces=16,
        refine_landmarks=True,
        min_detection_confidence=_MIN_CONFIDENCE,
    )


@lru_cache(maxsize=1)
def _far_detector() -> Any:
    return _started("face_detection", "FaceDetection", model_selection=1, min_detection_confidence=_MIN_CONFIDENCE)


@lru_cache(maxsize=1)
def _near_detector() -> Any:
    return _started("face_detection", "FaceDetection", model_selection=0, min_detection_confidence=_LEAST_CONFIDENCE)


@lru_cache(maxsize=2)
def _eye_cascade(left: bool) -> "cv2.CascadeClassifier":  # which OpenCV 5 does not have
    # A person's right eye is on the image's left.
    name = "righteye" if left else "lefteye"
    return cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_{name}_2splits.xml")


def _detections(graph: Any, picture: Pixels) -> list[Detection]:
    size = np.array(picture.shape[1::-1], np.float64)
    found = []
    for detection in graph.process(picture).detections or []:
        place = detection.location_data
        box = place.relative_bounding_box
        corners = np.array([(box.xmin, box.ymin), (box.xmin + box.width, box.ymin + box.height)])
        points = np.array([(point.x, point.y) for point in place.relative_keypoints[:4]])
        found.append(Detection(detection.score[0], (corners * size).ravel(), points * size))
    return found


def _started(module: str, solution: str, **options: float) -> Any:
    """A MediaPipe solution that has seen its first picture, a blank one.

    While they start, graphs print notes on standard error from C++, past ``sys.stderr``. The notes say nothing of the
    photo and would stand between our sentences and in the progress bar, so the file descriptor itself is turned away.
    """
    import mediapipe as mp  # here, because importing it takes seconds and training machines lack it

    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        graph = getattr(getattr(mp.solutions, module), solution)(**options)
        graph.process(np.zeros((192, 192, 3), np.uint8))
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    return graph
