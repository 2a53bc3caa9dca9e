"""What a training leaves on disk: models to use, and the state that a killed training goes on from."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psylm.common.errors import PsylmError

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

WEIGHTS, CONFIG = "model.safetensors", "config.json"


def save_model(model: nn.Module, folder: Path, facts: dict[str, Any]) -> None:
    """Write a model's weights and shape into a folder that appears whole or not at all.

    Parameters
    ----------
    model
        A model of `psylm.scratch`.
    folder
        The folder to make; one that is there already is left as it is.
    facts
        What else to keep in its `config.json`: architecture, step, tokens, seed.
    """
    if not folder.is_dir():
        _write(folder, model, (), {"shape": asdict(model.shape), **facts})


def load_checkpoint(folder: Path) -> tuple[nn.Module, dict[str, Any]]:
    """Load a model that `save_model` wrote, with its facts; safetensors and JSON only, nothing is executed."""
    from safetensors.torch import load_file

    from psylm.scratch.architectures import make_model
    from psylm.scratch.layers import Shape

    facts = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    model = make_model(facts["architecture"], Shape(**facts["shape"]))
    model.load_state_dict(load_file(folder / WEIGHTS))
    return model, facts


def save_state(
    folder: Path, step: int, model: nn.Module, optimisers: Sequence[Optimizer], facts: dict[str, Any]
) -> None:
    """Write all that going on needs, then remove what an earlier step left.

    Order, masks and dropout are functions of seed and step, so that the step is all there is to know of the data's
    position and of random states.

    Parameters
    ----------
    folder
        The training's folder.
    step
        Steps done.
    model, optimisers
        What is trained, and by what.
    facts
        What else is to be known, the training's own configuration among it.
    """
    new = folder / f"state-{step:08d}"
    if not new.is_dir():
        _write(new, model, optimisers, {"step": step, **facts})
    remove_states(folder, but=new)


def remove_states(folder: Path, but: Path | None = None) -> None:
    """Remove what going on from earlier steps would need."""
    for old in folder.glob("state-*"):
        if old != but:
            shutil.rmtree(old)


def load_state(folder: Path, model: nn.Module, optimisers: Sequence[Optimizer]) -> dict[str, Any] | None:
    """Put model and optimisers back to where a training was left; returns its facts, None where there is no state."""
    from safetensors.torch import load_file

    states = sorted(path for path in folder.glob("state-*") if (path / CONFIG).is_file())
    if not states:
        return None
    latest = states[-1]
    facts: dict[str, Any] = json.loads((latest / CONFIG).read_text(encoding="utf-8"))
    model.load_state_dict(load_file(latest / WEIGHTS))
    moments = load_file(latest / "optimiser.safetensors")
    names = {parameter: name for name, parameter in model.named_parameters()}
    for optimiser in optimisers:
        for parameter in (parameter for group in optimiser.param_groups for parameter in group["params"]):
            begin = f"{names[parameter]}/"
            mine = {key.removeprefix(begin): value for key, value in moments.items() if key.startswith(begin)}
            if mine:
                optimiser.state[parameter] = {key: value.to(parameter.device) for key, value in mine.items()}
    return facts


def _write(folder: Path, model: nn.Module, optimisers: Sequence[Optimizer], facts: dict[str, Any]) -> None:
    from safetensors.torch import save_file

    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, temporary / WEIGHTS)
    if optimisers:
        moments = {
            f"{name}/{key}": value.detach().cpu().contiguous()
            for optimiser in optimisers
            for name, parameter in model.named_parameters()
            for key, value in optimiser.state.get(parameter, {}).items()
        }
        save_file(moments, temporary / "optimiser.safetensors")
    (temporary / CONFIG).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    temporary.rename(folder)


def checkpoint(folder: Path, step: int) -> Path:
    """Return where a training keeps its model after a step."""
    return folder / "checkpoints" / f"{step:08d}"


def checkpoints(folder: Path) -> list[Path]:
    """List the models that a training kept, by ascending step.

    Raises
    ------
    PsylmError
        There is none.
    """
    found = sorted((folder / "checkpoints").glob("[0-9]*"))
    if not found:
        raise PsylmError(f"{folder}: found no checkpoints; expected the folder of a training (`psylm train`)")
    return found
