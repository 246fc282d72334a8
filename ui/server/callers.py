"""Programs that call the API: whether they still wait for the answer."""

from gradio.context import LocalContext

from pipelines.errors import Cancelled
from pipelines.languages.translation import _
from pipelines.progress import Progress
from ui.server.sessions import Work


def while_waited_for(work: Work) -> Progress:
    """Progress of a program's run, which ends it with :class:`~pipelines.errors.Cancelled` once nobody waits for it.

    Gradio notices when the connection to a program breaks, and then calls the program's events no longer alive; but
    what has begun it lets go on.

    Args:
        work: what the program's session holds.
    """
    page, event = LocalContext.blocks.get(None), LocalContext.event_id.get(None)

    def gone() -> bool:
        if page is None or event is None:
            return False
        running = [one for jobs in page._queue.active_jobs for one in jobs or ()]
        return any(one._id == event and not one.alive for one in running)

    def report(fraction: float, text: str) -> None:
        if work.gone.is_set() or gone():
            raise Cancelled(_("The program that asked is gone."))

    return report
