"""Causal (left-to-right) language models: GPT-2, Llama, and their kin."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from psylm.common.errors import PsylmError
from psylm.models.attention_input import NO_BEGINNING, At, Laid, Reading, among
from psylm.models.base import LanguageModel, ModelInfo, Span
from psylm.models.families import Hiding
from psylm.models.head import NETWORK_ERRORS
from psylm.models.memory import Allowance
from psylm.models.query import Distributions, Query, Row, padded
from psylm.models.sharing import Shared, distinct, shared, trial
from psylm.models.tokens import Tokenizer

SHORTEST_TRIAL = 16, 64
"""Tokens of a sequence, and of a row, on which it is tried at least whether sequences may share their beginning."""

COMPARED = 64
"""Places at which a trial compares distributions."""

ROUNDING = 0.03
"""Mean difference of log-probabilities (nats) that lower precisions make: on SmolLM2 in bfloat16, half as much."""


class CausalModel(LanguageModel):
    """Predicts each token from those before it, beginning with what starts a text (`psylm.models.start`)."""

    family = "causal"
    _branches = True
    """Whether sequences that begin alike may stand in one row, where trials show that it changes no score."""

    def __init__(self, network: Any, tokenizer: Tokenizer, info: ModelInfo, allowance: Allowance) -> None:
        super().__init__(network, tokenizer, info, allowance)
        self._tried: dict[tuple[int, int], bool] = {}

    def sequence(self, text: tuple[int, ...]) -> tuple[int, ...]:
        """Return the text's tokens after what stands before a text."""
        return (*self.tokenizer.start, *text)

    def word_queries(
        self, text: tuple[int, ...], words: Sequence[Span], hiding: Hiding = "within_word", *, after: bool = True
    ) -> tuple[list[Query], list[int]]:
        """Return a query a window: the words' tokens, and after each word the distribution that says if it is over.

        A text within the model's window is one query. A longer one is read in windows that overlap, so that what
        is asked always has at least `overlap` tokens before it, fewer only at the text's beginning. Where nothing
        stands before a text, its first token cannot be predicted, hence not its first word.
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
        # A window that nothing begins has to have one token before what is asked.
        overlap = max(min(self.overlap, room - 1), 1 - len(begun))
        queries = []
        for begin, end, mine in windows(asked, room, overlap):
            shift = len(begun) - begin
            at, tokens = tuple(at + shift for at, _ in mine), tuple(token for _, token in mine)
            queries.append(Query(self.sequence(text[begin:end]), at, tokens))
        return queries, counts

    def blank_query(self, text: tuple[int, ...], first: int, last: int) -> Query | None:
        """Return the query for the token after `text[:first]`, or after as much of it as the window holds."""
        ids = self.sequence(text[:first][-(self.window - max(len(self.tokenizer.start), 1)) :])
        return Query(ids, (len(ids),), (-1,)) if ids and first < last else None

    def continuation_query(self, before: tuple[int, ...], after: tuple[int, ...]) -> Query:
        """Return the query for tokens that follow others; of what is read first, as much as the window holds."""
        read = before[-max(self.window - len(after), 1) :]
        at = tuple(range(len(read), len(read) + len(after)))
        return Query((*read, *after), at, after)

    def lay(self, text: tuple[int, ...], words: np.ndarray, span: Span, at: At) -> Laid | str:
        """Look from the token before the word, or from what begins the sequence, where the word is the first."""
        ids = self.sequence(text)
        shift = len(ids) - len(text)
        rows = range(span[0] + shift, span[1] + shift) if at == "word" else range(span[0] + shift - 1, span[0] + shift)
        if rows.start < 0:
            return NO_BEGINNING
        return Reading(ids, tuple(rows)), among(words, shift, 0), rows.stop

    def read_attended(self, readings: Sequence[Reading], **asked: Any) -> Any:
        """Run the body; padding stands on the right, where nothing looks."""
        ids, _ = padded([reading.ids for reading in readings], self.tokenizer.filler, self.network.device)
        return self.head.body(input_ids=ids, use_cache=False, **asked)

    def states_before_output(self, query: Query, copies: int) -> Tensor:
        """Return the states at the places before those of the items."""
        hidden: Tensor = self.head.body(input_ids=self._input(*[query.ids] * copies)).last_hidden_state
        return hidden[:, [at - 1 for at in query.at]]

    def own_logits(self, query: Query) -> Tensor:
        """Return the logits at the places before those of the items."""
        logits: Tensor = self.network(input_ids=self._input(query.ids)).logits[0].cpu()
        return logits[torch.tensor(query.at) - 1]

    def _rows(self, queries: Sequence[Query]) -> list[Row]:
        return [group.row(queries) for group in shared(distinct(queries), self._may_share)]

    def _may_share(self, group: Shared) -> bool:
        """Whether the network scores sequences of such lengths in one row as it scores them apart.

        Attention that sees only so many tokens back, distances between tokens of a row, a state that runs through
        it: what rules this out has many names in configurations, and an architecture of tomorrow has another. So
        nothing is believed of a network but what it does, at lengths that are as large as those of the group.
        """
        if not self._branches or (self.allowance.longest is not None and len(group) > self.allowance.longest):
            return False
        longest, tokens = (
            max(least, 1 << (length - 1).bit_length())
            for least, length in zip(SHORTEST_TRIAL, (group.longest, len(group)), strict=True)
        )
        longest = min(longest, self.info.window or longest)
        for size, right in self._tried.items():
            if right and size[0] >= longest and size[1] >= tokens:
                return True
            if not right and size[0] <= longest and size[1] <= tokens:
                return False
        self._tried[longest, tokens] = self._try_sharing(trial(longest, tokens, self.head.size))
        return self._tried[longest, tokens]

    def _try_sharing(self, group: Shared) -> bool:
        """Whether sequences have the same distributions in one row as apart."""
        count = min(COMPARED, max(self.allowance.rows, 1))
        places = torch.linspace(0, len(group) - group.common - 1, count, device=self.network.device).long()
        try:
            together = self._hidden([group.row([])])[0, group.common :]
            apart = torch.cat([self._hidden([Row(ids, [])])[0, group.common :] for ids, _ in group.sequences])
            one, other = (Distributions(self.head(states[places])).log_probabilities for states in (together, apart))
        except NETWORK_ERRORS:
            return False  # it was not made for such a mask or such positions
        if self.network.dtype != torch.float32:
            return bool((one - other).abs().mean() < ROUNDING)
        return bool(torch.allclose(one, other, atol=1e-4, rtol=1e-5))

    def check_direction(self) -> None:
        """Raise where what the network predicts depends on what follows.

        Its predictions would see the token that they are about, and padding; so it is with BERT's weights in a causal
        class without `is_decoder`, and where tokens are grouped by what the whole text has (Reformer).
        """
        ids = trial(16, 16, self.head.size).sequences[0][0]
        with torch.inference_mode():
            short, long = (
                Distributions(self.head(self._hidden([Row(read, [])])[0, :8])).log_probabilities
                for read in (ids[:8], ids)
            )
        if not torch.allclose(short, long, atol=1e-3 if self.network.dtype == torch.float32 else 0.5):
            raise PsylmError(
                f"model {self.info.name!r}: {self.info.architecture} predicts tokens by what follows them; expected a "
                "model that reads from left to right (in config.json: is_decoder: true, where it was trained so)"
            )

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
