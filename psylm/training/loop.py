"""Trains models as a recipe says; a training that is stopped goes on from where it was, to the same weights."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from psylm.common.progress import Listener
from psylm.models.checkpoints import checkpoint, load_state, remove_states, save_model, save_state
from psylm.runs.run import write_table
from psylm.training.batches import Batches
from psylm.training.parallel import Processes
from psylm.training.recipe import Training
from psylm.training.schedule import checkpoint_steps, make_optimisers, rate

LOGGED = 200
"""Rows that a training's log has of the training loss, about."""


@dataclass
class Trainer:
    """Trains one model with one seed.

    Parameters
    ----------
    recipe
        How to train.
    model
        The model, on its device; compiled or not, its weights are trained in place.
    train, validation
        The text.
    folder
        Where checkpoints, log and state are kept.
    facts
        What is kept with every checkpoint: architecture, seed, name.
    seed
        Seed of dropout; that of order and masks lies in `train`.
    processes
        Those that train together.
    """

    recipe: Training
    model: nn.Module
    train: Batches
    validation: Batches
    folder: Path
    facts: dict[str, Any]
    seed: int
    processes: Processes = field(default_factory=Processes)

    def __post_init__(self) -> None:
        self.device = next(self.model.parameters()).device
        self.optimisers = make_optimisers(self.model, self.recipe.optimiser, self.recipe.weight_decay)
        self.log: list[dict[str, float]] = []
        self.step = 0
        self.tokens = 0
        self.seconds = 0.0
        self.loss: Callable[[Any], Any] = self.model.loss
        if self.recipe.compile:
            self.loss = torch.compile(self.loss)

    @property
    def _log_file(self) -> Path:
        return self.folder / "log.csv"

    def run(self, listener: Listener) -> None:
        """Train to the last step; an interrupt saves what going on needs."""
        if self.finished:
            listener.begin(self.folder.name, self.recipe.steps, self.recipe.steps, "steps to train")
            return
        self._resume()
        recipe = self.recipe
        kept = set(checkpoint_steps(recipe.steps, recipe.checkpoints))
        every = max(recipe.steps // LOGGED, 1)
        listener.begin(self.folder.name, recipe.steps, self.step, "steps to train")
        lost, predicted, began = 0.0, 0.0, time.monotonic() - self.seconds
        try:
            while self.step < recipe.steps:
                total, count, tokens = self.train_step()
                self.step += 1
                self.tokens += tokens
                self.seconds = time.monotonic() - began
                lost, predicted = lost + total, predicted + count
                last = self.step == recipe.steps
                validate = last or self.step % recipe.validate_every == 0
                if validate or self.step % every == 0:
                    self._record(lost / predicted, self.validate() if validate else math.nan)
                    listener.note(self._standing())
                    lost = predicted = 0.0
                if self.step in kept and self.processes.first:
                    facts = {"step": self.step, "tokens": self.tokens, **self.facts}
                    save_model(self.model, checkpoint(self.folder, self.step), facts)
                if last:
                    self._finish()
                elif self.step % recipe.save_every == 0:
                    self._save()
                listener.advance(1)
        except KeyboardInterrupt:
            self._save()
            raise

    def train_step(self) -> tuple[float, float, int]:
        """Do one optimiser step; returns the summed loss, the predictions and the tokens of all processes."""
        recipe = self.recipe
        shares = recipe.accumulate * self.processes.count
        first = self.step * recipe.batch * shares
        mine = range(self.processes.rank * recipe.accumulate, (self.processes.rank + 1) * recipe.accumulate)
        batches = [self.train.batch(first + share * recipe.batch, recipe.batch) for share in mine]
        count = self.processes.total(sum(batch.count for batch in batches))
        for group in (group for optimiser in self.optimisers for group in optimiser.param_groups):
            group["lr"] = recipe.learning_rate * rate(self.step + 1, recipe.schedule, recipe.warmup, recipe.steps)
        self.model.train()
        self.model.zero_grad(set_to_none=True)
        total = 0.0
        for share, batch in zip(mine, batches, strict=True):
            torch.manual_seed(((self.seed * 1_000_003 + self.step) * 10_007 + share) % 2**63)  # of dropout
            with self._precision():
                loss = self.loss(moved(batch, self.device))
            (loss.total / count + loss.extra / shares).backward()
            total += float(loss.total.detach())
        self.processes.add_gradients(self.model)
        nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip)
        for optimiser in self.optimisers:
            optimiser.step()
        tokens = self.processes.total(sum(batch.tokens for batch in batches))
        return self.processes.total(total), count, int(tokens)

    def _precision(self) -> contextlib.AbstractContextManager[Any]:
        if self.recipe.precision == "float32":
            return contextlib.nullcontext()
        lower: contextlib.AbstractContextManager[Any] = torch.autocast(self.device.type, torch.bfloat16)
        return lower

    def validate(self) -> float:
        """Return the mean loss, in nats a prediction, on the text that is kept apart."""
        self.model.eval()
        total = count = 0.0
        rows = self.validation.in_order(self.recipe.batch)
        with torch.inference_mode(), self._precision():
            for number in range(self.processes.rank, len(rows), self.processes.count):
                batch = rows[number]
                total += float(self.model.loss(moved(batch, self.device)).total)
                count += batch.count
        return self.processes.total(total) / self.processes.total(count)

    def _record(self, loss: float, validation: float) -> None:
        self.log.append(
            {
                "step": self.step,
                "tokens": self.tokens,
                "seconds": round(self.seconds, 3),
                "learning_rate": self.optimisers[0].param_groups[0]["lr"],
                "loss": loss,
                "validation_loss": validation,
                "validation_perplexity": math.exp(min(validation, 700.0)),
            }
        )

    def _standing(self) -> str:
        speed = self.tokens / max(self.seconds, 1e-9)
        measured = [
            row["validation_perplexity"] for row in self.log if row["validation_loss"] == row["validation_loss"]
        ]
        perplexity = f", validation perplexity {measured[-1]:.2f}" if measured else ""
        return f"loss {self.log[-1]['loss']:.3f}{perplexity}, {speed:,.0f} tokens/s"

    def _save(self) -> None:
        if self.processes.first:
            write_table(self._log_file, pd.DataFrame(self.log))
            facts = {"tokens": self.tokens, "seconds": self.seconds, "recipe": self.recipe.model_dump(mode="json")}
            save_state(self.folder, self.step, self.model, self.optimisers, facts)
        self.processes.wait()

    def _finish(self) -> None:
        """Write the log, and remove the state: the last checkpoint says that the training is over."""
        if self.processes.first:
            write_table(self._log_file, pd.DataFrame(self.log))
            remove_states(self.folder)
        self.processes.wait()

    @property
    def finished(self) -> bool:
        """Whether the last checkpoint is there."""
        return checkpoint(self.folder, self.recipe.steps).is_dir()

    def _resume(self) -> None:
        facts = load_state(self.folder, self.model, self.optimisers)
        if facts is None:
            return
        self.step, self.tokens, self.seconds = facts["step"], facts["tokens"], facts["seconds"]
        log = pd.read_csv(self._log_file) if self._log_file.is_file() else pd.DataFrame()
        self.log = [] if log.empty else log[log["step"] <= self.step].to_dict("records")  # type: ignore[assignment]


def moved(batch: Any, device: torch.device) -> Any:
    """Return a batch on a device."""
    if device.type == "cpu":
        return batch
    return type(batch)(
        **{name: value.to(device) if isinstance(value, torch.Tensor) else value for name, value in vars(batch).items()}
    )
