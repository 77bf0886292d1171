# SPDX-License-Identifier: Apache-2.0
"""Compiled code is kept on disk, and never used after a change to what it was compiled from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xnorflow import numba_cache as cache

SUM_OF_ROWS = """
import sys
sys.path.insert(0, {folder!r})
from loops import outer
print(outer.outer(20), sum(outer.outer.stats.cache_hits.values()))
"""

OUTER = """
from loops.cache import compile_cached
from loops.inner import inner

@compile_cached
def outer(number):
    return inner(number) + 1
"""

INNER = """
from loops.cache import inlined

@inlined
def inner(number):
    return {expression}
"""


def python(code: str, **environment: str) -> str:
    """What a fresh interpreter prints."""
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return result.stdout.strip()


def test_importing_does_not_import_numba() -> None:
    code = "import sys, xnorflow.sim.reference; print('numba' in sys.modules)"
    assert python(code) == "False"


def test_without_any_place_for_a_cache_it_compiles_in_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Numba refuses to cache where neither the package nor the user's folders can be written."""
    real = cache.njit

    def refuse(*, cache: bool = False, **options: object) -> object:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)

    monkeypatch.setattr(cache, "njit", refuse)
    assert cache.compile_cached(lambda number: number + 1)(2) == 3


def test_the_cache_is_used_by_the_next_process(tmp_path: Path) -> None:
    code = """
from xnorflow.sim.reference.compiled import scans
import numpy as np
scans.first_maximum(np.zeros((1, 3), np.int64), 3, np.zeros((1, 1), np.int64))
print(sum(scans.first_maximum.stats.cache_hits.values()))
"""
    assert python(code, NUMBA_CACHE_DIR=str(tmp_path)) == "0"
    assert python(code, NUMBA_CACHE_DIR=str(tmp_path)) == "1"


def test_the_loops_with_lanes_are_used_by_the_next_process_too(tmp_path: Path) -> None:
    code = """
from xnorflow.ir import BIPOLAR, Conv, Input, Network, TensorType, Window
from xnorflow.sim.reference import ReferenceEngine
from xnorflow.sim.reference.compiled.products import window_products
import numpy as np
network = Network((
    Input(name="image", type=TensorType(BIPOLAR, (4, 4, 2))),
    Conv(name="conv", inputs=("image",), weights=np.ones((3, 2, 2, 2), int), weight_type=BIPOLAR,
         window=Window(kernel=(2, 2))),
))
assert np.all(ReferenceEngine(network).run(np.ones((5, 4, 4, 2), int)) == 8)
print(sum(window_products.stats.cache_hits.values()))
"""
    assert python(code, NUMBA_CACHE_DIR=str(tmp_path)) == "0"
    assert python(code, NUMBA_CACHE_DIR=str(tmp_path)) == "1"


def test_a_change_to_another_file_makes_cached_code_stale(tmp_path: Path) -> None:
    """The cached function is in one file and what it calls in another: numba looks at the first."""
    package = tmp_path / "loops"
    package.mkdir()
    (package / "__init__.py").touch()
    source = Path(cache.__file__).read_text()
    (package / "cache.py").write_text(source)
    (package / "outer.py").write_text(OUTER)
    (package / "inner.py").write_text(INNER.format(expression="2 * number"))
    code = SUM_OF_ROWS.format(folder=str(tmp_path))
    assert python(code) == "41 0"
    assert python(code) == "41 1"
    (package / "inner.py").write_text(INNER.format(expression="3 * number"))
    assert python(code) == "61 0"


def test_all_compiled_code_goes_through_the_cache() -> None:
    package = Path(cache.__file__).parent
    elsewhere = [
        path
        for path in package.rglob("*.py")
        if path != Path(cache.__file__) and "njit" in path.read_text()
    ]
    assert elsewhere == []
