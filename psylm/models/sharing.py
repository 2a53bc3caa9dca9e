"""Sequences that begin alike in one row of a batch, so that what they have in common is read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from psylm.models.query import Answer, Query, Row

ATTENTION = 640
"""Tokens of a row at which attention, which grows with the square of them, costs as much as all the rest."""

WORTH = 0.9
"""Sequences are read in one row where that costs at most this share of what it costs to read them apart."""

Numbered = tuple[tuple[int, ...], list[int]]
"""A token sequence with the numbers of the queries that it answers."""


@dataclass
class Shared:
    """Sequences that begin alike, with the queries that each answers.

    Parameters
    ----------
    sequences
        Token sequences, none of which begins another, each with the numbers of its queries.
    common
        How many tokens they all begin with.
    """

    sequences: list[Numbered]
    common: int = field(default=0)

    def __len__(self) -> int:
        return self.common + sum(len(ids) - self.common for ids, _ in self.sequences)

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return max(len(ids) for ids, _ in self.sequences)

    def row(self, queries: Sequence[Query]) -> Row:
        """Lay the sequences out in one row: the beginning, then what each goes on with."""
        if len(self.sequences) == 1:
            ids, indices = self.sequences[0]
            return Row(ids, [Answer(index, _before(queries[index])) for index in indices])
        common = self.common
        row = list(self.sequences[0][0][:common])
        positions, branches = list(range(common)), [0] * common
        answers = []
        for branch, (ids, indices) in enumerate(self.sequences, start=1):
            shift = len(row) - common
            for index in indices:
                places = (place if place < common else place + shift for place in _before(queries[index]))
                answers.append(Answer(index, tuple(places)))
            row += ids[common:]
            positions += range(common, len(ids))
            branches += [branch] * (len(ids) - common)
        return Row(tuple(row), answers, tuple(positions), tuple(branches))


def _before(query: Query) -> tuple[int, ...]:
    """Return the places that predict what is asked: each stands one before."""
    if query.at[0] < 1:
        raise ValueError("nothing stands before the first token of a sequence that could predict it")
    return tuple(at - 1 for at in query.at)


def distinct(queries: Sequence[Query]) -> list[Numbered]:
    """Return the sequences to read, in order, none of which begins another, with the queries that each answers.

    A sequence only matters up to the last position asked: what follows cannot change a causal score.
    """
    needed = sorted((query.ids[: query.at[-1]], index) for index, query in enumerate(queries))
    found: list[Numbered] = []
    for ids, index in reversed(needed):
        if found and found[-1][0][: len(ids)] == ids:
            found[-1][1].append(index)
        else:
            found.append((ids, [index]))
    return found


def shared(sequences: Sequence[Numbered], allowed: Callable[[Shared], bool] = lambda _: True) -> list[Shared]:
    """Join neighbours that begin alike wherever that leaves fewer tokens to read.

    Parameters
    ----------
    sequences
        In the order of their tokens, as `distinct` returns them.
    allowed
        Whether sequences may stand in one row.

    Examples
    --------
    >>> groups = shared([((1, 2, 3, 5), [0]), ((1, 2, 3, 4), [1]), ((1, 9), [2])])
    >>> [(group.common, len(group)) for group in groups]
    [(3, 5), (2, 2)]
    """
    groups: list[Shared] = []
    for ids, indices in sequences:
        if groups:
            last = groups[-1]
            joined = Shared([*last.sequences, (ids, indices)], _common(ids, last.sequences[0][0][: last.common]))
            if _cost(len(joined)) <= WORTH * (_cost(len(last)) + _cost(len(ids))) and allowed(joined):
                groups[-1] = joined
                continue
        groups.append(Shared([(ids, indices)], len(ids)))
    return groups


def trial(longest: int, tokens: int, vocabulary: int) -> Shared:
    """Return sequences that begin alike, on which it can be tried whether a model may read such in one row.

    Each has `longest` tokens, half of them in common, and there are enough of them for a row of `tokens` tokens: so
    whatever depends on how far apart tokens stand, in a sequence or in a row, has as much room as in the rows that
    are to be read.

    Examples
    --------
    >>> group = trial(16, 64, 50_000)
    >>> len(group), group.longest, group.common, len(group.sequences)
    (64, 16, 8, 7)
    """
    half = longest // 2
    count = max(2, tokens // half - 1)
    drawn = iter(_numbers(vocabulary))
    begun = [next(drawn) for _ in range(half)]
    return Shared([((*begun, *(next(drawn) for _ in range(half))), []) for _ in range(count)], half)


def _numbers(vocabulary: int) -> Iterator[int]:
    """Yield tokens from all over a vocabulary, the same ones each time."""
    number = 1
    while True:
        number = number * 48271 % (2**31 - 1)  # Lehmer's generator, with the constants of Park & Miller
        yield number % vocabulary


def _cost(tokens: int) -> float:
    """Cost of a row, in tokens that cost nothing to attend to."""
    return tokens * (1 + tokens / ATTENTION)


def _common(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """Count the tokens that two sequences begin with."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
