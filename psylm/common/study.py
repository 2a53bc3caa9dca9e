"""Finds experiments, stimulus sets and analysis modules: the study's own, then the built-in ones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import ModuleType

from psylm.common.errors import InputError, Problem, PsylmError, one_of
from psylm.common.faults import fault
from psylm.common.modules import load_module

PACKAGE = Path(__file__).parents[1]
BUILTIN = PACKAGE / "content" if (PACKAGE / "content").is_dir() else PACKAGE.parent
"""The built-in study: inside an installed package, or the repository that it is developed in."""

RENAMED_ANALYSES = {"n400": "reading_erps", "syntaxgym": "suites", "trajectory": "learning"}
"""What built-in analysis modules were called before: configs and manifests of earlier runs name them so."""

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


@dataclass(frozen=True)
class Study:
    """A folder with `experiments/`, `stimuli/` and `analysis/`, on top of the built-in one.

    Parameters
    ----------
    root
        The study's folder, or None: only what is built in.

    Examples
    --------
    >>> "cloze-constraint" in Study(None).stimulus_names()
    True
    """

    root: Path | None

    @classmethod
    def find(cls, folder: Path) -> Study:
        """Find the study that a folder lies in: the nearest one at or above it with experiments or stimuli."""
        folder = folder.resolve()
        for candidate in (folder, *folder.parents):
            if (candidate / "experiments").is_dir() or (candidate / "stimuli").is_dir():
                return cls(candidate)
        return cls(None)

    @property
    def roots(self) -> list[Path]:
        """Where content is looked for, in order."""
        return [root for root in (self.root, BUILTIN) if root is not None]

    def experiment(self, name: str) -> Path:
        """Return the file of an experiment.

        Parameters
        ----------
        name
            A path of a YAML file or of a run's `manifest.json`, or the name of a file in `experiments/`.

        Raises
        ------
        InputError
            There is none of that name; the message names the known ones.
        """
        if Path(name).suffix in (".yaml", ".yml", ".json"):
            path = Path(name)
            if path.is_file():
                return path
            name = path.stem if path.parent in (Path("experiments"), Path()) else name
        return self._definition(name, "experiment", "experiments")

    def training(self, name: str) -> Path:
        """Return the file of a training: a path of a YAML file, or the name of one in `experiments/training/`.

        Raises
        ------
        InputError
            There is none of that name; the message names the known ones.
        """
        if Path(name).suffix in (".yaml", ".yml") and Path(name).is_file():
            return Path(name)
        return self._definition(name, "training", "experiments/training")

    def finetuning(self, name: str) -> Path:
        """Return the file of a fine-tuning: a path of a YAML file, or the name of one in `experiments/finetuning/`."""
        if Path(name).suffix in (".yaml", ".yml") and Path(name).is_file():
            return Path(name)
        return self._definition(name, "fine-tuning", "experiments/finetuning")

    def _definition(self, name: str, kind: str, where: str) -> Path:
        """Return the YAML file of a name in a folder of the study, or of the built-in one."""
        known = {file.stem: file for root in reversed(self.roots) for file in sorted((root / where).glob("*.y*ml"))}
        if name not in known:
            raise InputError(Problem(kind, repr(name), one_of(name, sorted(known))))
        return known[name]

    def stimulus_names(self) -> list[str]:
        """List the stimulus sets: every folder below `stimuli/` with a `card.yaml`, by its path there."""
        return sorted(
            {
                card.parent.relative_to(root / "stimuli").as_posix()
                for root in self.roots
                for card in (root / "stimuli").glob("**/card.yaml")
            }
        )

    def stimulus_group(self, name: str) -> list[str]:
        """List the sets that a name means: one set, or all that a folder holds.

        Examples
        --------
        >>> Study(None).stimulus_group("lm-diagnostics")
        ['lm-diagnostics/cprag-102', 'lm-diagnostics/neg-136', 'lm-diagnostics/role-88']
        """
        names = self.stimulus_names()
        found = [known for known in names if known == name or known.startswith(f"{name}/")]
        if not found:
            self.stimulus_folder(name)  # raises, and says whether it is a folder without a card
        return found or [name]

    def stimulus_folder(self, name: str) -> Path:
        """Return the folder of a stimulus set.

        Raises
        ------
        InputError
            There is none of that name, or it leads out of the study.
        """
        for root in self.roots:
            folder = root / "stimuli" / _safe(name, "stimulus set")
            if (folder / "card.yaml").is_file():
                return _inside(folder, root, f"stimulus set {name!r}")
        for root in self.roots:
            folder = root / "stimuli" / name
            if folder.is_dir():
                raise InputError(Problem(str(folder), *no_card(folder)))
        raise InputError(Problem("stimulus set", repr(name), one_of(name, self.stimulus_names())))

    def analysis_module(self, name: str) -> ModuleType:
        """Load an analysis module, `analysis/NAME.py`: code of the study's owner, or built in.

        A name that a built-in module had before means that module, unless the study has one of its own of that name.

        Raises
        ------
        PsylmError
            There is none of that name, or it cannot be loaded; its own lines are shown.
        """
        _safe(name, "analysis module")
        for root, stem in product(self.roots, dict.fromkeys((name, RENAMED_ANALYSES.get(name, name)))):
            file = root / "analysis" / f"{stem}.py"
            if file.is_file():
                return _load(_inside(file, root, f"analysis module {name!r}"), name)
        known = sorted({file.stem for root in self.roots for file in (root / "analysis").glob("[!_]*.py")})
        raise InputError(Problem("analysis module", repr(name), one_of(name, known)))


def _safe(name: str, kind: str) -> str:
    if not NAME.fullmatch(name):
        expected = "letters, digits, '.', '_' and '-', with '/' between folders"
        raise InputError(Problem(kind, repr(name), expected))
    return name


def _inside(path: Path, root: Path, what: str) -> Path:
    """Return a path, unless a link leads it out of the study."""
    if not path.resolve().is_relative_to(root.resolve()):
        raise InputError(Problem(what, f"a link to {path.resolve()}", f"a place inside {root}"))
    return path


def no_card(folder: Path) -> tuple[str, str]:
    """Say what a folder without a card has, and what a stimulus set has."""
    there = sorted(path.name for path in folder.iterdir())[:5] if folder.is_dir() else []
    found = f"no card.yaml beside {', '.join(there)}" if there else "no card.yaml"
    return found, "a folder with card.yaml and items.csv; `psylm stimuli new NAME` makes both"


def _load(file: Path, name: str) -> ModuleType:
    try:
        return load_module(file)
    except Exception as error:
        raise PsylmError(f"analysis module {name!r} cannot be loaded: {fault(error, file.resolve())}") from error
