# SPDX-License-Identifier: Apache-2.0
"""``import xnorflow``: costs nothing, knows its names, and says which extra is missing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import xnorflow
from xnorflow.errors import ToolError

HEAVY = {"torch", "amaranth", "numba", "click", "pydantic", "numpy", "rich", "brevitas"}


def test_importing_it_loads_only_a_few_modules_of_the_standard_library() -> None:
    code = (
        "import sys, typing; old = set(sys.modules); import xnorflow; print(*set(sys.modules)-old)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "xnorflow" in loaded
    assert not loaded & HEAVY
    assert len(loaded) < 10


@pytest.mark.parametrize("name", xnorflow.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(xnorflow, name).__name__ == name
    assert name in dir(xnorflow)
    assert name in vars(xnorflow), "kept after its first use"


def test_type_checkers_see_the_same_names_from_the_same_modules() -> None:
    tree = ast.parse(Path(xnorflow.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == xnorflow.HOMES
    assert sorted(seen) == sorted(xnorflow.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'xnorflow' has no attribute 'trian'$"):
        _ = xnorflow.trian


def test_a_missing_optional_package_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for module in [name for name in sys.modules if name.startswith("xnorflow.quant.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delitem(vars(xnorflow), "train", raising=False)
    with pytest.raises(
        ToolError,
        match=r"^torch is not installed, and 'train' needs it: pip install 'xnorflow\[train\]'$",
    ):
        _ = xnorflow.train
