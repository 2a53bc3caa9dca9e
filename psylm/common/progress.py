"""Progress bars with rate and time left; plain lines where there is no terminal."""

from __future__ import annotations

import time
import warnings
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

NOTES = 30.0
"""Seconds between notes where there is no terminal."""


class Listener(Protocol):
    """What a run or a training tells while it works."""

    def begin(self, model: str, total: int, done: int, work: str = "trials to score") -> None:
        """Begin a model's trials, or the steps of its training, of which some may be done already."""

    def advance(self, trials: int) -> None:
        """Count trials that have been scored and written."""

    def note(self, text: str) -> None:
        """Tell how it stands."""

    def warn(self, text: str) -> None:
        """Tell what must be known of the results."""


class Silent:
    """Tells nothing."""

    def begin(self, model: str, total: int, done: int, work: str = "trials to score") -> None:
        """Ignore the beginning."""

    def advance(self, trials: int) -> None:
        """Ignore the advance."""

    def note(self, text: str) -> None:
        """Ignore the note."""

    def warn(self, text: str) -> None:
        """Warn as Python does: this is not about progress."""
        warnings.warn(text, stacklevel=3)


class RateColumn(ProgressColumn):
    """Trials or steps a second."""

    def render(self, task: Task) -> Text:
        """Show the rate of what was done since the bar began."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} {task.fields['unit']}/s" if speed else "loading")


class Bars:
    """One bar a model.

    Parameters
    ----------
    console
        Where to draw; standard error, so that output can be piped.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            RateColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bars.add_task("", visible=False, unit="")
        self._name = ""
        self._noted = -NOTES

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bars as they are."""
        self._bars.stop()

    def begin(self, model: str, total: int, done: int, work: str = "trials to score") -> None:
        """Begin a model's bar at what an earlier run has done."""
        self._name = model
        if not self.console.is_terminal:
            self.console.print(f"{model}: {total - done} of {total} {work}")
        visible = self.console.is_terminal
        self._task = self._bars.add_task(model, total=total, completed=done, visible=visible, unit=work.split()[0])

    def note(self, text: str) -> None:
        """Tell how it stands, beside the bar; without a terminal, on a line of its own now and then."""
        self._bars.update(self._task, description=f"{self._name}: {text}")
        if not self.console.is_terminal and time.monotonic() - self._noted > NOTES:
            self._noted = time.monotonic()
            self.console.print(f"{self._name}: {text}")

    def warn(self, text: str) -> None:
        """Print a warning above the bars."""
        self.console.print(f"Warning: {text}", markup=False, highlight=False)

    def advance(self, trials: int) -> None:
        """Move the model's bar."""
        self._bars.advance(self._task, trials)
