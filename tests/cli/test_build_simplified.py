# SPDX-License-Identifier: Apache-2.0
"""What ``build`` and ``explore`` leave out of a network, and how they are told not to."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from commands import error_of, json_of
from wasteful import layers, steps

from xnorflow.cli import main
from xnorflow.cli.simplification import PASSES
from xnorflow.errors import ConfigError
from xnorflow.hw.build import BuildOptions
from xnorflow.hw.explore.run import ExploreOptions
from xnorflow.hw.passes import Simplification
from xnorflow.ir import BIPOLAR, MVAU, TERNARY, Dataflow, TensorType, load_graph, uint_type
from xnorflow.rundir import save_network


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A RUN folder with a network of which nothing can be left out."""
    rng = np.random.default_rng(0)
    signs = np.array([-1, 1])
    network = layers(
        TensorType(uint_type(8), (8, 8, 1)),
        (rng.choice(signs, (32, 64)), BIPOLAR),
        steps(rng.integers(-99, 99, (32, 1)).tolist()),
        (rng.choice(signs, (10, 32)), BIPOLAR),
    )
    return save_network(network, tmp_path / "run").root


@pytest.fixture
def wasteful(tmp_path: Path) -> Path:
    """A RUN folder with 64 neurons: 16 each constant, unread, equal to others, and needed."""
    rng = np.random.default_rng(0)
    signs = np.array([-1, 1])
    weights, columns = rng.choice(signs, (64, 64)), rng.choice(signs, (16, 64))
    limits = rng.integers(-99, 99, (64, 1))
    limits[:16], limits[48:] = 10**6, limits[32:48]
    weights[48:] = weights[32:48]
    columns[:, 16:32] = columns[::2, 32:48] = columns[1::2, 48:] = 0
    network = layers(
        TensorType(uint_type(8), (8, 8, 1)),
        (weights, BIPOLAR),
        steps(limits.tolist()),
        (columns, TERNARY),
        steps([[0]]),
        (rng.choice(signs, (10, 16)), BIPOLAR),
    )
    return save_network(network, tmp_path / "wasteful").root


def mh_of(run: Path, name: str = "fc1") -> int:
    """Neurons of a layer that was built."""
    node = load_graph(Dataflow, run / "rtl").node(name)
    assert isinstance(node, MVAU)
    return node.mh


def test_a_build_says_what_it_left_out(wasteful: Path, capsys: pytest.CaptureFixture[str]) -> None:
    built = json_of(capsys, "build", str(wasteful))
    assert mh_of(wasteful) == 16
    assert built["removed"] == [
        {"step": step, "node": "fc1", "what": "channels", "removed": 16, "total": 64}
        for step in ("remove-constant", "remove-unread", "merge-equal")
    ]
    assert main(["build", str(wasteful), "--force"]) == 0
    assert capsys.readouterr().out.splitlines()[-4:] == [
        "remove-constant: 16 of 64 channels of fc1",
        "remove-unread: 16 of 64 channels of fc1",
        "merge-equal: 16 of 64 channels of fc1",
        f"wrote {wasteful}/rtl",
    ]
    provenance = json.loads((wasteful / "rtl" / "build.json").read_text())
    assert provenance["simplified_without"] == []
    assert provenance["kept_channels"] == {"fc1": "32-47", "act1": "32-47"}


def test_a_build_that_left_nothing_out_says_nothing(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "removed" not in json_of(capsys, "build", str(run))
    assert main(["build", str(run), "--force"]) == 0
    assert not re.search("|".join(PASSES), capsys.readouterr().out)


@pytest.mark.parametrize("step", PASSES)
def test_each_pass_can_be_left_out(
    wasteful: Path, capsys: pytest.CaptureFixture[str], step: str
) -> None:
    built = json_of(capsys, "build", str(wasteful), "--without", step)
    assert [removal["step"] for removal in built["removed"]] == [
        other for other in PASSES[1:] if other != step
    ]
    assert mh_of(wasteful) == (16 if step == "trim-thresholds" else 32)
    provenance = json.loads((wasteful / "rtl" / "build.json").read_text())
    assert provenance["simplified_without"] == [step]


def test_a_network_can_be_built_as_it_is(
    wasteful: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = []
    for options in (["--no-simplify"], [o for step in PASSES for o in ("--without", step)]):
        assert "removed" not in json_of(capsys, "build", str(wasteful), "--force", *options)
        folders.append({p.name: p.read_bytes() for p in (wasteful / "rtl").iterdir()})
        assert mh_of(wasteful) == 64
    assert folders[0] == folders[1]
    provenance = json.loads(folders[0]["build.json"])
    assert provenance["simplified_without"] == list(PASSES)
    assert provenance["kept_channels"] == {}


def test_passes_have_names(wasteful: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "'--without': 'fc1' is not one of 'trim-thresholds', 'remove-constant'" in error_of(
        capsys, "build", str(wasteful), "--without", "fc1"
    )
    for options in (BuildOptions, ExploreOptions):
        with pytest.raises(ConfigError, match=r"^no simplification is called 'fc1' \(known: trim"):
            options(without=frozenset({"fc1"}))  # type: ignore[arg-type]
    assert BuildOptions(without=frozenset({"merge-equal"})) == BuildOptions(  # type: ignore[arg-type]
        without=frozenset({Simplification.MERGE_EQUAL})
    )


def test_a_folding_file_for_the_whole_network(
    wasteful: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Up to 16 lanes it fits what is left too; beyond, the message says what to do."""
    file = tmp_path / "folding.json"
    file.write_text('{"fc1": {"PE": 16, "SIMD": 8}, "fc2": {"PE": 2, "SIMD": 16}}')
    built = json_of(capsys, "build", str(wasteful), "--folding", str(file))
    assert {row["name"]: row["pe"] for row in built["layers"]}["fc1"] == 16
    shutil.rmtree(wasteful / "rtl")
    for plan, message in {
        '{"fc1": {"PE": 32}}': "pe must divide mh=16, not 32 (layer 'fc1'; legal: 1, 2, 4, 8, 16)",
        '{"fc2": {"SIMD": 64}}': "simd must divide mw=16, not 64 (layer 'fc2'; "
        "legal: 1, 2, 4, 8, 16)",
    }.items():
        file.write_text(plan)
        assert error_of(capsys, "build", str(wasteful), "--folding", str(file)) == (
            f"error: {message}: {file} fits the network before its simplification; change it, or "
            "build with --no-simplify"
        )
        assert not (wasteful / "rtl").exists()
        assert main(["build", str(wasteful), "--folding", str(file), "--no-simplify"]) == 0
        shutil.rmtree(wasteful / "rtl")
    file.write_text('{"fc1": {"PE": 5}}')
    assert error_of(capsys, "build", str(wasteful), "--folding", str(file)) == (
        "error: pe must divide mh=16, not 5 (layer 'fc1'; legal: 1, 2, 4, 8, 16)"
    )


def test_explore_sees_what_is_built(wasteful: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options, neurons in (((), 16), (("--without", "merge-equal"), 32)):
        found = json_of(capsys, "explore", str(wasteful), "--points", "2", "--force", *options)
        file = str(wasteful / "explore" / found["points"][-1]["folding"])
        assert json.loads(Path(file).read_text())["fc1"]["PE"] == neurons
        built = json_of(capsys, "build", str(wasteful), "--folding", file, "--force", *options)
        assert built["interval_cycles"] == found["points"][-1]["interval_cycles"]
        assert main(["explore", str(wasteful), "--points", "2", "--force", *options]) == 0
        (line,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("build a point")]
        assert line.endswith(" ".join(["folding_01.json", *options]))


def test_folders_that_do_not_fit(wasteful: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that was built before channels were removed still loads; a damaged one does not."""
    assert main(["build", str(wasteful), "--no-simplify"]) == 0
    path = wasteful / "rtl" / "build.json"
    document = json.loads(path.read_text())
    old = {key: document[key] for key in ("model_sha256", "clock_mhz", "weights", "versions")}
    path.write_text(json.dumps(old))
    assert main(["estimate", str(wasteful)]) == 0
    assert main(["build", str(wasteful), "--force"]) == 0
    path.write_text(json.dumps(old))
    assert re.fullmatch(
        rf"error: {path} does not fit {wasteful}/rtl: the stream of 'fc1' has 16 channels of edge "
        r"'act1', of which 64 are kept",
        error_of(capsys, "estimate", str(wasteful)),
    )
    path.write_text(json.dumps(old | {"kept_channels": {"act1": "7,3"}}))
    assert error_of(capsys, "profile", str(wasteful)) == (
        f"error: {path} does not fit {wasteful}/rtl: kept channels must be some of 64, ascending, "
        "not '7,3' (edge 'act1')"
    )
