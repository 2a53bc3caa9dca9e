"""Many lesions by one line of a config: models x kinds x strengths x seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from psylm.common.errors import InputError, one_of
from psylm.models.changes import MARK, Change, Lesion
from psylm.models.lesion_kinds import LESION_KINDS

Strength = int | float | str


class LesionSeries(BaseModel, extra="forbid"):
    """Lesions of one kind.

    Parameters
    ----------
    kind
        A kind of change: `random-heads`, `temperature`, `noise`, ….
    seeds
        Of kinds that draw at random: how many seeds, from 1, or a list of them.
    strengths
        Values, as they are written after the kind: `[0.1, 0.25]`, `["3.4+5.0"]`. One that changes nothing is left
        out, since the intact model is always among the models.

    Examples
    --------
    >>> series = LesionSeries(kind="noise", seeds=2, strengths=[0, 0.5])
    >>> [str(change) for change in series.changes()]
    ['noise=0.5@1', 'noise=0.5@2']
    """

    kind: str
    seeds: Annotated[int, Field(ge=1)] | Annotated[list[int], Field(min_length=1)] = 1
    strengths: Annotated[list[Strength], Field(min_length=1)]

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        known = [name for name, record in LESION_KINDS.items() if record.in_series]
        if kind not in known:
            raise ValueError(one_of(kind, known))
        return kind

    @field_validator("strengths")
    @classmethod
    def _written_as_in_a_name(cls, strengths: list[Strength], info: ValidationInfo) -> list[Strength]:
        kind = info.data.get("kind")
        if kind is not None:
            for strength in strengths:
                try:
                    Lesion.parse(f"{kind}={strength}" + ("@1" if LESION_KINDS[kind].seeded else ""), kind)
                except InputError as error:
                    raise ValueError(error.problems[0].expected) from None
        return strengths

    def changes(self) -> list[Change]:
        """Return the changes, by ascending place in the lists, those that change nothing left out."""
        seeds: list[str] = [""]
        if LESION_KINDS[self.kind].seeded:
            listed = range(1, self.seeds + 1) if isinstance(self.seeds, int) else self.seeds
            seeds = [f"@{seed}" for seed in listed]
        made = [
            Lesion.parse(f"{self.kind}={strength}{seed}", self.kind) for strength in self.strengths for seed in seeds
        ]
        changes = [lesion.changes[0] for lesion in made]
        return [change for change in changes if change.strength is None or change.strength != change.about.intact]


def with_lesions(models: Sequence[str], series: Sequence[LesionSeries]) -> list[str]:
    """Return each model, and after it each lesion of it.

    Examples
    --------
    >>> with_lesions(["hub:gpt2"], [LesionSeries(kind="temperature", strengths=[1, 2, 4])])
    ['hub:gpt2', 'hub:gpt2#temperature=2.0', 'hub:gpt2#temperature=4.0']
    """
    changes = dict.fromkeys(str(change) for one in series for change in one.changes())
    return [
        name
        for model in models
        for name in (model, *(model + ("," if MARK in model else MARK) + change for change in changes))
    ]
