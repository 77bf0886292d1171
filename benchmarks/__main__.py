# SPDX-License-Identifier: Apache-2.0
"""Runs the benchmarks, prints their tables and, with ``--json FILE``, writes them down."""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import benchmarks
from benchmarks.timing import as_records, print_rows


def bench_modules() -> dict[str, ModuleType]:
    """All modules ``bench_*``, each with a ``TITLE`` and ``measure() -> list[Row]``.

    One with a true ``ON_REQUEST`` runs only if it is named. One whose rows are not
    :class:`~benchmarks.timing.Row` but dataclasses of its own has ``show(rows)``, which prints
    them.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    return {
        name.removeprefix("bench_"): importlib.import_module(f"benchmarks.{name}")
        for name in names
        if name.startswith("bench_")
    }


def on_request(module: ModuleType) -> bool:
    """Whether a benchmark takes so long that it runs only where it is named (``ON_REQUEST``)."""
    return bool(getattr(module, "ON_REQUEST", False))


def names_help(modules: Mapping[str, ModuleType]) -> str:
    """What there is to choose from."""
    named = [name for name, module in modules.items() if on_request(module)]
    return f"which of {', '.join(modules)}; all by default, but for {', '.join(named)}"


def main() -> None:
    """Run what was asked for."""
    modules = bench_modules()
    default = [name for name, module in modules.items() if not on_request(module)]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=names_help(modules))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all rows to FILE")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in modules]:
        parser.error(f"unknown benchmark {unknown[0]!r} (there are: {', '.join(modules)})")
    results = {}
    for name in options.names or default:
        rows = modules[name].measure()
        show(modules[name], rows)
        results[name] = as_records(rows)
    if options.json:
        document = {"machine": machine(), "results": results}
        options.json.write_text(json.dumps(document, indent=1) + "\n")


def show(module: ModuleType, rows: Sequence[Any]) -> None:
    """Print the table of a benchmark."""
    if hasattr(module, "show"):
        module.show(rows)
    else:
        print_rows(module.TITLE, rows)


def machine() -> dict[str, str]:
    """What the numbers were measured on."""
    return {"processor": processor_name(), "python": platform.python_version()}


def processor_name() -> str:
    """Name of the processor as the system knows it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
