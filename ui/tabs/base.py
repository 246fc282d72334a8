"""What every tab that shows a result does with it when its photo goes, and when a run ends."""

from abc import ABC, abstractmethod
from typing import Any

import gradio as gr

from ui.server.sessions import Sessions, Work


class ResultTab(ABC):
    """A tab with a result of its own on every page.

    Attributes:
        job: whose result it shows.
        sessions: keeps what each page has given.
        results: the components that show a result: all that another photo or face clears.
    """

    job: str
    sessions: Sessions

    @property
    @abstractmethod
    def results(self) -> list[gr.components.Component]:
        """See the class."""

    @abstractmethod
    def cleared(self) -> list[Any]:
        """Updates of :attr:`results` where there is no result."""

    def kept(self) -> list[Any]:
        """Updates of :attr:`results` that leave them as they are."""
        return [gr.skip()] * len(self.results)

    def settle(self, request: gr.Request) -> list[Any]:
        """Clears what came late: a result whose photo was replaced after it left here."""
        return self.cleared() if self.work(request).outcome is None else self.kept()

    def end(self, request: gr.Request) -> list[Any]:
        """When a run is over: the buttons, and :meth:`settle`."""
        return [*idle(), *self.settle(request)]

    def work(self, request: gr.Request) -> Work:
        """What this tab of the page holds."""
        return self.sessions.get(request.session_hash).work(self.job)


def idle() -> tuple[gr.Button, gr.Button]:
    """Updates of *Run* and *Cancel* when nothing runs."""
    return gr.Button(interactive=True), gr.Button(interactive=False)
