"""How many tokens a network reads at a time, and where its positions begin."""

from __future__ import annotations

from typing import Any

LIMITS = (
    "max_position_embeddings",
    "max_seq_len",
    "max_target_positions",
    "max_decoder_position_embeddings",
    "max_encoder_position_embeddings",
)
"""Names that configurations have for the number of positions; `n_positions`, `n_ctx` and others are other names of the
first one for `transformers` as well."""


def language_config(config: Any) -> Any:
    """Return the part of a configuration that is about language, where there are others."""
    return config.get_text_config(decoder=True) if hasattr(config, "get_text_config") else config


def first_position(network: Any) -> int:
    """Return the number of a text's first position.

    RoBERTa and its kin keep the first rows of their table for padding: positions begin after the one of padding. Others
    begin at 0, or move positions themselves (OPT, BioGPT).
    """
    tables = (module for name, module in network.named_modules() if name.endswith("position_embeddings"))
    offsets = (getattr(table, "padding_idx", None) for table in tables)  # I-BERT's table is no nn.Embedding
    return max((offset + 1 for offset in offsets if offset is not None), default=0)


def longest_text(network: Any) -> int | None:
    """Return the most tokens, special tokens included, that a network's positions allow, or None for any number.

    Models without numbered positions (BLOOM, Mamba) have no limit, and XLNet says -1.
    """
    config = language_config(network.config)
    limits = [getattr(config, name, None) for name in LIMITS]
    stated = [int(limit) for limit in limits if limit is not None and limit > 0]
    return min(stated) - first_position(network) if stated else None
