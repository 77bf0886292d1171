# SPDX-License-Identifier: Apache-2.0
"""Training: deterministic, resumable, and lowered at the end."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import math
import platform
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.utils.deterministic
from torch import Tensor

from xnorflow.errors import ArtifactError, ConfigError, OutputError
from xnorflow.ir import Network, save_graph
from xnorflow.quant.augment import augment
from xnorflow.quant.calibrate import calibrate, take_weights
from xnorflow.quant.checkpoint import load_model, model_digest, read_state, save_model, write_state
from xnorflow.quant.compressed_size import network_size
from xnorflow.quant.data import Dataset, load_dataset
from xnorflow.quant.evaluate import accuracy_percent, confusion_matrix, predict_labels
from xnorflow.quant.lower import lower
from xnorflow.quant.model_recipe import ModelRecipe
from xnorflow.quant.models.catalog import make_model
from xnorflow.quant.models.model import Model
from xnorflow.quant.progress import EpochResult, SilentProgress, TrainProgress
from xnorflow.quant.pruning.masks import float_size
from xnorflow.quant.pruning.pruner import Pruner
from xnorflow.quant.recipe import Recipe
from xnorflow.quant.targets import Targets, check_teacher
from xnorflow.rundir import RunFolder, fresh_folder, readable_write_errors

__all__ = ["TrainingResult", "train"]

STATE_FILE = "state.pt"
METRICS_VERSION = 1


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What a training made.

    Parameters
    ----------
    run
        The folder.
    accuracy_percent
        Of the final weights on the whole test part.
    network
        The integer network; ``None`` for a floating-point baseline.
    metrics
        Content of ``metrics.json``.
    """

    run: RunFolder
    accuracy_percent: float
    network: Network | None
    metrics: dict[str, Any]


def train(
    recipe: Recipe,
    out: str | Path,
    *,
    progress: TrainProgress | None = None,
    resume: bool | None = None,
    replace: bool = False,
) -> TrainingResult:
    """Train ``recipe``, lower the network, and write the RUN folder ``out``.

    After every epoch the whole state goes to ``.NAME.training`` beside ``out``. A training that
    was stopped in any way and is started again goes on from there and ends with the same weights,
    bit for bit, as one that was never stopped.

    Parameters
    ----------
    recipe
        What to train.
    out
        RUN folder to make: ``model/`` (integer network, recipe, checkpoint), ``metrics.json``.
    progress
        Told of every step (:func:`xnorflow.quant.progress.console_progress` shows it); by
        default nothing is shown.
    resume
        ``None``: go on where a stopped training of the same recipe and data left its state;
        ``True``: it must have; ``False``: start afresh.
    replace
        Whether an existing ``out`` may be replaced.

    Raises
    ------
    OutputError
        If ``out`` exists (without ``replace``) or cannot be written, or there is nothing to resume.
    DataError
        If the data set cannot be loaded.
    ConfigError
        If the loss does not stay finite.
    LoweringError
        If the trained network has no exact integer form; its state stays for another attempt.
    """
    out = Path(out)
    if out.exists() and not replace:
        raise OutputError(f"output folder {out} exists already: choose another, or use --force")
    dataset = load_dataset(recipe.train.dataset)
    with progress or SilentProgress() as shown, deterministic(recipe):
        session = Session(recipe, dataset, out, shown)
        session.begin(resume)
        try:
            session.run()
            result = session.write_run(replace)
        except KeyboardInterrupt:
            session.say_how_to_resume()
            raise
    shutil.rmtree(session.folder, ignore_errors=True)
    return result


@contextlib.contextmanager
def deterministic(recipe: Recipe) -> Iterator[None]:
    """Seeded random numbers and a fixed number of threads; the caller's are restored.

    Among PyTorch's algorithms only those that repeat themselves are used. That it also fills all
    new memory, to show reads of what nobody wrote, is switched off: an eighth of the time.
    """
    threads = torch.get_num_threads()
    strict = torch.are_deterministic_algorithms_enabled()
    memory: Any = torch.utils.deterministic
    fill = memory.fill_uninitialized_memory
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.train.seed)
        torch.set_num_threads(recipe.train.threads)
        torch.use_deterministic_algorithms(True)
        memory.fill_uninitialized_memory = False
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(strict)
            memory.fill_uninitialized_memory = fill
            torch.set_num_threads(threads)


class Session:
    """One training: model, optimiser, and the folder with its state.

    Parameters
    ----------
    recipe, dataset, out, progress
        As for :func:`train`.
    """

    def __init__(
        self, recipe: Recipe, dataset: Dataset, out: Path, progress: TrainProgress
    ) -> None:
        self.recipe = recipe
        self.dataset = dataset
        self.out = out
        self.progress = progress
        self.folder = out.parent / f".{out.name}.training"
        self.identity = {
            "recipe": recipe.to_toml(),
            "data": dataset.digest(),
            "runs": " ".join(model_digest(Path(run) / "model") for run in recipe.runs),
        }
        self.model = self.make_model(recipe.model)
        self.targets = Targets(recipe, dataset, self.load_teachers())
        self.steps = max(1, len(self.targets.labels) // recipe.train.batch_size)
        self.pruner = self.make_pruner()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=recipe.learning_rate)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            max_lr=recipe.learning_rate,
            total_steps=max(1, self.steps * recipe.train.epochs),
        )
        self.accuracy_at_start: float | None = None
        self.results: list[EpochResult] = []
        self.seconds = 0.0
        self.cpu_seconds = 0.0

    def make_model(self, recipe: ModelRecipe) -> Model:
        """A network for the images of the data set, with random weights."""
        model = make_model(recipe, self.dataset.image_shape, len(self.dataset.classes))
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # untyped
        return model

    def load_teachers(self) -> tuple[Model, ...]:
        """The networks that teach."""
        runs = () if self.recipe.distil is None else self.recipe.distil.teachers
        teachers = tuple(load_model(Path(run) / "model") for run in runs)
        for run, teacher in zip(runs, teachers, strict=True):
            check_teacher(teacher, self.dataset, run)
        return teachers

    def make_pruner(self) -> Pruner | None:
        """What prunes the network, if anything does."""
        if self.recipe.prune is None:
            return None
        smaller = self.make_model(self.recipe.trained_model)
        seed = self.recipe.train.seed
        return Pruner(self.model, self.recipe.prune, smaller, seed, self.steps)

    def begin(self, resume: bool | None) -> None:
        """Make the state's folder, or take up the state in it."""
        state = self.usable_state() if resume is not False else None
        if state is None and resume:
            raise OutputError(
                f"there is nothing to resume for {self.out}: {self.folder} holds no state of "
                "this recipe and data set"
            )
        if state is None:
            with readable_write_errors(self.out):
                shutil.rmtree(self.folder, ignore_errors=True)
                self.folder.mkdir(parents=True)
            self.prepare_weights()
        else:
            self.restore(state)
            self.progress.note(f"resumed after epoch {len(self.results)}")

    def prepare_weights(self) -> None:
        """Take the weights of another network, prune, calibrate: what comes before training."""
        start = self.recipe.start
        if start is not None:
            take_weights(self.model, load_model(Path(start.run) / "model"), start.run)
        if self.pruner is not None:
            self.pruner.begin()
        if start is None or (self.pruner is not None and self.pruner.starts_afresh):
            return
        calibrate(self.model, self.targets.images[: start.calibration_images])
        self.accuracy_at_start = self.test_accuracy()
        self.progress.note(f"accuracy {self.accuracy_at_start:.2f} % before training")

    def usable_state(self) -> dict[str, Any] | None:
        """The state of a stopped training, if it is whole and of this recipe and data set."""
        path = self.folder / STATE_FILE
        if not path.exists():
            return None
        try:
            state = read_state(path)
        except ArtifactError as error:
            self.progress.note(f"the state of a stopped training cannot be used: {error}")
            return None
        if state["identity"] == self.identity:
            return state
        self.progress.note(f"{self.folder} is of another recipe or data set: it is not used")
        return None

    def restore(self, state: dict[str, Any]) -> None:
        """Take up ``state``."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["rng"])
        self.accuracy_at_start = state["accuracy_at_start"]
        self.results = [EpochResult(**record) for record in state["results"]]
        self.seconds = state["seconds"]
        self.cpu_seconds = state["cpu_seconds"]

    def store(self) -> None:
        """Write the state."""
        state = {
            "identity": self.identity,
            "model": dict(self.model.state_dict()),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "rng": torch.get_rng_state(),
            "accuracy_at_start": self.accuracy_at_start,
            "results": [result.to_dict() for result in self.results],
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
        }
        with readable_write_errors(self.out):
            write_state(self.folder / STATE_FILE, state)

    def say_how_to_resume(self) -> None:
        """Tell what a stopped training leaves behind."""
        if self.results:
            self.progress.note(
                f"stopped after epoch {len(self.results)} of {self.recipe.train.epochs}: "
                "the same command goes on from there"
            )
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.progress.note("stopped within the first epoch: nothing was kept")

    def run(self) -> None:
        """Train the epochs that are left."""
        self.progress.start(self.recipe.train.epochs, self.steps, len(self.results))
        for epoch in range(len(self.results) + 1, self.recipe.train.epochs + 1):
            started, cpu_started = time.monotonic(), time.process_time()
            result = self.run_epoch(epoch)
            self.results.append(result)
            self.seconds += time.monotonic() - started
            self.cpu_seconds += time.process_time() - cpu_started
            self.store()
            self.progress.epoch(result)

    def run_epoch(self, epoch: int) -> EpochResult:
        """One pass over the training images; all that is random depends on seed and epoch alone."""
        self.model.train()
        targets = self.targets
        generator = np.random.default_rng([self.recipe.train.seed, epoch])
        order = torch.from_numpy(generator.permutation(len(targets.labels)))
        size = self.recipe.train.batch_size
        total_loss, correct = 0.0, 0
        for step in range(self.steps):
            batch = order[step * size : (step + 1) * size]
            pixels = augment(targets.images[batch], self.recipe.train, generator)
            loss, hits = self.run_step(pixels, batch)
            if self.pruner is not None:
                self.pruner.step((epoch - 1) * self.steps + step + 1)
            if not math.isfinite(loss):
                raise ConfigError(
                    f"the loss must stay finite, it became {loss} in epoch {epoch}: "
                    f"lower learning_rate (it is {self.recipe.learning_rate:g})"
                )
            total_loss += loss
            correct += hits
            self.progress.step()
        return EpochResult(
            epoch=epoch,
            loss=total_loss / self.steps,
            train_accuracy_percent=100.0 * correct / (self.steps * min(size, len(order))),
            test_accuracy_percent=self.test_accuracy(),
        )

    def test_accuracy(self) -> float:
        """Share of right answers about the test images, in percent."""
        predicted = predict_labels(self.model, self.dataset.test_images)
        return accuracy_percent(predicted, self.dataset.test_labels)

    def run_step(self, pixels: Tensor, batch: Tensor) -> tuple[float, int]:
        """One step of the optimiser; loss and number of right answers of the batch."""
        settings = self.recipe.train
        inputs = (pixels.float() / 256.0).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.bfloat16):
            logits = self.model(inputs).float()
        loss = self.targets.loss(logits, batch, pixels)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.schedule.step()
        self.model.settle_weights()
        hits = logits.argmax(dim=1) == self.targets.labels[batch]
        return loss.item(), int(hits.sum())

    def write_run(self, replace: bool) -> TrainingResult:
        """Lower the network and write the RUN folder."""
        model = self.model if self.pruner is None else self.pruner.finished()
        model.eval()
        network = None if self.recipe.model.float else lower(model)
        if network is None:
            self.progress.note(
                "a floating-point baseline: measured and kept, but there is no integer network "
                "to build from"
            )
        metrics = self.metrics(model, network)
        with fresh_folder(self.out, replace=replace) as partial:
            run = RunFolder(partial)
            run.model.mkdir()
            save_model(model, self.recipe, run.model)
            if network is not None:
                save_graph(network, run.model)
            run.metrics.write_text(json.dumps(metrics, indent=1) + "\n")
        return TrainingResult(RunFolder(self.out), metrics["accuracy_percent"], network, metrics)

    def metrics(self, model: Model, network: Network | None) -> dict[str, Any]:
        """Everything that was measured, and what it depends on."""
        predicted = predict_labels(model, self.dataset.test_images)
        size = float_size(model) if network is None else network_size(network)
        return {
            "schema_version": METRICS_VERSION,
            "accuracy_percent": accuracy_percent(predicted, self.dataset.test_labels),
            "test_images": len(predicted),
            "accuracy_at_start_percent": self.accuracy_at_start,
            "labelled_images": self.targets.labelled,
            "training_images": len(self.targets.labels),
            "dense_float_bits": float_size(self.model).float_bits,
            "size": size.to_document(),
            "seed": self.recipe.train.seed,
            "seconds": round(self.seconds, 3),
            "cpu_seconds": round(self.cpu_seconds, 3),
            "epochs": [result.to_dict() for result in self.results],
            "classes": list(self.dataset.classes),
            "confusion_matrix": confusion_matrix(
                self.dataset.test_labels, predicted, len(self.dataset.classes)
            ).tolist(),
            "recipe": self.recipe.model_dump(mode="json"),
            "learning_rate": self.recipe.learning_rate,
            "data_digest": self.identity["data"],
            "versions": versions(),
        }


def versions() -> dict[str, str]:
    """Versions of everything that may change a result."""
    packages = ("xnorflow", "torch", "brevitas", "numpy")
    return {"python": platform.python_version()} | {
        name: importlib.metadata.version(name) for name in packages
    }
