"""Whether a lesion fits a model, by its configuration alone: asked before weights are loaded."""

from __future__ import annotations

from typing import Any

from psylm.common.errors import Problem
from psylm.models.names import ModelSource


def lesion_problems(source: ModelSource) -> list[Problem]:
    """Return what a model lacks of what its lesion names; nothing where its configuration does not say.

    Parameters
    ----------
    source
        The model's name, read.
    """
    lesion, where = source.lesion, f"model {source.name!r}"
    attention = [change.kind for change in lesion.changes if not change.about.at_loading]
    if attention and not source.traits.attends:
        found = f"{', '.join(attention)} in {source.traits.described}"
        return [Problem(where, found, "a Transformer, which has attention")]
    problems = []
    stacks = _stacks(source) if attention else {}
    for change in lesion.changes:
        for name in change.places if change.about.names and stacks else ():
            prefix, numbers = (name[0], name[1:]) if name[0].isalpha() else ("", name)
            layer, _, head = numbers.partition(".")
            layers, heads = stacks.get(prefix, (0, 0))
            if int(layer) >= layers or (head and int(head) >= heads):
                ends = (
                    f"{p}{n - 1}" + (f".{h - 1}" if head else "") for p, (n, h) in stacks.items() if head or p != "c"
                )
                expected = " or ".join(f"up to {end}" for end in ends)
                problems.append(Problem(where, f"{change.kind} {name}", f"{'heads' if head else 'layers'} {expected}"))
    return problems


def _stacks(source: ModelSource) -> dict[str, tuple[int, int]]:
    """Return layers and heads of each stack by the prefix of its names; none where the configuration does not say."""
    if source.kind == "scratch":
        shape = source.configuration["shape"]
        return {"": (shape["layers"], shape["heads"])}
    from transformers import AutoConfig

    try:
        config: Any = AutoConfig.for_model(**source.configuration)
    except (KeyError, ValueError, TypeError):
        return {}
    if not getattr(config, "is_encoder_decoder", False) or not source.traits.predicts:
        return _known({"": (getattr(config, "num_hidden_layers", None), getattr(config, "num_attention_heads", None))})
    encoder = (getattr(config, "encoder_layers", None) or getattr(config, "num_layers", None),
               getattr(config, "encoder_attention_heads", None) or getattr(config, "num_heads", None))  # fmt: skip
    decoder = (getattr(config, "decoder_layers", None) or getattr(config, "num_decoder_layers", None),
               getattr(config, "decoder_attention_heads", None) or getattr(config, "num_heads", None))  # fmt: skip
    return _known({"e": encoder, "d": decoder, "c": decoder})


def _known(stacks: dict[str, tuple[Any, Any]]) -> dict[str, tuple[int, int]]:
    sizes = [size for pair in stacks.values() for size in pair]
    return stacks if all(isinstance(size, int) for size in sizes) else {}
