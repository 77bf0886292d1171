# SPDX-License-Identifier: Apache-2.0
"""Rewriting CXXRTL's C++: applied to real designs, and harmless where it does not fit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xnorflow.sim.rtl.generated
import xnorflow.sim.rtl.simulator
from xnorflow.hw.emit import write_design
from xnorflow.hw.passes import compile_network, plan_for_interval
from xnorflow.ir import BIPOLAR, TERNARY, int_type, uint_type
from xnorflow.sim.rtl import ObjectCache, RtlEngine, Stalls
from xnorflow.sim.rtl.generated import faster

SMALL = """\
struct p_accelerator : public module {
\tbool eval(performer *performer = nullptr) override;
\tbool commit(ObserverT &observer) {
\t\tif (p_x.commit(observer)) changed = true;
\t\tif (memory_p_m.commit(observer)) changed = true;
\t}
};
bool p_accelerator::eval(performer *performer) {
\tbool converged = true;
\tbool posedge_p_aclk = this->posedge_p_aclk();
\t// the wire
\tvalue<3> p_w;
\t// cell one
\tp_w = p_y;
\t// cell two
\tif (posedge_p_aclk) {
\t\tp_x.next = p_w;
\t}
\treturn converged;
}
"""


def test_small_design(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xnorflow.sim.rtl.generated, "PART_GROUPS", 1)
    text = faster(SMALL)
    struct, rest = text.split("};\n", 1)
    assert "\tvalue<3> p_w;\n" in struct
    assert "p_x.curr = p_x.next;" in struct
    assert "if (memory_p_m.commit(observer)) changed = true;" in struct
    first, second, evaluation = re.split(r"(?<=\n)}\n\n", rest)
    assert first.endswith("\tp_w = p_y;\n")
    assert second.endswith("\tif (posedge_p_aclk) {\n\t\tp_x.next = p_w;\n\t}\n")
    assert evaluation.index("eval_0(performer)") < evaluation.index("eval_1(performer)")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("converged = true", "converged = false"),  # needs several evaluations
        ("\tp_w = p_y;", "\tconverged = p_y;"),
        ("\t// the wire\n\tvalue<3> p_w;\n\t// cell one\n", ""),  # no comment starts a group
        ("bool eval(performer *performer = nullptr)", "bool eval(performer *performer)"),
    ],
)
def test_what_is_not_understood_stays(old: str, new: str) -> None:
    design = SMALL.replace(old, new)
    assert design != SMALL
    assert faster(design) == design


@pytest.mark.parametrize(
    "options",
    [
        {"weight": BIPOLAR},
        {"weight": BIPOLAR, "input_type": None},
        {"weight": TERNARY, "activation": TERNARY},
        {"weight": int_type(4), "activation": uint_type(2), "input_type": None},
    ],
)
def test_real_designs_are_rewritten_and_give_the_same(
    lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    network = lab.Mlp(**options).network()
    write_design(compile_network(network, plan_for_interval(network, 12)), tmp_path)
    frames = lab.random_frames(network, 5).reshape(5, -1)
    texts: list[str] = []

    def spy(design: str) -> str:
        texts.append(faster(design))
        return texts[-1]

    monkeypatch.setattr(xnorflow.sim.rtl.generated, "PART_GROUPS", 7)
    monkeypatch.setattr(xnorflow.sim.rtl.simulator, "faster", spy)
    fast = RtlEngine(tmp_path, ObjectCache(tmp_path / "fast")).run(frames, Stalls(1))
    (text,) = texts
    assert "eval_1(performer)" in text
    assert not re.search(r" \(?[pi]_\w+\.commit\(observer\)", text)
    monkeypatch.setattr(xnorflow.sim.rtl.simulator, "faster", lambda design: design)
    plain = RtlEngine(tmp_path, ObjectCache(tmp_path / "plain")).run(frames, Stalls(1))
    for name in plain.values:
        np.testing.assert_array_equal(fast.values[name], plain.values[name], name)
        np.testing.assert_array_equal(fast.cycles[name], plain.cycles[name], name)
