# SPDX-License-Identifier: Apache-2.0
"""Models for the import: exported by Brevitas, or written node by node."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import onnx
import pytest
import torch
from torch import nn

DATA = Path(__file__).parents[2] / "data" / "qonnx"


@pytest.fixture(scope="session")
def tfc() -> Path:
    """The perceptron of QONNX's model zoo."""
    return DATA / "TFC_1W1A.onnx"


@pytest.fixture
def export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """``export(module, image_shape)``: the QONNX file that Brevitas writes."""
    manager = pytest.importorskip("brevitas.export.onnx.manager")
    monkeypatch.setattr(manager, "onnx", onnx)
    # Asked for before each export, used in none of this kind.
    monkeypatch.setattr(manager, "opt", SimpleNamespace())

    def write(module: nn.Module, image_shape: tuple[int, int, int]) -> Path:
        from brevitas.export import export_qonnx

        height, width, channels = image_shape
        path = tmp_path / "model.onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            export_qonnx(
                module.eval(), args=torch.zeros(1, channels, height, width), export_path=str(path)
            )
        return path

    return write
