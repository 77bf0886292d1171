# SPDX-License-Identifier: Apache-2.0
"""From PyTorch networks with 1- and 2-bit weights to bit-exact XNOR-popcount hardware.

The names below are imported when they are first used: ``import xnorflow`` itself loads neither
PyTorch nor any other package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xnorflow.bitstreams.flow import BitstreamOptions, make_bitstream
    from xnorflow.bitstreams.link import LinkOptions, RemoteAccelerator
    from xnorflow.finn.exported import export_finn
    from xnorflow.finn.verify import verify_finn
    from xnorflow.frontends.qonnx.exported import export_run
    from xnorflow.frontends.qonnx.exporter import export_qonnx
    from xnorflow.frontends.qonnx.finn import finn_warnings
    from xnorflow.frontends.qonnx.importer import import_qonnx
    from xnorflow.frontends.qonnx.run import import_run
    from xnorflow.hw.build import BuildOptions, build, estimate
    from xnorflow.inference import InferOptions, infer
    from xnorflow.quant.data import load_dataset
    from xnorflow.quant.lower import lower
    from xnorflow.quant.recipe import Recipe, find_recipe
    from xnorflow.quant.train import train
    from xnorflow.readback.check import verify_bitstream
    from xnorflow.rundir import load_network, save_network
    from xnorflow.sim.reference import ReferenceEngine
    from xnorflow.sim.simulate import SimulateOptions, simulate
    from xnorflow.sim.verify import VerifyOptions, verify
    from xnorflow.sweep.run import SweepOptions, run_sweep

__all__ = [
    "BitstreamOptions",
    "BuildOptions",
    "InferOptions",
    "LinkOptions",
    "Recipe",
    "ReferenceEngine",
    "RemoteAccelerator",
    "SimulateOptions",
    "SweepOptions",
    "VerifyOptions",
    "build",
    "estimate",
    "export_finn",
    "export_qonnx",
    "export_run",
    "find_recipe",
    "finn_warnings",
    "import_qonnx",
    "import_run",
    "infer",
    "load_dataset",
    "load_network",
    "lower",
    "make_bitstream",
    "run_sweep",
    "save_network",
    "simulate",
    "train",
    "verify",
    "verify_bitstream",
    "verify_finn",
]

HOMES = {
    "BitstreamOptions": "xnorflow.bitstreams.flow",
    "BuildOptions": "xnorflow.hw.build",
    "InferOptions": "xnorflow.inference",
    "LinkOptions": "xnorflow.bitstreams.link",
    "Recipe": "xnorflow.quant.recipe",
    "ReferenceEngine": "xnorflow.sim.reference",
    "RemoteAccelerator": "xnorflow.bitstreams.link",
    "SimulateOptions": "xnorflow.sim.simulate",
    "SweepOptions": "xnorflow.sweep.run",
    "VerifyOptions": "xnorflow.sim.verify",
    "build": "xnorflow.hw.build",
    "estimate": "xnorflow.hw.build",
    "export_finn": "xnorflow.finn.exported",
    "export_qonnx": "xnorflow.frontends.qonnx.exporter",
    "export_run": "xnorflow.frontends.qonnx.exported",
    "find_recipe": "xnorflow.quant.recipe",
    "finn_warnings": "xnorflow.frontends.qonnx.finn",
    "import_qonnx": "xnorflow.frontends.qonnx.importer",
    "import_run": "xnorflow.frontends.qonnx.run",
    "infer": "xnorflow.inference",
    "load_dataset": "xnorflow.quant.data",
    "load_network": "xnorflow.rundir",
    "lower": "xnorflow.quant.lower",
    "make_bitstream": "xnorflow.bitstreams.flow",
    "run_sweep": "xnorflow.sweep.run",
    "save_network": "xnorflow.rundir",
    "simulate": "xnorflow.sim.simulate",
    "train": "xnorflow.quant.train",
    "verify": "xnorflow.sim.verify",
    "verify_bitstream": "xnorflow.readback.check",
    "verify_finn": "xnorflow.finn.verify",
}
"""Module of each public name."""

EXTRAS = {
    "torch": "train",
    "brevitas": "train",
    "sklearn": "train",
    "pyosys": "tools",
    "serial": "board",
}
"""Extra of this package that installs an optional package."""


def __getattr__(name: str) -> Any:
    """The public name ``name``, imported now.

    Raises
    ------
    ToolError
        If it needs an optional package that is not installed.
    """
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(import_module(HOMES[name]), name)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        from xnorflow.errors import ToolError

        raise ToolError(
            f"{package} is not installed, and {name!r} needs it: "
            f"pip install 'xnorflow[{EXTRAS[package]}]'"
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names, imported or not."""
    return sorted({*globals(), *__all__})
