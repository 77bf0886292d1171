# SPDX-License-Identifier: Apache-2.0
"""``xnorflow doctor``."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from typing import TYPE_CHECKING

import click

from xnorflow.cli.output import prints

if TYPE_CHECKING:
    from xnorflow.doctor import DoctorEntry, DoctorReport

__all__ = ["command"]


def summary(report: DoctorReport) -> str:
    """Two tables, and what is missing."""
    entries = (*report.packages, *report.tools)
    missing = [entry.name for entry in entries if not entry.found]
    lines = [
        f"xnorflow {version('xnorflow')}, Python {report.python}, {report.machine}",
        f"compiled simulators are kept in {report.cache}",
        "",
        "packages",
        *entry_lines(report.packages),
        "",
        "tools",
        *entry_lines(report.tools),
        "",
        f"not here: {', '.join(missing)}" if missing else "everything is here",
    ]
    return "\n".join(lines)


def entry_lines(entries: Iterable[DoctorEntry]) -> Iterable[str]:
    """A line for each entry; for one that is missing, what that costs and how to get it."""
    for entry in entries:
        state = entry.version or "found" if entry.found else "missing"
        yield f"  {entry.name:<26}{state:<22}{entry.purpose}"
        if not entry.found:
            yield f"  {'':<48}without it: {entry.without}"
            yield f"  {'':<48}to get it: {entry.install}"


@click.command()
@prints(summary)
def command() -> DoctorReport:
    """Check which tools and packages are here, and what each is for.

    Nothing that is missing is an error: only the core packages are always needed.
    """
    from xnorflow.doctor import doctor_report

    return doctor_report()
