# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest

from xnorflow import doctor
from xnorflow.cli import main
from xnorflow.doctor import DoctorEntry, DoctorReport


def entry(name: str, version: str | None) -> DoctorEntry:
    return DoctorEntry(name, "draws", version, "", "no drawing", f"pip install {name}")


def report(*tools: DoctorEntry) -> DoctorReport:
    return DoctorReport("3.11.7", "Linux x86_64", Path("cache"), (entry("pens", "1.2"),), tools)


def shown(
    made: DoctorReport, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    monkeypatch.setattr(doctor, "doctor_report", lambda: made)
    assert main(["doctor"]) == 0
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_a_missing_tool_is_told_with_what_it_costs_and_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(report(entry("ruler", None)), monkeypatch, capsys)
    at = lines.index("ruler missing draws")
    assert lines[at + 1 : at + 3] == ["without it: no drawing", "to get it: pip install ruler"]
    assert lines[-1] == "not here: ruler"
    assert "pens 1.2 draws" in lines


def test_a_tool_that_tells_no_version_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(report(entry("ruler", "")), monkeypatch, capsys)
    assert "ruler found draws" in lines
    assert lines[-1] == "everything is here"


def test_this_machine_has_the_core_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    versions = {package["name"]: package["version"] for package in record["packages"]}
    assert versions["numpy"]
    assert versions["amaranth"]
