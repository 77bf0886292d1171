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
from numpy.typing import NDArray
from torch import Tensor, nn

from xnorflow.errors import ArtifactError, ConfigError, OutputError
from xnorflow.ir import Network, save_graph
from xnorflow.quant.augment import augment
from xnorflow.quant.checkpoint import read_state, save_model, write_state
from xnorflow.quant.data import Dataset, load_dataset
from xnorflow.quant.lower import lower
from xnorflow.quant.models.catalog import make_model
from xnorflow.quant.progress import EpochResult, SilentProgress, TrainProgress
from xnorflow.quant.recipe import Recipe
from xnorflow.rundir import RunFolder, fresh_folder, readable_write_errors

__all__ = ["TrainingResult", "predict_labels", "train"]

STATE_FILE = "state.pt"
EVALUATION_BATCH = 1000
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
        self.identity = {"recipe": recipe.to_toml(), "data": dataset.digest()}
        self.images = torch.from_numpy(pixels_to_torch(dataset.train_images))
        self.labels = torch.from_numpy(dataset.train_labels)
        self.model = make_model(recipe.model, dataset.image_shape, len(dataset.classes))
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # untyped
        self.steps = max(1, len(self.labels) // recipe.train.batch_size)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=recipe.learning_rate)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            max_lr=recipe.learning_rate,
            total_steps=self.steps * recipe.train.epochs,
        )
        self.results: list[EpochResult] = []
        self.seconds = 0.0
        self.cpu_seconds = 0.0

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
        else:
            self.restore(state)
            self.progress.note(f"resumed after epoch {len(self.results)}")

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
        generator = np.random.default_rng([self.recipe.train.seed, epoch])
        order = torch.from_numpy(generator.permutation(len(self.labels)))
        size = self.recipe.train.batch_size
        total_loss, correct = 0.0, 0
        for step in range(self.steps):
            batch = order[step * size : (step + 1) * size]
            pixels = augment(self.images[batch], self.recipe.train, generator)
            loss, hits = self.run_step(pixels, self.labels[batch])
            if not math.isfinite(loss):
                raise ConfigError(
                    f"the loss must stay finite, it became {loss} in epoch {epoch}: "
                    f"lower learning_rate (it is {self.recipe.learning_rate:g})"
                )
            total_loss += loss
            correct += hits
            self.progress.step()
        predicted = predict_labels(self.model, self.dataset.test_images)
        return EpochResult(
            epoch=epoch,
            loss=total_loss / self.steps,
            train_accuracy_percent=100.0 * correct / (self.steps * min(size, len(order))),
            test_accuracy_percent=accuracy_percent(predicted, self.dataset.test_labels),
        )

    def run_step(self, pixels: Tensor, labels: Tensor) -> tuple[float, int]:
        """One step of the optimiser; loss and number of right answers of the batch."""
        settings = self.recipe.train
        inputs = (pixels.float() / 256.0).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.bfloat16):
            logits = self.model(inputs).float()
        loss = nn.functional.cross_entropy(logits, labels, label_smoothing=settings.label_smoothing)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.schedule.step()
        self.model.clamp_latents()
        return loss.item(), int((logits.argmax(dim=1) == labels).sum())

    def write_run(self, replace: bool) -> TrainingResult:
        """Lower the network and write the RUN folder."""
        self.model.eval()
        network = None if self.recipe.model.float else lower(self.model)
        if network is None:
            self.progress.note(
                "a floating-point baseline: measured and kept, but there is no integer network "
                "to build from"
            )
        metrics = self.metrics()
        with fresh_folder(self.out, replace=replace) as partial:
            run = RunFolder(partial)
            run.model.mkdir()
            save_model(self.model, self.recipe, run.model)
            if network is not None:
                save_graph(network, run.model)
            run.metrics.write_text(json.dumps(metrics, indent=1) + "\n")
        return TrainingResult(RunFolder(self.out), metrics["accuracy_percent"], network, metrics)

    def metrics(self) -> dict[str, Any]:
        """Everything that was measured, and what it depends on."""
        predicted = predict_labels(self.model, self.dataset.test_images)
        return {
            "schema_version": METRICS_VERSION,
            "accuracy_percent": accuracy_percent(predicted, self.dataset.test_labels),
            "test_images": len(predicted),
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


def pixels_to_torch(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy of ``(n, h, w, c)`` as PyTorch has images, ``(n, c, h, w)``."""
    return np.array(np.moveaxis(images, -1, 1), order="C")


@torch.no_grad()
def predict_labels(model: nn.Module, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The class of each image, shape ``(n,)``; the lowest index wins ties.

    Parameters
    ----------
    model
        Takes pixels ``u / 256``; its mode (training, evaluation) is restored.
    images
        uint8, shape ``(n, height, width, channels)``.
    """
    was_training = model.training
    model.eval()
    labels = []
    for start in range(0, len(images), EVALUATION_BATCH):
        pixels = pixels_to_torch(images[start : start + EVALUATION_BATCH])
        logits = model(torch.from_numpy(pixels).float() / 256.0)
        labels.append(np.argmax(logits.numpy(), axis=1))
    model.train(was_training)
    return np.concatenate(labels).astype(np.int64)


def accuracy_percent(predicted: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """Share of right answers in percent."""
    return 100.0 * int(np.count_nonzero(predicted == labels)) / len(labels)


def confusion_matrix(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """Number of images of each true class (rows) and predicted class (columns)."""
    matrix = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(matrix, (labels, predicted), 1)
    return matrix


def versions() -> dict[str, str]:
    """Versions of everything that may change a result."""
    packages = ("xnorflow", "torch", "brevitas", "numpy")
    return {"python": platform.python_version()} | {
        name: importlib.metadata.version(name) for name in packages
    }
