# SPDX-License-Identifier: Apache-2.0
"""Tables for concatenations in CXXRTL's C++, compiled and compared with Python's integers."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

import xnorflow.sim.rtl.concatenations
from xnorflow.sim.rtl.concatenations import FEWEST_OPERANDS, tabulated
from xnorflow.sim.rtl.simulator import runtime_headers
from xnorflow.toolchain import require_tool

VALUES = {"p_a": 1, "p_b": 7, "p_c": 32, "p_d": 70, "p_long_5b_3_3a_0_5d_": 100}
WIRES = {"p_e": 33, "i_f": 64}
TARGETS = {"p_t": 45, "p_u": 32, "p_v": 3, "p_w": 90}
CASES = 40


@dataclass
class Operand:
    """Text of an operand, its width, and its value."""

    text: str
    width: int
    value: int


def random_operand(random: Random, state: dict[str, int]) -> Operand:
    kind = random.choice(["whole", "bit", "slice", "repeat", "constant"])
    if kind == "constant":
        width = random.choice([1, 9, 40])
        value = random.getrandbits(width)
        return Operand(literal(width, value), width, value)
    name, width = random.choice(list((VALUES | WIRES).items()))
    variable = f"{name}.curr" if name in WIRES else name
    if kind == "whole":
        return Operand(variable, width, state[name])
    high = random.randrange(width)
    low = random.randint(0, high) if kind == "slice" else high
    value = state[name] >> low & (1 << high - low + 1) - 1
    if kind == "slice" and low < high:
        return Operand(f"{variable}.slice<{high},{low}>()", high - low + 1, value)
    if kind == "repeat":
        count = random.randint(2, 40)
        ones = (1 << count) - 1
        text = f"{variable}.slice<{high}>().val().repeat<{count}>()"
        return Operand(text, count, value * ones)
    return Operand(f"{variable}.slice<{high}>()", 1, value)


def chain(operands: list[Operand]) -> Operand:
    text = operands[0].text + "".join(f".concat({each.text})" for each in operands[1:])
    value = 0
    for each in operands:
        value = value << each.width | each.value
    return Operand(text, sum(each.width for each in operands), value)


def random_statement(random: Random, number: int, state: dict[str, int]) -> tuple[str, str, int]:
    """Declaration, assignment and expected value of a concatenation, perhaps with an operation."""
    count = random.randint(FEWEST_OPERANDS, 3 * FEWEST_OPERANDS)
    operands = [random_operand(random, state) for _ in range(count)]
    if number % 3 == 1:
        inner = operands[count // 2]
        negated = inner.value ^ (1 << inner.width) - 1
        text = f"not_u<{inner.width}>({inner.text}.val())"
        operands[count // 2] = Operand(text, inner.width, negated)
    whole = chain(operands)
    name = f"p_result{number}"
    declared = f"\tvalue<{whole.width}> {name};\n"
    if number % 3 == 2:
        ones = (1 << whole.width) - 1
        text = f"not_u<{whole.width}>({whole.text}.val())"
        return declared, f"\t{name} = {text};\n", whole.value ^ ones
    return declared, f"\t{name} = {whole.text}.val();\n", whole.value


def random_target(random: Random) -> list[tuple[str, str, int, int]]:
    """Slices of targets that do not overlap: text, name, low bit, width.

    Bits that nobody reads go to a temporary.
    """
    slices = [(f"value<{width}>()", "nothing", 0, width) for width in (1, 40)]
    for name, width in TARGETS.items():
        cuts = sorted(random.sample(range(1, width), min(3, width - 1)))
        for low, stop in zip([0, *cuts], [*cuts, width], strict=True):
            part = f"{stop - 1},{low}" if stop - low > 1 else f"{low}"
            slices.append((f"{name}.next.slice<{part}>()", name, low, stop - low))
    random.shuffle(slices)
    return slices


def literal(width: int, value: int) -> str:
    words = ",".join(f"{value >> 32 * n & 0xFFFFFFFF:#x}u" for n in range(-(-width // 32)))
    return f"value<{width}>{{{words}}}"


@pytest.fixture(autouse=True)
def worthwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xnorflow.sim.rtl.concatenations, "WORTHWHILE", 0)


@pytest.mark.parametrize("seed", range(2))
def test_values_are_what_integers_give(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    state = {name: random.getrandbits(width) for name, width in (VALUES | WIRES).items()}
    statements = [random_statement(random, number, state) for number in range(CASES)]
    slices = random_target(random)
    source = chain([random_operand(random, state) for _ in range(70)])
    wanted = sum(width for *_, width in slices)
    assert source.width >= wanted
    target = slices[0][0] + "".join(f".concat({each[0]})" for each in slices[1:])
    members = "".join(
        [
            *(f"\tvalue<{width}> {name};\n" for name, width in VALUES.items()),
            *(f"\twire<{width}> {name};\n" for name, width in (WIRES | TARGETS).items()),
            *(declared for declared, *_ in statements),
            f"\tvalue<{source.width}> p_source;\n",
        ]
    )
    body = "".join(assigned for _, assigned, _ in statements)
    body += f"\tp_source = {source.text}.val();\n"
    body += f"\t{target} = p_source.slice<{wanted - 1},0>().val();\n"
    design = (
        f"struct p_accelerator {{\n{members}\tvoid eval();\n}}; // struct p_accelerator\n"
        f"void p_accelerator::eval() {{\n{body}}}\n"
    )
    rewritten = tabulated(design)
    assert rewritten.count("scatter<") == 1
    assert rewritten.count("gather<") > CASES // 2  # few operands beside one that is an operation
    results = [f"p_result{number}" for number in range(CASES)]
    found = run(rewritten, state, [*results, *(f"{name}.next" for name in TARGETS)], tmp_path)
    for name, (_, _, value) in zip(results, statements, strict=True):
        assert found[name] == value, name
    expected = dict.fromkeys([*TARGETS, "nothing"], 0)
    remaining = source.value & (1 << wanted) - 1
    for _, name, low, width in reversed(slices):
        expected[name] |= (remaining & (1 << width) - 1) << low
        remaining >>= width
    assert {name: found[f"{name}.next"] for name in TARGETS} == {k: expected[k] for k in TARGETS}


def run(design: str, state: dict[str, int], wanted: list[str], folder: Path) -> dict[str, int]:
    """Evaluate ``design`` once; gives the values of variables."""
    yosys, compiler = require_tool("yosys", "test"), require_tool("c++", "test")
    settings = "".join(
        [f"\td.{name} = {literal(width, state[name])};\n" for name, width in VALUES.items()]
        + [f"\td.{name}.curr = {literal(width, state[name])};\n" for name, width in WIRES.items()]
        + [
            f"\td.{name}.next = {literal(width, (1 << width) - 1)};\n"
            for name, width in TARGETS.items()
        ]
    )
    printing = "".join(f"\tprint(d.{name});\n" for name in wanted)
    (folder / "main.cc").write_text(
        "#include <cxxrtl/cxxrtl.h>\n#include <cstdio>\n"
        f"using namespace cxxrtl;\nusing namespace cxxrtl_yosys;\n{design}\n"
        "template<size_t Bits> void print(const value<Bits> &v) {\n"
        '\tfor (size_t n = v.chunks; n > 0; n--) printf("%08x", v.data[n - 1]);\n'
        '\tprintf("\\n");\n}\n'
        f"int main() {{\n\tstatic p_accelerator d;\n{settings}\td.eval();\n{printing}}}\n"
    )
    flags = ["-std=c++14", "-Wno-invalid-offsetof", f"-I{runtime_headers(yosys)}"]
    built = compiler.run(*flags, "main.cc", "-o", "main", folder=folder)
    assert built.returncode == 0, built.stderr
    lines = subprocess.run([folder / "main"], capture_output=True, text=True, check=True).stdout
    return dict(zip(wanted, (int(line, 16) for line in lines.split()), strict=True))


def test_what_is_short_or_unknown_stays() -> None:
    few = chain([Operand("p_a", 1, 0)] * (FEWEST_OPERANDS - 1)).text
    unknown = chain([Operand("p_local", 1, 0)] * FEWEST_OPERANDS).text
    for text in (few, unknown):
        design = f"struct p_x {{\n\tvalue<1> p_a;\n}}; // struct p_x\n\tp_y = {text}.val();\n"
        assert tabulated(design) == design


@pytest.mark.parametrize("start", ["p_local", "value<1>::make()"])
def test_targets_that_are_unknown_stay_targets(start: str) -> None:
    target = start + "".join(f".concat({name})" for name in ["p_a"] * FEWEST_OPERANDS)
    design = f"struct p_x {{\n\tvalue<1> p_a;\n}}; // struct p_x\n\t\t{target} = tmp_2;\n"
    assert tabulated(design) == design


def test_few_concatenations_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    text = chain([Operand("p_a", 1, 0)] * FEWEST_OPERANDS).text
    design = f"struct p_x {{\n\tvalue<1> p_a;\n}}; // struct p_x\n\tp_y = {text}.val();\n"
    assert tabulated(design) != design
    monkeypatch.setattr(xnorflow.sim.rtl.concatenations, "WORTHWHILE", FEWEST_OPERANDS)
    assert tabulated(design) == design
