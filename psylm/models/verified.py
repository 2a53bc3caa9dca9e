"""Which architectures score as they do in `transformers`: psylm's list, and what was compared on this machine."""

from __future__ import annotations

import csv
import hashlib
import importlib.metadata
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from psylm.common.errors import PsylmError
from psylm.common.files import replacing
from psylm.common.user_cache import cache_folder
from psylm.models.families import FAMILIES
from psylm.models.names import ModelSource

if TYPE_CHECKING:
    from psylm.models.comparison import Agreement

VOLATILE = {"_name_or_path", "transformers_version", "dtype", "torch_dtype"}
"""Keys of a configuration that change no score."""


@dataclass(frozen=True)
class Verified:
    """An architecture whose scores through psylm were compared with `transformers`' own.

    Parameters
    ----------
    architecture, model_type
        Names of the class and of its configuration in `transformers`.
    family
        What psylm takes it for.
    shares
        Whether texts that begin alike are read in one row.
    pads
        Whether texts of different lengths are read in one batch.
    largest
        Largest difference in bits; of an encoder, of a state relative to the largest.
    transformers
        The version that was compared with.
    """

    architecture: str
    model_type: str
    family: str
    shares: bool
    pads: bool
    largest: float
    transformers: str


@cache
def verified() -> dict[tuple[str, str], Verified]:
    """Return the list that psylm carries, by family and architecture; encoders by family and model type.

    Examples
    --------
    >>> verified()["masked", "BertForMaskedLM"].model_type
    'bert'
    """
    with (files("psylm.models") / "verified.csv").open(encoding="utf-8") as file:
        rows = [
            Verified(
                row["architecture"], row["model_type"], row["family"], row["shares"] == "yes", row["pads"] == "yes",
                float(row["largest"]), row["transformers"],
            )
            for row in csv.DictReader(file)
        ]  # fmt: skip
    return {(row.family, row.architecture if FAMILIES[row.family].predicts else row.model_type): row for row in rows}


def require_verified(source: ModelSource) -> str | None:
    """Raise where a model's architecture was never compared with `transformers`; only its config.json is read.

    Returns
    -------
    str or None
        Where it was compared, for the manifest; None for models that `transformers` does not run.
    """
    if source.kind not in ("file", "hub"):
        return None
    for architecture in architectures(source):
        if (source.family, architecture) in verified():
            return f"psylm's list, with transformers {verified()[source.family, architecture].transformers}"
    own = _record(source)
    if own.is_file():
        found = json.loads(own.read_text(encoding="utf-8"))
        return (
            f"this machine, {found['date']}, with transformers {found['transformers']}: within {found['largest']:.1e} "
            f"({found['model']})"
        )
    raise PsylmError(
        f"model {source.name!r}: found {' or '.join(architectures(source))} as {source.traits.described}, which is not "
        "among the architectures whose scores were compared with transformers' own; expected one of them, or a "
        f"comparison of your own: `psylm models check '{source.intact.name}'`. What agrees there is loaded from then on"
    )


def remember(source: ModelSource, found: Sequence[Agreement]) -> None:
    """Keep in the user's cache that a model of this configuration agrees with the `transformers` that is installed."""
    record = {
        "model": source.name,
        "architectures": architectures(source),
        "family": source.family,
        "transformers": _version(),
        "date": datetime.now(UTC).date().isoformat(),
        "largest": max(one.largest for one in found),
        "cases": [asdict(one) for one in found],
    }
    with replacing(_record(source)) as path:
        path.write_text(json.dumps(record, indent=1), encoding="utf-8")


def architectures(source: ModelSource) -> list[str]:
    """Return the names that a model's configuration gives its class; of an encoder, its type."""
    if not source.traits.predicts:
        return [source.model_type]
    return list(source.configuration.get("architectures") or [])


def _record(source: ModelSource) -> Path:
    """Return the file for a configuration, which many checkpoints may share, and a version of `transformers`."""
    kept = {key: value for key, value in source.configuration.items() if key not in VOLATILE}
    digest = hashlib.sha256(json.dumps([source.family, kept], sort_keys=True).encode()).hexdigest()
    return cache_folder() / "compared" / f"{source.model_type}-{digest[:16]}-{_version()}.json"


def _version() -> str:
    return importlib.metadata.version("transformers")
