# SPDX-License-Identifier: Apache-2.0
"""The peer da4ml (C. Sun and others): adder graphs for matrix products by constants.

It is licensed under the LGPL and no dependency of xnorflow, which neither ships nor imports it but
here, to measure it. For that, install it where this Python finds it: ``pip install da4ml``, or, to
keep the environment as it is, ::

    pip install --no-deps --target FOLDER da4ml quantizers
    PYTHONPATH=FOLDER python -m benchmarks area
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.area.circuit import NotAvailableError
from benchmarks.cache import cached

__all__ = ["unrolled_verilog"]

INSTALL = "da4ml is not installed: pip install da4ml (LGPL; see benchmarks/area/da4ml_peer.py)"

Layers = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]
"""Weights of +-1, shape ``(mh, mw)``, and thresholds, shape ``(mh,)``, of each layer."""


def unrolled_verilog(layers: Layers, top: str) -> str:
    """Its Verilog for ``layers``, with its default settings, as a module ``top (x, y)``.

    Raises
    ------
    NotAvailableError
        If it is not installed.
    """
    if importlib.util.find_spec("da4ml") is None:
        raise NotAvailableError(INSTALL)
    parts = [importlib.metadata.version("da4ml"), top]
    parts += [str(array.tolist()) for layer in layers for array in layer]
    return cached("peers", parts, lambda: generate(layers, top))


def generate(layers: Layers, top: str) -> str:
    """The text, by da4ml itself."""
    trace = importlib.import_module("da4ml.trace")
    codegen = importlib.import_module("da4ml.codegen")
    mw, mh = layers[0][0].shape[1], layers[-1][0].shape[0]
    # An unsigned bit: no sign, one integer bit, no fractional ones.
    source = trace.FixedVariableArrayInput(mw).quantize(0, 1, 0)
    bits = source
    for weights, thresholds in layers:
        signs = bits * 2.0 - 1.0
        bits = signs @ weights.T.astype(float) >= thresholds.astype(float)
    solution = trace.comb_trace(source, bits)
    with tempfile.TemporaryDirectory() as scratch:
        codegen.VerilogModel(solution, f"{top}_da4ml", scratch, print_latency=False).write()
        sources = Path(scratch) / "src"
        text = (sources / f"{top}_da4ml.v").read_text()
        for file in sorted((sources / "static").glob("*.v")):
            # Its table reads a file that is only there where it is used.
            if file.stem != "lookup_table" or file.stem in text:
                text += file.read_text()
    return f"""\
module {top} (input wire [{mw - 1}:0] x, output wire [{mh - 1}:0] y);
  {top}_da4ml graph (.model_inp(x), .model_out(y));
endmodule
{text}"""
