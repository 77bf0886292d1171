# SPDX-License-Identifier: Apache-2.0
"""One point of a sweep: train, verify, build, estimate, perhaps synthesise; gives its row."""

from __future__ import annotations

import hashlib
import json
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xnorflow.errors import XnorflowError
from xnorflow.hw.build import BuildOptions, build, make_dataflow
from xnorflow.hw.estimate.report import design_report
from xnorflow.hw.families import Device
from xnorflow.quant.data.catalog import list_datasets
from xnorflow.quant.model_recipe import ModelRecipe
from xnorflow.quant.recipe import Recipe
from xnorflow.rundir import RunFolder
from xnorflow.sim.verify import VerifyEngine, VerifyOptions, verify
from xnorflow.sweep.generator import generator_digest
from xnorflow.sweep.spec import HardwareTable, Point

__all__ = [
    "KeptRow",
    "PointFolder",
    "Task",
    "make_tasks",
    "rows_of_last_generator",
    "run_point",
]

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """A point and where it goes: all that a worker needs.

    Parameters
    ----------
    point
        The point; its recipe names points in ``needs`` by their names.
    recipe
        That of the point, with absolute folders for all that it reads.
    root
        The sweep's folder, absolute.
    train_key, key
        Digests of all that its training, and its row, depend on; but for what makes the hardware.
    generator
        Digest of what makes the hardware.
    """

    point: Point
    recipe: Recipe
    root: Path
    train_key: str
    key: str
    generator: str

    @property
    def folder(self) -> PointFolder:
        """Its folder."""
        return PointFolder(self.root / "points" / self.point.name)


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A row as it was found.

    Parameters
    ----------
    row
        The row.
    generator
        Digest of what made the hardware.
    written
        When, in seconds of the file system's clock.
    """

    row: Row
    generator: str
    written: float


def rows_of_last_generator(found: Sequence[KeptRow]) -> tuple[Row, ...]:
    """The rows of the generator that made the last of them: others are of other hardware."""
    if not found:
        return ()
    generator = max(found, key=lambda kept: kept.written).generator
    return tuple(kept.row for kept in found if kept.generator == generator)


@dataclass(frozen=True, slots=True)
class PointFolder:
    """Paths of one point.

    Parameters
    ----------
    root
        Folder of the point.
    """

    root: Path

    @property
    def run(self) -> Path:
        """The RUN folder."""
        return self.root / "run"

    @property
    def trained(self) -> Path:
        """Key of the training that made the RUN folder."""
        return self.root / "trained"

    @property
    def result(self) -> Path:
        """The row, its key, and what made it."""
        return self.root / "result.json"

    @property
    def log(self) -> Path:
        """What training said."""
        return self.root / "training.log"

    def kept(self, task: Task) -> KeptRow | None:
        """The row of ``task``, if there is one: of any generator, and be it that of a failure."""
        try:
            document = json.loads(self.result.read_text(encoding="utf-8"))
            written = self.result.stat().st_mtime
        except (OSError, ValueError):
            return None
        if document["key"] != task.key:
            return None
        return KeptRow(document["row"], document["generator"], written)

    def row(self, task: Task) -> Row | None:
        """The finished row of ``task``, if its generator made one."""
        kept = self.kept(task)
        if kept is None or kept.generator != task.generator:
            return None
        return kept.row if kept.row["status"] == "done" else None

    def write(self, task: Task, row: Row) -> None:
        """Keep ``row``, whole or not at all."""
        document = {"key": task.key, "generator": task.generator, "row": row}
        write_whole(self.result, json.dumps(document, indent=1) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Write ``text`` to ``path``, whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def make_tasks(points: tuple[Point, ...], root: Path) -> tuple[Task, ...]:
    """A task for each point, in the same order."""
    tasks: dict[str, Task] = {}
    for point in points:
        needs = [tasks[name].train_key for name in point.needs]
        train_key = digest(point.recipe.to_toml(), *needs)
        key = digest(train_key, point.study, point.hardware.model_dump_json())
        recipe = placed(point, root)
        tasks[point.name] = Task(point, recipe, root, train_key, key, generator_digest())
    return tuple(tasks.values())


def placed(point: Point, root: Path) -> Recipe:
    """The recipe of ``point`` with absolute paths: a worker may run in another folder."""

    def folder(run: str) -> str:
        if run in point.needs:
            return str(PointFolder(root / "points" / run).run)
        return str(Path(run).resolve())

    recipe = point.recipe
    changes: dict[str, Any] = {}
    if recipe.start is not None:
        changes["run"] = folder(recipe.start.run)
    if recipe.distil is not None:
        changes["teachers"] = [folder(run) for run in recipe.distil.teachers]
    named = {info.name for info in list_datasets()}
    if recipe.train.dataset not in named and Path(recipe.train.dataset).exists():
        changes["dataset"] = str(Path(recipe.train.dataset).resolve())
    return recipe.with_overrides(**changes)


def digest(*parts: str) -> str:
    """SHA-256 of ``parts``, as hexadecimal digits."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def run_point(task: Task, needed: list[Row]) -> Row:
    """Do all that is to be done with a point; what was done before is not repeated.

    Parameters
    ----------
    task
        The point.
    needed
        Rows of the points that it reads.

    Returns
    -------
    dict
        Its row; an error of any kind is in it, and is not raised.
    """
    folder = task.folder
    if (finished := folder.row(task)) is not None:
        return finished
    folder.root.mkdir(parents=True, exist_ok=True)
    failed = [row["point"] for row in needed if row["status"] != "done"]
    row = settings(task.point)
    try:
        if failed:
            row |= {"status": "failed", "error": f"needs {failed[0]}, which failed"}
        else:
            row |= measured(task) | {"status": "done", "error": ""}
    except XnorflowError as error:
        row |= {"status": "failed", "error": str(error)}
    except Exception as error:  # a bug in one point is no reason to lose the others
        (folder.root / "traceback.txt").write_text(traceback.format_exc(), encoding="utf-8")
        row |= {"status": "failed", "error": f"{type(error).__name__}: {error}"}
    folder.write(task, row)
    return row


def settings(point: Point) -> Row:
    """The columns of a row that are known beforehand."""
    recipe, prune, distil = point.recipe, point.recipe.prune, point.recipe.distil
    bits = ("float", "float")
    if not recipe.model.float:
        bits = (str(recipe.model.weight_bits), str(recipe.model.activation_bits))
    pattern = ""
    if prune is not None and prune.sparsity > 0:
        pattern = pattern_name(prune.remove, prune.pattern, prune.tile, prune.criterion)
    return {
        "point": point.name,
        "study": point.study,
        "method": method(recipe),
        "architecture": architecture(recipe.model),
        "dataset": recipe.train.dataset,
        "weight_bits": bits[0],
        "activation_bits": bits[1],
        "seed": recipe.train.seed,
        "sparsity_percent": 0.0 if prune is None else 100.0 * prune.sparsity,
        "pattern": pattern,
        "teachers": "" if distil is None else " + ".join(map(study_of, distil.teachers)),
        "teacher_weight": None if distil is None else distil.teacher_weight,
        "temperature": None if distil is None else distil.temperature,
        "labelled_percent": 100.0 * recipe.train.labelled,
        "epochs": recipe.train.epochs,
    }


def pattern_name(remove: str, pattern: str, tile: tuple[int, int], criterion: str) -> str:
    """What is removed at a time, in a word or two."""
    name = "neurons" if remove == "neurons" else pattern
    if name == "tiles":
        name = f"tiles {tile[0]}x{tile[1]}"
    return name if criterion == "magnitude" else f"{name}, {criterion}"


def study_of(run: str) -> str:
    """A point without its seed, so that rows of several seeds have one teacher; a path as it is."""
    return run.rpartition("-seed_")[0] or run


def method(recipe: Recipe) -> str:
    """How a network came to its weights."""
    if recipe.start is None:
        return "float" if recipe.model.float else "trained"
    return "fine-tuned" if recipe.train.epochs else "after training"


def architecture(model: ModelRecipe) -> str:
    """Kind and sizes of a network.

    Examples
    --------
    >>> from xnorflow.quant.recipe import find_recipe
    >>> architecture(find_recipe("sfc").model), architecture(find_recipe("vgg").model)
    ('mlp 256-256-256', 'vgg 32 64-64 128-128')
    """
    keys = model.model_dump()
    sizes = [keys[key] for key in ("stem", "widths", "width_multiplier") if key in keys]
    sizes += list(keys.get("stages", ()))
    sizes += [keys["hidden"]] if keys.get("hidden") else []
    texts = ["-".join(map(str, s)) if isinstance(s, tuple) else f"{s:g}" for s in sizes]
    return " ".join([model.kind, *texts])


def measured(task: Task) -> Row:
    """Train, check and build; the columns that this gives."""
    train_once(task)
    run = RunFolder(task.folder.run)
    metrics = json.loads(run.metrics.read_text(encoding="utf-8"))
    size = metrics["size"]
    row = {
        "accuracy_percent": metrics["accuracy_percent"],
        "weights": size["nonzero_weights"],
        "size_bits": size["total_bits"],
        "coded_bits": size["coded_bits"],
        "float_bits": metrics["dense_float_bits"],
        "train_seconds": metrics["seconds"],
    }
    if not task.point.recipe.model.float:
        row |= built(run, task.point.hardware)
        row |= verified(run, task.point.hardware)
        row |= synthesised(run, task.point.hardware)
    return row


def train_once(task: Task) -> None:
    """Make the RUN folder, unless a training of the same key has made it."""
    from xnorflow.quant.progress import LineProgress
    from xnorflow.quant.train import train

    folder = task.folder
    if folder.trained.exists() and folder.trained.read_text(encoding="utf-8") == task.train_key:
        return
    folder.trained.unlink(missing_ok=True)
    with folder.log.open("a", encoding="utf-8") as log:
        train(task.recipe, folder.run, progress=LineProgress(log), replace=True)
    write_whole(folder.trained, task.train_key)


def built(run: RunFolder, hardware: HardwareTable) -> Row:
    """Estimated cost of the hardware; its Verilog is only written where it is needed."""
    device = Device(hardware.device)
    options = BuildOptions(
        target_fps=hardware.target_fps, clock_mhz=hardware.clock_mhz, device=device, replace=True
    )
    if hardware.rtl_images or hardware.synthesise:
        report = build(run.root, options).report
    else:
        report = design_report(make_dataflow(run.network(), options), hardware.clock_mhz, device)
    resources = report.to_document()["resources"]
    return {
        "device": device.value,
        "clock_mhz": hardware.clock_mhz,
        "cycles_per_frame": report.interval_cycles,
        "frames_per_second": report.throughput_fps,
        "memory_bits": report.memory.total_bits,
        **resources,
    }


def verified(run: RunFolder, hardware: HardwareTable) -> Row:
    """Mismatches between PyTorch, integers and, if asked for, the Verilog."""
    if not hardware.verify_images and not hardware.rtl_images:
        return {}
    mismatches, images = 0, 0
    if hardware.verify_images:
        options = VerifyOptions(VerifyEngine.REFERENCE, images=hardware.verify_images)
        report = verify(run.root, options)
        mismatches, images = report.mismatches, report.software_images
    if hardware.rtl_images:
        report = verify(run.root, VerifyOptions(VerifyEngine.RTL, images=hardware.rtl_images))
        mismatches += report.mismatches + (not report.passed and not report.mismatches)
        images = max(images, report.rtl_images)
    return {"mismatches": mismatches, "verified_images": images}


def synthesised(run: RunFolder, hardware: HardwareTable) -> Row:
    """LUTs as Yosys counts them, if asked for."""
    if not hardware.synthesise:
        return {}
    from xnorflow.bitstreams.synthesis import synthesise

    return {"synthesised_luts": synthesise(run.root, Device(hardware.device)).luts}
