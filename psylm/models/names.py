"""Model names, and the local folder that each one means."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from psylm.common.errors import InputError, Problem, PsylmError
from psylm.common.yaml_document import read_yaml_text
from psylm.models.changes import MARK, NONE, Lesion
from psylm.models.checkpoints import checkpoint, checkpoints
from psylm.models.embedded import EMBEDDED
from psylm.models.families import FAMILIES, Family

KINDS = ("embedded", "hub", "file", "scratch", "wordfreq", "ngram")
FORMS = (
    "embedded:NAME, hub:NAME[@REVISION], file:PATH, scratch:RUN_FOLDER[@STEP|@all], wordfreq:LANGUAGE "
    "or ngram:FILE[@ORDER], and perhaps a lesion, #CHANGE[,CHANGE…]"
)
DEFAULT_ORDER = 3
"""Words in an n-gram, where the name does not say."""
FILES = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model", "README.md"]
"""What is fetched of a repository: safetensors, tokenizer and configuration; no pickle, no code."""

MODULES = "modules.json"
"""The file by which a sentence-transformers folder is known: its parts, in order."""

COUNTED = ("wordfreq", "ngram")
"""Kinds of models without a network."""

PARTS = "[0-9]_*"
"""Folders that hold the further parts of a sentence-transformers model: pooling, dense layers."""

SETTINGS = ("*.json", "*.txt", "*.model", f"{PARTS}/*.json", f"{PARTS}/*.safetensors")
"""Files beside the weights that scores depend on."""

DIRECTED_BY = {
    **dict.fromkeys(
        [
            "bert",
            "bert-generation",
            "big_bird",
            "camembert",
            "data2vec-text",
            "electra",
            "ernie",
            "megatron-bert",
            "rembert",
            "roberta",
            "roberta-prelayernorm",
            "roc_bert",
            "roformer",
            "xlm-roberta",
            "xlm-roberta-xl",
            "xmod",
        ],
        "is_decoder",
    ),
    "xlm": "causal",
    "flaubert": "causal",
}
"""Architectures that read from left to right only where a key of their configuration says so."""


@dataclass(frozen=True)
class ModelSource:
    """A model by the name that a user types.

    Parameters
    ----------
    kind
        `embedded`, `hub`, `file`, `scratch`, `wordfreq` or `ngram`.
    place
        The embedded model's name, the hub's repository, the folder, the language or the text file.
    revision
        A hub's branch, tag or commit, a trained model's step, or the order of an n-gram model; empty for the
        default one.
    lesion
        What is changed in it (`psylm.lesions`).

    Examples
    --------
    >>> source = ModelSource.parse("hub:gpt2@main#temperature=2")
    >>> source.kind, source.place, source.revision, str(source.lesion)
    ('hub', 'gpt2', 'main', 'temperature=2.0')
    """

    kind: str
    place: str
    revision: str = ""
    lesion: Lesion = NONE

    @classmethod
    def parse(cls, name: str) -> ModelSource:
        """Read a name.

        Raises
        ------
        InputError
            The name has none of the forms, or names no embedded model or existing folder.
        """
        where = f"model {name!r}"
        intact, changes = _parted(name)
        lesion = NONE if changes is None else Lesion.parse(changes, where)
        source = cls._of_intact(intact, where if changes is None else f"model {intact!r}")
        if lesion and source.kind in COUNTED:
            raise InputError(Problem(where, f"a lesion of {source.kind}", "a network, which has attention"))
        return replace(source, lesion=lesion)

    @classmethod
    def _of_intact(cls, name: str, where: str) -> ModelSource:
        """Read a name without changes."""
        kind, _, place = name.partition(":")
        if kind not in KINDS or not place:
            raise InputError(Problem(where, "a name of another form", FORMS))
        if kind == "embedded" and place not in EMBEDDED:
            known = ", ".join(f"embedded:{known}" for known in EMBEDDED)
            raise InputError(Problem(where, "no embedded model of that name", known))
        if kind == "file" and not (Path(place) / "config.json").is_file():
            raise InputError(Problem(where, "no config.json there", "the folder of a saved model"))
        if kind == "scratch":
            return cls(kind, *_checkpoint(place, where))
        if kind in ("hub", "ngram"):
            place, _, revision = place.partition("@")
            if kind == "ngram" and not Path(place).is_file():
                raise InputError(Problem(where, "no such file", "a text file, one sentence a line"))
            if kind == "ngram" and revision and (not revision.isdecimal() or not 1 <= int(revision) <= 9):
                raise InputError(Problem(where, f"order {revision!r}", "a number from 1 to 9"))
            return cls(kind, place, revision)
        return cls(kind, place)

    @classmethod
    def of(cls, name: str | ModelSource) -> ModelSource:
        """Return a name, read; one that was read already as it is."""
        return cls.parse(name) if isinstance(name, str) else name

    @property
    def name(self) -> str:
        """The name as the user types it."""
        revision = f"@{self.revision}" if self.revision else ""
        return f"{self.kind}:{self.place}{revision}" + (f"{MARK}{self.lesion}" if self.lesion else "")

    @property
    def intact(self) -> ModelSource:
        """The same model, unchanged."""
        return replace(self, lesion=NONE)

    @cached_property
    def family(self) -> str:
        """Name of the model's family (`psylm.models.families`), read from its configuration only.

        `encoder` where there is no output layer, and of every sentence-transformers folder.

        Raises
        ------
        PsylmError
            It belongs to none, for example a classifier.
        """
        if self.kind in COUNTED:
            return "ngram"
        if self.kind == "embedded":
            return EMBEDDED[self.place].family
        if self.kind == "scratch":
            return self._trained_family()
        architectures = self.configuration.get("architectures") or []
        if self._has_modules:
            return "encoder"
        fits = {
            family.name: fit
            for family in FAMILIES.values()
            if self._may_be(family) and (fit := max(map(family.fit_of, architectures), default=0))
        }
        if fits:
            found = max(fits, key=lambda name: fits[name])
            self._check_direction(FAMILIES[found])
            return found
        raise PsylmError(
            f"model {self.name!r}: found {', '.join(architectures) or 'no architecture'} in its config.json; "
            "expected a causal, masked, permutation or encoder-decoder language model, with its output layer, "
            "or an encoder"
        )

    @property
    def traits(self) -> Family:
        """The record of the model's family."""
        return FAMILIES.named(self.family, f"model {self.name!r}, its family")

    def _trained_family(self) -> str:
        """Return what the architecture of a model that `psylm train` made says of itself; this imports torch."""
        from psylm.scratch.architectures import ARCHITECTURES

        name = str(self.configuration["architecture"])
        return ARCHITECTURES.named(name, f"model {self.name!r}, its architecture").family

    def _may_be(self, family: Family) -> bool:
        """Whether the configuration leaves it open that the model belongs to a family whose class it has."""
        if family.source_apart:
            return bool(self.configuration.get("is_encoder_decoder", False))
        return not (family.masks and self.configuration.get(DIRECTED_BY.get(self.model_type, "")))

    def _check_direction(self, family: Family) -> None:
        """Raise where a causal class has a configuration by which it sees both sides."""
        key = DIRECTED_BY.get(self.model_type)
        if family.left_to_right and key is not None and not self.configuration.get(key):
            architecture = self.configuration["architectures"][0]
            raise PsylmError(
                f"model {self.name!r}: found {architecture} without {key}: true in its config.json, so that it sees "
                f"what follows; expected {key}: true, where it was trained to read from left to right, or its masked "
                "class"
            )

    @property
    def model_type(self) -> str:
        """The architecture, as `transformers` calls it in a configuration: `bert`, `t5`, …."""
        return str(self.configuration.get("model_type", ""))

    @property
    def _has_modules(self) -> bool:
        """Whether the folder is one that sentence-transformers wrote."""
        folder = self._snapshot(["config.json", MODULES]) if self.kind == "hub" else self.folder
        return (folder / MODULES).is_file()

    @cached_property
    def folder(self) -> Path:
        """The local folder with the model's files; fetched or converted on first use."""
        if self.kind == "embedded":
            return EMBEDDED[self.place].folder()
        if self.kind == "file":
            return Path(self.place)
        if self.kind == "scratch":
            return checkpoint(Path(self.place), int(self.revision))
        return self._snapshot(FILES)

    @property
    def tokenizer_folder(self) -> Path:
        """The folder with the tokenizer's files."""
        return Path(self.place) / "tokenizer" if self.kind == "scratch" else self.folder

    @cached_property
    def commit(self) -> str:
        """The hub's commit, an embedded package's name, a trained model's step, or nothing."""
        if self.kind == "scratch":
            return str(int(self.folder.name))
        if self.kind == "hub":
            return self.folder.name
        return EMBEDDED[self.place].package if self.kind == "embedded" else ""

    @cached_property
    def sha256(self) -> str:
        """Checksum of the weights: one digest over the safetensors files in the order of their names."""
        files = sorted(self.folder.glob("*.safetensors"))
        if not files:
            raise PsylmError(
                f"model {self.name!r}: found no *.safetensors in {self.folder}; psylm loads safetensors only, "
                "since other weight files can run code (`save_pretrained` writes safetensors)"
            )
        recorded = self.folder / "source.json"
        if self.kind == "embedded" and recorded.is_file():
            digest: str = json.loads(recorded.read_text(encoding="utf-8"))["sha256"]
            return digest
        whole = hashlib.sha256()
        for file in files:
            with file.open("rb") as stream:
                whole.update(hashlib.file_digest(stream, "sha256").digest())
        return whole.hexdigest()

    @cached_property
    def identity(self) -> str:
        """Checksum of everything that the model's scores depend on: weights, configuration and tokenizer."""
        whole = hashlib.sha256(f"{self.kind} {self.revision if self.kind == 'ngram' else ''}".encode())
        for file in self._files(SETTINGS):
            whole.update(file.name.encode() + file.read_bytes())
        if self.kind == "wordfreq":
            whole.update(f"{self.place} {importlib.metadata.version('wordfreq')}".encode())
        elif self.kind != "ngram":
            whole.update(self.sha256.encode())
        if self.lesion:
            whole.update(f"{MARK}{self.lesion}".encode() + self.lesion.texts)
        return whole.hexdigest()

    @property
    def stamp(self) -> list[tuple[str, int, int]]:
        """Path, size and time of change of the model's files: while they stay, so does its identity."""
        texts = [Path(self.lesion["texts"].value)] if "texts" in self.lesion else []
        found = [(file, file.stat()) for file in [*self._files(("*.safetensors", *SETTINGS)), *texts]]
        return [(str(file.resolve()), status.st_size, status.st_mtime_ns) for file, status in found]

    def _files(self, patterns: Sequence[str]) -> list[Path]:
        """List the files that make up the model, or the text that an n-gram model counts."""
        if self.kind == "wordfreq":
            return []
        if self.kind == "ngram":
            return [Path(self.place)]
        folders = {self.folder, self.tokenizer_folder}
        return sorted(file for pattern in patterns for folder in folders for file in folder.glob(pattern))

    @property
    def licence(self) -> str:
        """The licence that the model card states, or `unknown`."""
        if self.kind == "embedded":
            return EMBEDDED[self.place].licence
        if self.kind == "scratch":
            return "unknown"
        card = self.folder / "README.md"
        if not card.is_file():
            return "unknown"
        parts = card.read_text(encoding="utf-8").split("---\n")
        if len(parts) < 3 or parts[0].strip():
            return "unknown"
        return str(read_yaml_text(parts[1], card).get("license", "unknown"))

    @cached_property
    def configuration(self) -> dict[str, Any]:
        """What the model's `config.json` says.

        Raises
        ------
        InputError
            There is none that can be read.
        """
        folder = self._snapshot(["config.json"]) if self.kind == "hub" else self.folder
        file = folder / "config.json"
        try:
            config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(Problem(str(file), f"no readable JSON ({error})", "a model's configuration")) from None
        return config

    def _snapshot(self, files: list[str]) -> Path:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

        try:
            folder = snapshot_download(
                self.place, revision=self.revision or None, allow_patterns=files, ignore_patterns=["*/*/*", "[!0-9]*/*"]
            )
        except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise PsylmError(
                f"model {self.name!r}: the hub gave no such model ({reason}); "
                "expected a repository and revision that exist, and a connection or an earlier download"
            ) from None
        return Path(folder)


def _parted(name: str) -> tuple[str, str | None]:
    """Divide a name into the model and what is changed in it; a path with the mark in it is no change."""
    model, mark, changes = name.rpartition(MARK)
    if not mark or Path(name.partition(":")[2]).exists():
        return name, None
    return model, changes


def _checkpoint(place: str, where: str) -> tuple[str, str]:
    """Return a trained model's folder and step; the last step where none is named."""
    folder, _, step = place.partition("@")
    if step == "all" or not (Path(folder) / "tokenizer").is_dir() or not (Path(folder) / "checkpoints").is_dir():
        found = "several models" if step == "all" else "no trained model there"
        raise InputError(Problem(where, found, "the folder of one model that `psylm train` made, and perhaps @STEP"))
    kept = [int(path.name) for path in checkpoints(Path(folder))]
    if not step:
        return folder, str(kept[-1])
    if not step.isdecimal() or int(step) not in kept:
        raise InputError(Problem(where, f"step {step!r}", "one of " + ", ".join(map(str, kept)) + " or all"))
    return folder, str(int(step))


def expanded(names: Sequence[str]) -> list[str]:
    """Put every model that a name means in its place.

    Parameters
    ----------
    names
        Names of models. `scratch:FOLDER@all` means each checkpoint, and a training's folder each of its models.

    Examples
    --------
    >>> expanded(["embedded:smollm2-135m"])
    ['embedded:smollm2-135m']
    """
    out: list[str] = []
    for name in names:
        intact, changes = _parted(name)
        kind, _, place = intact.partition(":")
        folder, _, step = place.partition("@")
        after = "" if changes is None else MARK + changes
        trained = sorted(path.parent for path in Path(folder).glob("*/checkpoints")) if kind == "scratch" else []
        if kind != "scratch" or (step != "all" and not trained):
            out.append(name)
            continue
        for run in trained or [Path(folder)]:
            kept = [int(path.name) for path in checkpoints(run)]
            steps = kept if step == "all" else [int(step)] if step else kept[-1:]
            out += [f"scratch:{run.as_posix()}@{at}{after}" for at in steps]
    return out
