"""The card of a stimulus set: what it is, where it comes from, and what its columns mean."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from psylm.common.errors import one_of
from psylm.common.yaml_document import misfit

Text = Annotated[str, Field(min_length=1)]


class Source(BaseModel, extra="forbid"):
    """A published file that a set is read from.

    Parameters
    ----------
    url
        Where it is fetched from, over https.
    sha256
        Its checksum.
    file
        Its local name, relative to `PSYLM_DATA` or to the cache.
    """

    url: Annotated[str, Field(pattern=r"^https://")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$")]


class Published(BaseModel, extra="forbid"):
    """A published figure that is shown next to ours.

    Parameters
    ----------
    measure
        What was measured, as the analysis names it.
    who
        The model or the people.
    value
        The figure.
    source
        Where it was published.
    condition
        The condition that it holds for; empty for all.
    n
        How many observations it rests on.
    """

    measure: Text
    who: Text
    value: float
    source: Text
    condition: str = ""
    n: int | None = None


class Card(BaseModel, extra="forbid"):
    """A stimulus set's `card.yaml`.

    Parameters
    ----------
    name
        The set's path below `stimuli/`.
    title, version, licence, citation, description
        What it is, and how to give credit.
    language
        BCP 47 tag.
    paradigm
        What it is made for, `cloze` for example.
    columns
        What each column of the items means.
    factors
        The design: each factor's levels, in order. `condition` is the levels joined by `/`.
    between
        Factors that vary between items, not within.
    human
        What each human measure means, with its unit in parentheses.
    references
        Columns that hold published values of other models, and whose they are.
    published
        Published summary figures.
    sources, reader
        For published sets: the files, and the name of the function that reads them.
    """

    name: Text
    title: Text
    version: Annotated[str, Field(pattern=r"^\d+(\.\d+)*$")]
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]+)*$")]
    paradigm: Text
    licence: Text
    citation: Text
    description: Text
    columns: dict[str, Text]
    factors: dict[str, Annotated[list[str], Field(min_length=2)]] = {}
    between: list[str] = []
    human: dict[str, Text] = {}
    references: dict[str, Text] = {}
    published: list[Published] = []
    sources: list[Source] = []
    reader: str = ""

    @field_validator("version", mode="before")
    @classmethod
    def _version_as_text(cls, version: object) -> object:
        return str(version) if isinstance(version, int | float) else version

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if bool(self.sources) != bool(self.reader):
            there, lacking = ("sources", "reader") if self.sources else ("reader", "sources")
            raise misfit((there,), f"{there} without {lacking}", "both or neither")
        for number, factor in enumerate(self.between):
            if factor not in self.factors:
                raise misfit(("between", number), repr(factor), one_of(factor, list(self.factors)))
        for column in [*self.factors, *self.references]:
            if column not in self.columns:
                raise misfit(("columns",), f"no line for {column!r}", "one that says what it means")
        return self

    @property
    def within(self) -> list[str]:
        """Factors that vary within each item."""
        return [factor for factor in self.factors if factor not in self.between]
