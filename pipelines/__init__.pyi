from pipelines.anomaly_scoring.before_after import save_before_after as save_before_after
from pipelines.anomaly_scoring.pipeline import AnomalyScoring as AnomalyScoring
from pipelines.cases.case import Case as Case
from pipelines.cases.contents import CaseFile as CaseFile
from pipelines.cases.reading import open_case as open_case
from pipelines.cases.report import save_report as save_report
from pipelines.cases.writing import save_case as save_case
from pipelines.cleft_inpainting.pipeline import CleftInpainting as CleftInpainting
from pipelines.errors import PhiltrumError as PhiltrumError
from pipelines.faces.images import read_image as read_image
from pipelines.faces.images import read_mask as read_mask
from pipelines.faces.images import write_png as write_png
from pipelines.mask_removal.pipeline import MaskRemoval as MaskRemoval
from pipelines.results import AnomalyScoringResult as AnomalyScoringResult
from pipelines.results import CleftInpaintingResult as CleftInpaintingResult
from pipelines.results import MaskRemovalResult as MaskRemovalResult

__version__: str
__all__: list[str]
