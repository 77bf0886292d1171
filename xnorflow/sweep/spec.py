# SPDX-License-Identifier: Apache-2.0
"""Sweep files: which networks to train, as TOML."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from xnorflow.config import parse_table, read_toml
from xnorflow.errors import ConfigError
from xnorflow.quant.model_recipe import Bits, Section
from xnorflow.quant.recipe import Recipe, find_recipe

__all__ = ["HardwareTable", "Point", "Study", "Sweep", "load_sweep", "parse_sweep"]

Values = Mapping[str, Any]
Reference = str | dict[str, Any]
"""A study, with values that tell its points apart under other keys; or the path of a RUN folder."""

BITS = {"1": 1, "t": "t", "2": 2, "4": 4, "8": 8}
WXA = re.compile(r"([1t248])x([1t248])")


class HardwareTable(Section):
    """What is built of each network, and how it is checked.

    Parameters
    ----------
    device
        FPGA family that resources are estimated for.
    clock_mhz
        Clock of the rates.
    target_fps
        Frames a second to build for; by default the folding is that of ``xnorflow build``.
    verify_images
        Test images compared between PyTorch and the integer network on every edge; 0 for none.
    rtl_images
        Test images run through the Verilog as well; 0 for none.
    synthesise
        Whether Yosys counts LUTs, beside the estimate.
    """

    device: Literal["ice40", "ecp5", "gowin", "xc7"] = "ecp5"
    clock_mhz: Annotated[float, Field(gt=0)] = 100.0
    target_fps: Annotated[float, Field(gt=0)] | None = None
    verify_images: Annotated[int, Field(ge=0)] = 1000
    rtl_images: Annotated[int, Field(ge=0)] = 0
    synthesise: bool = False


class Study(Section):
    """Points that belong together: all combinations of a grid, or a list.

    Parameters
    ----------
    name
        Of the study; points are called by it.
    recipe
        Instead of that of the sweep.
    set
        Keys of the recipe for all points, beside those of the sweep.
    grid
        Keys of the recipe with the values that they take, in all combinations. The key ``bits``
        stands for both widths, written ``"1x4"`` for 1-bit weights and 4-bit activations.
    points
        Instead of ``grid``: a table of keys for each point.
    start
        The point, or RUN folder, whose weights to begin with.
    teachers
        Points or RUN folders that teach.
    seeds
        Instead of those of the sweep.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ,_.-]*$")]
    recipe: str | None = None
    set: dict[str, Any] = {}
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = {}
    points: list[dict[str, Any]] = []
    start: Reference | None = None
    teachers: list[Reference] = []
    seeds: Annotated[list[int], Field(min_length=1)] | None = None


class Sweep(Section):
    """A sweep: studies, and what is done with each point.

    Parameters
    ----------
    title
        For the page of results.
    recipe
        Name or file of the recipe that studies change.
    seeds
        Seeds with which each point is trained.
    set
        Keys of the recipe for all points.
    hardware
        What is built and checked.
    studies
        The points.
    """

    title: str = ""
    recipe: str
    seeds: Annotated[list[int], Field(min_length=1)] = [0]
    set: dict[str, Any] = {}
    hardware: HardwareTable = HardwareTable()
    studies: Annotated[list[Study], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Point:
    """One network of a sweep.

    Parameters
    ----------
    name
        Its folder; unique.
    study
        Of which study.
    recipe
        How it is trained. ``[start]`` and ``[distil]`` name other points, or RUN folders.
    needs
        Names of the points that it reads.
    hardware
        What is built and checked.
    values
        What tells it apart from the other points of its study, its seed too.
    """

    name: str
    study: str
    recipe: Recipe
    needs: tuple[str, ...]
    hardware: HardwareTable
    values: Values = field(compare=False)


def load_sweep(path: Path) -> tuple[Sweep, tuple[Point, ...]]:
    """The sweep in the TOML file ``path``, and its points, each behind those that it needs.

    Raises
    ------
    ConfigError
        If the file, a key or a value is wrong, or a reference names no point.
    """
    return parse_sweep(read_toml(path), str(path))


def parse_sweep(document: Mapping[str, Any], where: str) -> tuple[Sweep, tuple[Point, ...]]:
    """As :func:`load_sweep`, for the plain values of a document that comes from ``where``."""
    sweep = parse_table(document, Sweep, where)
    points: dict[str, Point] = {}
    studies: dict[str, list[Point]] = {}
    for study in sweep.studies:
        if study.name in studies:
            raise ConfigError(f"{where}: there are two studies {study.name!r}")
        try:
            made = [
                make_point(sweep, study, values, studies) for values in combinations(sweep, study)
            ]
        except ConfigError as error:
            lines = str(error).splitlines()
            raise ConfigError(
                "\n".join(f"{where}: study {study.name!r}: {line}" for line in lines)
            ) from error
        for point in made:
            if point.name in points:
                raise ConfigError(f"{where}: study {study.name!r} has {point.name!r} twice")
            points[point.name] = point
        studies[study.name] = made
    return sweep, tuple(points.values())


def combinations(sweep: Sweep, study: Study) -> Iterator[dict[str, Any]]:
    """The values of each point of ``study``, its seed among them."""
    if study.grid and study.points:
        raise ConfigError("give a grid or a list of points, not both")
    if "seed" in {*study.grid, *study.set, *sweep.set}:
        raise ConfigError("seeds are given as 'seeds = [...]'")
    grid = [
        dict(zip(study.grid, values, strict=True))
        for values in itertools.product(*study.grid.values())
    ]
    for values in study.points or grid:
        for seed in study.seeds or sweep.seeds:
            yield values | {"seed": seed}


def make_point(
    sweep: Sweep, study: Study, values: dict[str, Any], studies: Mapping[str, list[Point]]
) -> Point:
    """The point of ``study`` with ``values``; ``studies`` has the points before it."""
    sources = [find(reference, values, studies) for reference in study.teachers]
    start = None if study.start is None else find(study.start, values, studies)
    keys = with_widths(sweep.set) | with_widths(study.set) | with_widths(values)
    if start is not None:
        keys["run"] = start
    if sources:
        keys["teachers"] = sources
    recipe = find_recipe(study.recipe or sweep.recipe).with_overrides(**keys)
    known = {point.name for made in studies.values() for point in made}
    return Point(
        name=point_name(study.name, values),
        study=study.name,
        recipe=recipe,
        needs=tuple(dict.fromkeys(run for run in recipe.runs if run in known)),
        hardware=sweep.hardware,
        values=values,
    )


def with_widths(values: Values) -> dict[str, Any]:
    """``values`` with ``bits``, written ``"1x4"``, as widths of weights and activations."""
    keys = dict(values)
    if "bits" not in keys:
        return keys
    match = WXA.fullmatch(str(keys.pop("bits")))
    if match is None:
        raise ConfigError(
            f"bits must be written as '1x4', of 1, t, 2, 4, 8, not {values['bits']!r}"
        )
    widths: tuple[Bits, Bits] = BITS[match[1]], BITS[match[2]]  # type: ignore[assignment] # as matched
    return keys | dict(zip(("weight_bits", "activation_bits"), widths, strict=True))


def find(reference: Reference, values: Values, studies: Mapping[str, list[Point]]) -> str:
    """Name of the point, or path of the RUN folder, that ``reference`` means.

    Among the points of a study those with the same seed come first: a reference from seed 1 means
    the point of seed 1, if there is one.
    """
    wanted: dict[str, Any] = {"study": reference} if isinstance(reference, str) else dict(reference)
    study = wanted.pop("study", None)
    if study not in studies:
        if isinstance(reference, str) and Path(reference).is_dir():
            return reference
        raise ConfigError(
            f"{reference!r} is neither a study further up "
            f"({', '.join(map(repr, studies)) or 'there is none'}) nor a RUN folder"
        )
    found = [point for point in studies[study] if agrees(point, wanted)]
    same_seed = [point for point in found if point.values["seed"] == values["seed"]]
    chosen = same_seed or found
    if len(chosen) != 1:
        names = ", ".join(point.name for point in chosen[:4]) or "none"
        raise ConfigError(
            f"{reference!r} must mean one point, not {len(chosen)} ({names}): "
            f"write {{ study = {study!r}, bits = '1x1', ... }}"
        )
    return chosen[0].name


def agrees(point: Point, wanted: Values) -> bool:
    """Whether ``point`` has the values ``wanted``."""
    own = with_widths(point.values)
    return all(own.get(key) == value for key, value in with_widths(wanted).items())


def point_name(study: str, values: Values) -> str:
    """A name for a folder.

    Examples
    --------
    >>> point_name("pruned", {"bits": "1x1", "sparsity": 0.9, "seed": 0})
    'pruned-1x1-sparsity_0.9-seed_0'
    """
    parts = [study.replace(",", "").replace(" ", "_")]
    keys = dict(values)
    if {"weight_bits", "activation_bits"} <= keys.keys():
        keys = {"bits": f"{keys.pop('weight_bits')}x{keys.pop('activation_bits')}"} | keys
    for key, value in keys.items():
        text = re.sub(r"[^A-Za-z0-9.]+", "-", str(value)).strip("-")
        parts.append(text if key == "bits" else f"{key}_{text}")
    return "-".join(parts)
