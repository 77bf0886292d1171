# SPDX-License-Identifier: Apache-2.0
"""What all layers have in common."""

from typing import Any

import numpy as np
import pytest

from xnorflow.errors import GraphError
from xnorflow.hw.estimate.cycles import TIMINGS
from xnorflow.hw.layers import COMPONENTS, make_component
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    Dataflow,
    Fifo,
    Folding,
    LabelSelect,
    Layer,
    PadUnit,
    SlidingWindow,
    SparseMVAU,
    StreamInput,
    StreamType,
    Thresholding,
    ThresholdTable,
    UpsampleUnit,
    WidthConverter,
    Window,
    uint_type,
)

SOURCE = StreamType(uint_type(2), 6, 3, 4)
TABLE = ThresholdTable(np.arange(-3, 6)[None], np.array([False]), 0, uint_type(4))


def make_mvau(pe: int, table: ThresholdTable | None) -> MVAU:
    return MVAU(
        name="fc",
        inputs=("x",),
        edge="fc",
        weights=np.where(np.eye(4, 6), 1, -1),
        weight_type=BIPOLAR,
        table=table,
        folding=Folding(pe, 3),
    )


def make_windows(taps_per_beat: int) -> SlidingWindow:
    return SlidingWindow(
        name="swu",
        inputs=("x",),
        edge="x",
        shape=(2, 2, 6),
        window=Window(kernel=(1, 2)),
        taps_per_beat=taps_per_beat,
        depth_pixels=2,
    )


LAYERS: dict[str, Layer] = {
    "mvau": make_mvau(2, TABLE),
    "mvau_unreplayed": make_mvau(4, TABLE),
    "mvau_raw": make_mvau(2, None),
    "sparse_mvau": SparseMVAU.of(make_mvau(2, TABLE)),
    "thresholding": Thresholding(
        name="act", inputs=("x",), edge="act", table=TABLE, channels=6, folding=Folding(3)
    ),
    "dwc_up": WidthConverter(name="dwc", inputs=("x",), edge="x", lanes=6),
    "dwc_down": WidthConverter(name="dwc", inputs=("x",), edge="x", lanes=1),
    "gearbox": WidthConverter(name="dwc", inputs=("x",), edge="x", lanes=2),
    "fifo_2": Fifo(name="fifo", inputs=("x",), edge="x", depth_beats=2),
    "fifo_8": Fifo(name="fifo", inputs=("x",), edge="x", depth_beats=8),
    "pad": PadUnit(name="pad", inputs=("x",), edge="x", shape=(2, 2, 6), padding=(1, 1, 1, 1)),
    "swu": make_windows(1),
    "swu_chain": make_windows(2),
    "upsample": UpsampleUnit(name="up", inputs=("x",), edge="x", shape=(2, 2, 6), factor=(2, 2)),
    "label_select": LabelSelect(name="label", inputs=("x",), edge="label", k=2),
}


@pytest.fixture(params=LAYERS)
def component(request: pytest.FixtureRequest) -> Any:
    return make_component(LAYERS[request.param], (SOURCE,))


def test_valid_does_not_wait_for_ready(idle_run: Any, component: Any) -> None:
    assert idle_run(component).output_valid


def test_no_path_between_ports(idle_run: Any, component: Any) -> None:
    assert idle_run(component).combinational_paths == set()


def test_every_kind_has_component_and_timing() -> None:
    assert set(TIMINGS) == set(Dataflow.kinds)
    assert set(COMPONENTS) == set(Dataflow.kinds) - {StreamInput}


def test_stream_input_has_no_component() -> None:
    node = StreamInput(name="image", edge="image", type=SOURCE)
    with pytest.raises(
        GraphError, match=r"^a layer must be one of mvau, .* to have a component, not stream_input"
    ):
        make_component(node, ())
