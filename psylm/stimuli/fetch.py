"""Published files: looked for on this machine, fetched with their checksum."""

from __future__ import annotations

import os
from pathlib import Path

import pooch

from psylm.common.errors import PsylmError
from psylm.common.user_cache import cache_folder
from psylm.stimuli.card import Card, Source


def local_file(source: Source) -> Path | None:
    """Return a source's file if this machine has it: in `PSYLM_DATA`, then in the cache.

    Raises
    ------
    PsylmError
        It is there but is another file than the card says.
    """
    folders = [Path(folder) for folder in (os.environ.get("PSYLM_DATA"), cache_folder() / "stimuli") if folder]
    for folder in folders:
        file = folder / source.file
        if file.is_file():
            found = pooch.file_hash(str(file), alg="sha256")
            if found != source.sha256:
                raise PsylmError(
                    f"{file}: found a file with SHA-256 {found}; expected {source.sha256}, as the card says"
                )
            return file
    return None


def local_files(card: Card) -> list[Path]:
    """Return the files of a published set.

    Raises
    ------
    PsylmError
        One is not on this machine.
    """
    files = [local_file(source) for source in card.sources]
    if None in files:
        raise PsylmError(
            f"stimulus set {card.name!r}: found none of its published data on this machine; "
            f"`psylm stimuli fetch {card.name}` fetches them ({card.licence})"
        )
    return [file for file in files if file is not None]


def fetch(card: Card) -> list[Path]:
    """Fetch what is not on this machine yet, and return all files of a published set.

    Raises
    ------
    PsylmError
        The set has nothing to fetch, or a source cannot be reached or is not what the card says.
    """
    if not card.sources:
        raise PsylmError(f"stimulus set {card.name!r}: found no source on its card; it needs no fetching")
    return [local_file(source) or _download(source) for source in card.sources]


def _download(source: Source) -> Path:
    folder = cache_folder() / "stimuli" / Path(source.file).parent
    try:
        file = pooch.retrieve(
            source.url, known_hash=f"sha256:{source.sha256}", path=folder, fname=Path(source.file).name
        )
    except (OSError, ValueError) as error:
        raise PsylmError(
            f"{source.url}: found nothing that fits ({error}); expected a file with SHA-256 {source.sha256}. "
            f"Where it cannot be reached, put it in the folder of PSYLM_DATA as {source.file}"
        ) from None
    return Path(file)
