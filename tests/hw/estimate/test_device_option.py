# SPDX-License-Identifier: Apache-2.0
"""``--device`` of ``estimate`` and ``build``."""

from __future__ import annotations

import json
import re

import pytest

from xnorflow.cli import main
from xnorflow.ir import save_graph


@pytest.fixture
def run(tmp_path, lab):
    """A RUN folder with a small network."""
    folder = tmp_path / "run"
    (folder / "model").mkdir(parents=True)
    save_graph(lab.Mlp(widths=(24, 16, 10)).network(), folder / "model")
    return folder


def json_of(capsys, *arguments):
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_build_and_estimate_agree(run, capsys):
    built = json_of(capsys, "build", str(run), "--device", "ice40")
    estimated = json_of(capsys, "estimate", str(run), "--device", "ice40")
    assert estimated == {key: value for key, value in built.items() if key != "rtl"}
    assert set(estimated["resources"]) == {*("luts", "flip_flops", "block_rams", "dsps", "sprams")}
    other = json_of(capsys, "estimate", str(run), "--device", "xc7")
    assert other["resources"] != estimated["resources"]


def test_table_has_a_total(run, capsys):
    assert main(["build", str(run)]) == 0
    capsys.readouterr()
    assert main(["estimate", str(run), "--device", "ecp5"]) == 0
    text = capsys.readouterr().out
    assert re.search(r" LUT +FF +BRAM +DSP +beats$", text, re.MULTILINE)
    assert re.search(r"^about [\d,]+ LUT, [\d,]+ FF on ecp5 \(estimated\)$", text, re.MULTILINE)


@pytest.mark.parametrize("command", ["build", "estimate"])
def test_unknown_device(run, capsys, command):
    assert main([command, str(run), "--device", "zynq"]) == 2
    error = capsys.readouterr().err
    assert "'zynq' is not one of 'ice40', 'ecp5', 'gowin', 'xc7'" in error
