"""Progress bars with rate and time left; plain lines where there is no terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Self

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


class RateColumn(ProgressColumn):
    """Trials a second."""

    def render(self, task: Task) -> Text:
        """Show the rate of what was done since the bar began."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} trials/s" if speed else "loading")


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
        self._task = self._bars.add_task("", visible=False)

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bars as they are."""
        self._bars.stop()

    def begin(self, model: str, total: int, done: int) -> None:
        """Begin a model's bar at what an earlier run has done."""
        if not self.console.is_terminal:
            self.console.print(f"{model}: {total - done} of {total} trials to score")
        self._task = self._bars.add_task(model, total=total, completed=done, visible=self.console.is_terminal)

    def advance(self, trials: int) -> None:
        """Move the model's bar."""
        self._bars.advance(self._task, trials)
