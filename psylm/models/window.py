"""How many tokens a network can read at a time."""

from __future__ import annotations

from typing import Any

from torch import nn

KEYS = (
    "max_position_embeddings",
    "max_encoder_position_embeddings",
    "max_decoder_position_embeddings",
    "max_source_positions",
    "max_seq_len",
)
"""Keys of configurations that state a window; XLNet's says -1."""

TABLES = ("position_embeddings", "position_embedding", "embed_positions", "wpe")
"""Names of tables of learned positions, one row a position."""


def window_of(network: Any) -> int | None:
    """Return the tokens of the longest sequence that a network reads, or None where nothing limits them.

    It is the smallest of what the configuration states and of the rows of the tables of positions. RoBERTa and its
    kin count positions from the row after that of the padding, which leaves fewer rows than the configuration says.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> table = nn.Module()
    >>> table.position_embeddings = nn.Embedding(514, 8, padding_idx=1)
    >>> table.config = SimpleNamespace(max_position_embeddings=514)
    >>> window_of(table)
    512
    """
    stated = [getattr(network.config, key, None) for key in KEYS]
    limits = [int(size) for size in stated if isinstance(size, int) and size > 0]
    for name, module in network.named_modules():
        learned = isinstance(module, nn.Embedding) and "Sinusoidal" not in type(module).__name__
        if learned and name.rpartition(".")[2] in TABLES:
            limits.append(_rows(module))
    return min(limits, default=None)


def _rows(table: nn.Embedding) -> int:
    """Count a table's rows that positions are counted through; BART's begin at an offset."""
    before = getattr(table, "offset", 0) if table.padding_idx is None else table.padding_idx + 1
    return int(table.num_embeddings) - int(before)
