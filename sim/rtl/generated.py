# SPDX-License-Identifier: Apache-2.0
"""Changes to the C++ that CXXRTL writes, which make it compile and run several times as fast.

Both rely on one thing that the generated code says of itself: that one evaluation gives all wires
(``bool converged = true``). Where it does not say so, or looks otherwise than expected, it stays as
it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["faster"]

PART_GROUPS = 100
"""Cells or registers that one function evaluates: compilers take more than linear time."""

EVALUATION = re.compile(
    r"^bool (?P<struct>p_\w+)::eval\(performer \*performer\) {\n"
    r"\tbool converged = true;\n"
    r"\tbool (?P<edge>posedge_p_\w+) = this->(?P=edge)\(\);\n"
    r"(?P<body>(?:[\t/}].*\n|\n)*?)"
    r"\treturn converged;\n}\n",
    re.MULTILINE,
)
DECLARATION = "\tbool eval(performer *performer = nullptr) override;\n"
LOCAL_WIRE = re.compile(r"\tvalue<\d+> \w+;\n")
GROUP_START = "\t// "
REGISTER_COMMIT = re.compile(r"if \((p_\w+|i_\w+)\.commit\(observer\)\) changed = true;")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The body of the function that evaluates a design.

    Parameters
    ----------
    struct
        Name of the design's type.
    edge
        Name of what tells whether the clock rises.
    wires
        Declarations of its local wires.
    groups
        Its statements in order, grouped by the comment that names what they evaluate. A group
        shares nothing with others but the wires.
    """

    struct: str
    edge: str
    wires: list[str]
    groups: list[str]


def faster(design: str) -> str:
    """``design`` with plain registers, and with its evaluation cut into functions.

    * The comparison of each register with its next value only tells whether another evaluation is
      needed: never, here. Its branch is unforeseeable, so without it the simulation runs up to
      twice as fast.
    * One function of ten thousand statements takes compilers minutes; a hundred functions of a
      hundred statements take seconds, and their code is no slower.
    """
    match = EVALUATION.search(design)
    if match is None or DECLARATION not in design:
        return design
    evaluation = parsed(match)
    if evaluation is None:
        return design
    parts = [
        "".join(evaluation.groups[start : start + PART_GROUPS])
        for start in range(0, len(evaluation.groups), PART_GROUPS)
    ]
    design = design[: match.start()] + definitions(evaluation, parts) + design[match.end() :]
    design = design.replace(DECLARATION, DECLARATION + declarations(evaluation, len(parts)))
    return REGISTER_COMMIT.sub(r"\1.curr = \1.next;", design)


def parsed(match: re.Match[str]) -> Evaluation | None:
    """The parts of what :data:`EVALUATION` matches; None if it holds something unexpected."""
    wires: list[str] = []
    groups: list[str] = []
    for line in match["body"].splitlines(keepends=True):
        if LOCAL_WIRE.fullmatch(line):
            wires.append(line)
        elif line.startswith(GROUP_START):
            groups.append("")
        elif not groups or "converged" in line:
            return None
        else:
            groups[-1] += line
    return Evaluation(match["struct"], match["edge"], wires, [group for group in groups if group])


def declarations(evaluation: Evaluation, parts: int) -> str:
    """Members for what was local to the evaluation, and its functions."""
    functions = (
        f"\t__attribute__((noinline)) void eval_{part}(performer *performer);\n"
        for part in range(parts)
    )
    edge = f"\tbool {evaluation.edge}_now = false;\n"
    return "".join([*evaluation.wires, edge, *functions])


def definitions(whole: Evaluation, parts: list[str]) -> str:
    """The functions, and the evaluation that calls them."""
    functions = (
        f"void {whole.struct}::eval_{number}(performer *performer) {{\n"
        f"\tconst bool {whole.edge} = {whole.edge}_now;\n"
        f"{part}}}\n\n"
        for number, part in enumerate(parts)
    )
    calls = (f"\teval_{number}(performer);\n" for number in range(len(parts)))
    evaluation = [
        f"bool {whole.struct}::eval(performer *performer) {{\n",
        f"\t{whole.edge}_now = {whole.edge}();\n",
        *calls,
        "\treturn true;\n}\n",
    ]
    return "".join([*functions, *evaluation])
