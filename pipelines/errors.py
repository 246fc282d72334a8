"""Errors a person can act on.

Every error derives from :class:`PhiltrumError` and carries one plain sentence. The app shows that
sentence as a toast; the command line prints it and exits with status 2. File names and pixels never
stand in a sentence, because sentences reach logs.
"""


class PhiltrumError(Exception):
    """Base of all errors a person can act on; ``str(error)`` is one plain sentence."""


class ImageUnreadable(PhiltrumError):
    """The file is not a picture, is damaged, or is of a kind that cannot be read."""


class ImageTooLarge(PhiltrumError):
    """The picture has more pixels than the reader accepts."""


class ImageTooSmall(PhiltrumError):
    """The picture is too small to hold a face."""


class ArrayInvalid(PhiltrumError):
    """What a program gave as a photo or a mask is none, or may mean this or that."""


class ImageMismatch(PhiltrumError):
    """Two pictures that are to be compared differ in size."""


class NoFaceFound(PhiltrumError):
    """No face could be found in the photo."""


class FaceIncomplete(PhiltrumError):
    """The photo shows only a part of the face."""


class FaceIndexInvalid(PhiltrumError):
    """The chosen face number does not exist in the photo."""


class SurgicalMaskNotFound(PhiltrumError):
    """No surgical mask could be found on the face."""


class ReferenceUnusable(PhiltrumError):
    """The reference photo cannot be laid onto the face."""


class MaskEmpty(PhiltrumError):
    """The mask has no painted pixel, or none that lies on the photo."""


class MaskTooLarge(PhiltrumError):
    """The mask leaves too little of the face to predict from."""


class MaskOffFace(PhiltrumError):
    """The mask does not touch the face that is to be repainted."""


class MaskMismatch(PhiltrumError):
    """The mask and the photo differ in size or shape."""


class WeightsMissing(PhiltrumError):
    """A weights file that the manifest names is not on this machine."""


class WeightsCorrupt(PhiltrumError):
    """A weights file differs from its SHA-256, or cannot be read as weights."""


class WeightsUnknown(PhiltrumError):
    """The manifest has no weights of that name."""


class WeightsReadOnly(PhiltrumError):
    """The weights folder belongs to somebody else, so nothing can be added to it."""


class DeviceUnavailable(PhiltrumError):
    """The chosen device or precision does not exist on this machine."""


class DataUnreadable(PhiltrumError):
    """A training or evaluation data set is missing or unusable."""


class TrainingDiverged(PhiltrumError):
    """A training run's loss became infinite or no number."""


class CaseInvalid(PhiltrumError):
    """A case's name, date, side or notes are none."""


class CaseFileInvalid(PhiltrumError):
    """A file is no case file, is damaged, was altered, or is of a newer format."""


class CaseFileTooLarge(PhiltrumError):
    """A case file holds more than is read or written."""


class CaseEmpty(PhiltrumError):
    """A case has no result that could be reported."""


class OptionInvalid(PhiltrumError):
    """An option has a value outside its range."""


class Cancelled(PhiltrumError):
    """The person stopped the run."""
