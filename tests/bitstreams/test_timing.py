# SPDX-License-Identifier: Apache-2.0
"""Reading nextpnr's reports: of real ones, shortened."""

from __future__ import annotations

import pytest

from xnorflow.bitstreams.implementation import SECONDS
from xnorflow.bitstreams.layer_names import LayerNames
from xnorflow.bitstreams.timing import read_timing
from xnorflow.bitstreams.usage import Usage, cells_by_layer, usage_in_log, usage_in_report
from xnorflow.errors import ToolError
from xnorflow.hw.families import Device

LAYERS = LayerNames(["fc1", "fc10", "fifo_fc1", "label"])


def segment(start: str, end: str, delay: float, kind: str) -> dict[str, object]:
    return {
        "delay": delay,
        "from": {"cell": start, "loc": [13, 5], "port": "O"},
        "to": {"cell": end, "loc": [13, 6], "port": "I3"},
        "type": kind,
    }


SCORE = "core.accelerator.label.score_SB_DFFE_Q_D_SB_LUT4_O_LC"
READY = "core.accelerator.fc1_ready_SB_LUT4_O_LC"
LINK = "core.link.writer.count_SB_DFF_Q_LC"

REPORT = {
    "critical_paths": [
        {"from": "<async>", "to": "posedge clk", "path": [segment("rx", LINK, 2.9, "routing")]},
        {
            "from": "posedge clk",
            "to": "posedge clk",
            "path": [
                segment(SCORE, SCORE, 1.39, "clk-to-q"),
                segment(SCORE, READY, 1.761, "routing"),
                segment(READY, READY, 0.874, "logic"),
                segment(READY, LINK, 3.0, "routing"),
                segment(LINK, LINK, 0.1, "setup"),
            ],
        },
    ],
    "fmax": {"clk": {"achieved": 42.023868560791016, "constraint": 24}},
    "utilization": {
        "ICESTORM_LC": {"available": 5280, "used": 1506},
        "ICESTORM_RAM": {"available": 30, "used": 0},
        "SB_IO": {"available": 96, "used": 4},
        "VCC": {"available": 1, "used": 1},
    },
}

LOG = """\
Info: Device utilisation:
Info: \t         ICESTORM_LC:  5551/ 5280   105%
Info: \t        ICESTORM_RAM:     0/   30     0%
Info: \t               SB_IO:     4/   96     4%

Info: Placed 4 cells based on constraints.
Info: Creating initial analytic placement for 4321 cells, random placement wirelen = 123.
ERROR: Unable to place cell 'core.accelerator.fc1.x_LC', no BELs remaining
"""


def test_the_clock_and_what_bounds_it() -> None:
    timing = read_timing(REPORT, 24.0, LAYERS)
    assert (timing.fmax_mhz, timing.met) == (42.024, True)
    path = timing.path
    assert path is not None
    assert (path.begins, path.ends, path.layer) == ("label", "", "fc1")
    assert path.layer_ns == {"fc1": 3.874, "label": 3.151, "": 0.1}
    assert path.delay_ns == pytest.approx(7.125)
    assert path.cells == (SCORE, READY, LINK)


def test_a_clock_that_is_missed() -> None:
    assert not read_timing(REPORT, 42.1, LAYERS).met


def test_a_report_without_a_clock() -> None:
    with pytest.raises(ToolError, match=r"^nextpnr's report has no clock$"):
        read_timing({}, 24.0, LAYERS)


def test_the_slowest_of_several_clocks_counts() -> None:
    fmax = {"fast": {"achieved": 200.0}, "slow": {"achieved": 20.0}}
    timing = read_timing({"fmax": fmax}, 24.0, LAYERS)
    assert (timing.fmax_mhz, timing.path) == (20.0, None)


def test_used_cells_in_a_report() -> None:
    assert usage_in_report(REPORT) == (
        Usage("ICESTORM_LC", 1506, 5280),
        Usage("SB_IO", 4, 96),
    )


def test_used_cells_in_a_log() -> None:
    cells, pins = usage_in_log(LOG)
    assert (cells.title, cells.resource, cells.excess) == ("logic cells", "LUT", 271)
    assert (pins.title, pins.excess) == ("pins", 0)


@pytest.mark.parametrize(
    ("cell", "layer"),
    [
        ("core.accelerator.fc1.sum_SB_LUT4_O", "fc1"),
        ("core.accelerator.fc10.sum_SB_LUT4_O", "fc10"),
        ("core.accelerator.fifo_fc1.level_DFF_Q", "fifo_fc1"),
        ("core.accelerator.fc1_payload_LUT4_F", "fc1"),
        ("core.accelerator.output_beat_DFF_Q", ""),
        ("core.link.fc1.x", ""),
        ("$nextpnr_ICESTORM_LC_12", ""),
    ],
)
def test_layers_are_found_in_names(cell: str, layer: str) -> None:
    assert LAYERS.of_cell(cell) == layer


def test_cells_are_counted_by_layer() -> None:
    cells = {
        "core.accelerator.fc1.a": {"type": "SB_LUT4"},
        "core.accelerator.fc1.b": {"type": "SB_DFFE"},
        "core.accelerator.fc1.weights.0.0": {"type": "SB_RAM40_4K"},
        "reset_count_SB_LUT4_O": {"type": "SB_LUT4"},
        "pll": {"type": "SB_PLL40_PAD"},
    }
    netlist = {"modules": {"board": {"cells": cells}}}
    assert cells_by_layer(netlist, "board", Device.ICE40, LAYERS) == {
        "": {"LUT": 1},
        "fc1": {"BRAM": 1, "FF": 1, "LUT": 1},
    }


def test_an_unknown_cell_in_a_layer_is_no_silent_zero() -> None:
    netlist = {"modules": {"board": {"cells": {"core.accelerator.fc1.a": {"type": "SB_NEW"}}}}}
    with pytest.raises(ToolError, match=r"cells 'SB_NEW', which cannot be counted$"):
        cells_by_layer(netlist, "board", Device.ICE40, LAYERS)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("Info: HeAP Placer Time: 0.15s\n", "Info: HeAP Placer Time: -\n"),
        ("Info: Router2 time 1.23s\n", "Info: Router2 time -\n"),
        (
            "Info:       4658 |   53   587 |         0|       0.16       0.84|\n",
            "Info:       4658 |   53   587 |         0|-|\n",
        ),
        ("Info: 2.3 ns logic, 8.5 ns routing\n", "Info: 2.3 ns logic, 8.5 ns routing\n"),
    ],
)
def test_times_are_taken_out_of_the_log(line: str, kept: str) -> None:
    assert SECONDS.sub("-", line) == kept
