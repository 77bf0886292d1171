# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest

from xnorflow.cli import main


def test_datasets_as_text_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert main(["datasets", "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert [record["name"] for record in records] == [line.split()[0] for line in lines]
    assert {"digits", "fashion-mnist"} <= {record["name"] for record in records}
