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

STRUCT = "p_accelerator"
PART_GROUPS = 100
"""Cells or registers that one function evaluates: compilers take more than linear time."""

EVALUATION = re.compile(
    rf"^bool {STRUCT}::eval\(performer \*performer\) {{\n"
    r"\tbool converged = true;\n"
    r"\tbool posedge_p_aclk = this->posedge_p_aclk\(\);\n"
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
    wires
        Declarations of its local wires.
    groups
        Its statements in order, grouped by the comment that names what they evaluate. A group
        shares nothing with others but the wires.
    """

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
    evaluation = parsed(match["body"])
    if evaluation is None:
        return design
    parts = [
        "".join(evaluation.groups[start : start + PART_GROUPS])
        for start in range(0, len(evaluation.groups), PART_GROUPS)
    ]
    design = design[: match.start()] + definitions(parts) + design[match.end() :]
    design = design.replace(DECLARATION, DECLARATION + declarations(evaluation.wires, len(parts)))
    return REGISTER_COMMIT.sub(r"\1.curr = \1.next;", design)


def parsed(body: str) -> Evaluation | None:
    """The parts of ``body``; None if it holds something unexpected."""
    wires: list[str] = []
    groups: list[str] = []
    for line in body.splitlines(keepends=True):
        if LOCAL_WIRE.fullmatch(line):
            wires.append(line)
        elif line.startswith(GROUP_START):
            groups.append("")
        elif not groups or "converged" in line:
            return None
        else:
            groups[-1] += line
    return Evaluation(wires, [group for group in groups if group])


def declarations(wires: list[str], parts: int) -> str:
    """Members for what was local to the evaluation, and its functions."""
    functions = (
        f"\t__attribute__((noinline)) void eval_{part}(performer *performer);\n"
        for part in range(parts)
    )
    return "".join([*wires, "\tbool posedge_p_aclk_now = false;\n", *functions])


def definitions(parts: list[str]) -> str:
    """The functions, and the evaluation that calls them."""
    functions = (
        f"void {STRUCT}::eval_{number}(performer *performer) {{\n"
        "\tconst bool posedge_p_aclk = posedge_p_aclk_now;\n"
        f"{part}}}\n\n"
        for number, part in enumerate(parts)
    )
    calls = (f"\teval_{number}(performer);\n" for number in range(len(parts)))
    evaluation = [
        f"bool {STRUCT}::eval(performer *performer) {{\n",
        "\tposedge_p_aclk_now = posedge_p_aclk();\n",
        *calls,
        "\treturn true;\n}\n",
    ]
    return "".join([*functions, *evaluation])
