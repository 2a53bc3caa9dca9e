"""Causal (left-to-right) language models: GPT-2, Llama, and their kin."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter

import torch
from torch import Tensor

from psylm.models.base import Hiding, LanguageModel, Span
from psylm.models.query import Answer, Query, Row, padded

ATTENTION = 640
"""Tokens of a row at which attention, which grows with the square of them, costs as much as all the rest."""

WORTH = 0.9
"""Sequences are read in one row where that costs at most this share of what it costs to read them apart."""


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

    sequences: list[tuple[tuple[int, ...], list[int]]]
    common: int = field(default=0)

    def __len__(self) -> int:
        return self.common + sum(len(ids) - self.common for ids, _ in self.sequences)


class CausalModel(LanguageModel):
    """Predicts each token from those before it, beginning with the beginning-of-sequence token."""

    family = "causal"

    def sequence(self, text: tuple[int, ...]) -> tuple[int, ...]:
        """Return the text's tokens after the beginning-of-sequence token, where the model has one."""
        return text if self.tokenizer.bos is None else (self.tokenizer.bos, *text)

    def word_queries(
        self, text: tuple[int, ...], words: Sequence[Span], hiding: Hiding = "within_word", *, after: bool = True
    ) -> tuple[list[Query], list[int]]:
        """Return a query a window: the words' tokens, and after each word the distribution that says if it is over.

        A text within the model's window is one query. A longer one is read in windows that overlap, so that what
        is asked always has at least `overlap` tokens before it, fewer only at the text's beginning. A model without
        a beginning-of-sequence token cannot predict the first token of a text, hence not the first word.
        """
        begun = self.sequence(())
        asked: list[tuple[int, int]] = []
        counts = []
        for first, last in words:
            known = last > first and first + len(begun) > 0
            mine = [(at, text[at]) for at in range(first, last)] if known else []
            if known and after:
                mine.append((last, -1))
            asked += mine
            counts.append(len(mine))
        room = self.window - len(begun)
        queries = []
        for begin, end, mine in windows(asked, room, min(self.overlap, room - 1)):
            shift = len(begun) - begin
            at, tokens = tuple(at + shift for at, _ in mine), tuple(token for _, token in mine)
            queries.append(Query(self.sequence(text[begin:end]), at, tokens))
        return queries, counts

    def blank_query(self, text: tuple[int, ...], first: int, last: int) -> Query | None:
        """Return the query for the token after `text[:first]`, or after as much of it as the window holds."""
        ids = self.sequence(text[:first][-(self.window - 1) :])
        return Query(ids, (len(ids),), (-1,)) if ids and first < last else None

    def continuation_query(self, before: tuple[int, ...], after: tuple[int, ...]) -> Query:
        """Return the query for tokens that follow others; of what is read first, as much as the window holds."""
        read = before[-max(self.window - len(after), 1) :]
        at = tuple(range(len(read), len(read) + len(after)))
        return Query((*read, *after), at, after)

    def _rows(self, queries: Sequence[Query]) -> list[Row]:
        shared = _shared(_distinct(queries))
        if not self._branches:
            shared = [Shared([one]) for group in shared for one in group.sequences]
        return [_row(group, queries) for group in shared]

    @cached_property
    def _branches(self) -> bool:
        """Whether the network scores sequences in one row as it scores them alone; tried once, on three tokens."""
        with torch.inference_mode():
            apart = self._hidden([Row((0, 1), []), Row((0, 2), [])])[:, 1]
            together = self._hidden([Row((0, 1, 2), [], positions=(0, 1, 1), branches=(0, 1, 2))])[0, 1:]
        return bool(torch.allclose(apart, together, atol=1e-3, rtol=1e-3))

    def _hidden(self, rows: Sequence[Row]) -> Tensor:
        device = self.network.device
        ids, _ = padded([row.ids for row in rows], 0, device)
        if not any(row.branches for row in rows):
            # Padding stands on the right, where a causal model cannot see it: no mask is needed.
            hidden: Tensor = self.head.body(input_ids=ids, use_cache=False).last_hidden_state
            return hidden
        # Padding is a branch of its own (-1), which nothing sees.
        plain = [tuple(range(len(row.ids))) for row in rows]
        positions, there = padded([row.positions or own for row, own in zip(rows, plain, strict=True)], 0, device)
        branches, _ = padded([row.branches or (0,) * len(row.ids) for row in rows], -1, device)
        own_branch = (branches[:, None, :] == branches[:, :, None]) | (branches[:, None, :] == 0)
        order = torch.arange(ids.shape[1], device=device)
        seen = own_branch & (order[None, :] <= order[:, None]) | torch.eye(len(order), dtype=torch.bool, device=device)
        dtype = self.network.dtype
        mask = torch.zeros(seen.shape, dtype=dtype, device=device).masked_fill(~seen, torch.finfo(dtype).min)
        shared: Tensor = self.head.body(
            input_ids=ids, attention_mask=mask[:, None], position_ids=positions * there, use_cache=False
        ).last_hidden_state
        return shared


def windows(asked: list[tuple[int, int]], size: int, overlap: int) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """Divide what is asked of a text into windows, which begin at the same tokens whatever is asked.

    Parameters
    ----------
    asked
        Positions and tokens, by ascending position.
    size
        Tokens in a window.
    overlap
        Tokens that a window's first asked position has before it, at least; fewer only at the text's beginning.

    Yields
    ------
    begin, end, asked
        The window reads tokens `begin` to `end`, and predicts those asked, the one at `end` perhaps among them.

    Examples
    --------
    >>> asked = [(at, 0) for at in range(10)]
    >>> [(begin, end, [at for at, _ in some]) for begin, end, some in windows(asked, 6, 3)]
    [(0, 6, [0, 1, 2, 3, 4, 5, 6]), (4, 9, [7, 8, 9])]
    """
    done, step = 0, size + 1 - max(overlap, 1)
    while done < len(asked):
        final, at = asked[-1][0], asked[done][0]
        begin = max(-((size - at) // step), 0) * step
        end = bisect_right(asked, begin + size, key=itemgetter(0))
        yield begin, min(begin + size, final), asked[done:end]
        done = end


def _distinct(queries: Sequence[Query]) -> list[tuple[tuple[int, ...], list[int]]]:
    """Return the sequences to read, in order, none of which begins another, with the queries that each answers.

    A sequence only matters up to the last position asked: what follows cannot change a causal score.
    """
    needed = sorted((query.ids[: query.at[-1]], index) for index, query in enumerate(queries))
    distinct: list[tuple[tuple[int, ...], list[int]]] = []
    for ids, index in reversed(needed):
        if distinct and distinct[-1][0][: len(ids)] == ids:
            distinct[-1][1].append(index)
        else:
            distinct.append((ids, [index]))
    return distinct


def _shared(sequences: list[tuple[tuple[int, ...], list[int]]]) -> list[Shared]:
    """Join neighbours that begin alike wherever that leaves fewer tokens to read.

    Examples
    --------
    >>> groups = _shared([((1, 2, 3, 5), [0]), ((1, 2, 3, 4), [1]), ((1, 9), [2])])
    >>> [(group.common, len(group)) for group in groups]
    [(3, 5), (2, 2)]
    """
    groups: list[Shared] = []
    for ids, indices in sequences:
        if groups:
            last = groups[-1]
            joined = Shared([*last.sequences, (ids, indices)], _common(ids, last.sequences[0][0][: last.common]))
            if _cost(len(joined)) <= WORTH * (_cost(len(last)) + _cost(len(ids))):
                groups[-1] = joined
                continue
        groups.append(Shared([(ids, indices)], len(ids)))
    return groups


def _cost(tokens: int) -> float:
    """Cost of a row, in tokens that cost nothing to attend to."""
    return tokens * (1 + tokens / ATTENTION)


def _common(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """Count the tokens that two sequences begin with."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _row(group: Shared, queries: Sequence[Query]) -> Row:
    """Lay sequences that begin alike out in one row: the beginning, then what each goes on with."""
    if len(group.sequences) == 1:
        ids, indices = group.sequences[0]
        return Row(ids, [Answer(index, tuple(at - 1 for at in queries[index].at)) for index in indices])
    common = group.common
    row = list(group.sequences[0][0][:common])
    positions, branches = list(range(common)), [0] * common
    answers = []
    for branch, (ids, indices) in enumerate(group.sequences, start=1):
        shift = len(row) - common
        for index in indices:
            places = (at - 1 for at in queries[index].at)
            answers.append(Answer(index, tuple(place if place < common else place + shift for place in places)))
        row += ids[common:]
        positions += range(common, len(ids))
        branches += [branch] * (len(ids) - common)
    return Row(tuple(row), answers, tuple(positions), tuple(branches))
