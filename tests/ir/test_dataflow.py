# SPDX-License-Identifier: Apache-2.0
"""Rules of the dataflow stage and what they say when they are broken."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from xnorflow.errors import FoldingError, GraphError
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    AddUnit,
    Dataflow,
    Fifo,
    Folding,
    Fork,
    Input,
    LabelSelect,
    Node,
    RamStyle,
    StreamInput,
    StreamType,
    TensorType,
    Thresholding,
    ThresholdTable,
    WidthConverter,
    uint_type,
)

SIGN = ThresholdTable(np.array([[0]]), np.array([False]), -1, BIPOLAR)
SOURCE = StreamInput(name="image", edge="image", type=StreamType(uint_type(8), 12, 3))
PIXELS = Thresholding(
    name="act0", inputs=("image",), edge="act0", table=SIGN, channels=12, folding=Folding(pe=3)
)
WIDER = WidthConverter(name="dwc", inputs=("act0",), edge="act0", lanes=4)
UNIT = MVAU(
    name="fc1",
    inputs=("dwc",),
    edge="act1",
    weights=np.ones((6, 12)),
    weight_type=BIPOLAR,
    table=SIGN,
    folding=Folding(pe=2, simd=4, ram_style=RamStyle.BLOCK),
)
QUEUE = Fifo(name="fifo", inputs=("fc1",), edge="act1", depth_beats=8)
SUMS = MVAU(
    name="fc2",
    inputs=("fifo",),
    edge="fc2",
    weights=np.ones((4, 6)),
    weight_type=BIPOLAR,
    table=None,
    folding=Folding(pe=4, simd=2),
)
LABEL = LabelSelect(name="label", inputs=("fc2",), edge="label", k=2)
NODES = (SOURCE, PIXELS, WIDER, UNIT, QUEUE, SUMS)


def test_types_of_streams() -> None:
    dataflow = Dataflow(NODES)
    assert {name: str(kind) for name, kind in dataflow.types.items()} == {
        "image": "stream<UINT8 x 3>[1 x 12]",
        "act0": "stream<BIPOLAR x 3>[1 x 12]",
        "dwc": "stream<BIPOLAR x 4>[1 x 12]",
        "fc1": "stream<BIPOLAR x 2>[1 x 6]",
        "fifo": "stream<BIPOLAR x 2>[1 x 6]",
        "fc2": "stream<INT4 x 4>[1 x 4]",
    }


def test_folds() -> None:
    assert (UNIT.mw, UNIT.mh, UNIT.sf, UNIT.nf) == (12, 6, 3, 3)


def test_beats_and_widths() -> None:
    stream = StreamType(uint_type(4), channels=12, lanes=3, vectors=5)
    assert (stream.beats_per_vector, stream.beats_per_frame, stream.width_bits) == (4, 20, 12)


def test_label_select_gives_its_indices_in_one_beat() -> None:
    lanes = replace(SUMS, folding=Folding(pe=1, simd=2))
    assert str(Dataflow((*NODES[:-1], lanes, LABEL)).types["label"]) == "stream<UINT2 x 2>[1 x 2]"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: StreamType(BIPOLAR, 12, 5),
            r"^lanes must divide channels=12, not 5 \(legal: 1, 2, 3, 4, 6, 12\)$",
        ),
        (
            lambda: replace(UNIT, folding=Folding(pe=4, simd=4)),
            r"^pe must divide mh=6, not 4 \(layer 'fc1'; legal: 1, 2, 3, 6\)$",
        ),
        (
            lambda: replace(UNIT, folding=Folding(pe=2, simd=5)),
            r"^simd must divide mw=12, not 5 \(layer 'fc1'; legal: 1, 2, 3, 4, 6, 12\)$",
        ),
        (
            lambda: replace(UNIT, folding=Folding(pe=0, simd=1)),
            r"^pe must divide mh=6, not 0 \(layer 'fc1'; legal: 1, 2, 3, 6\)$",
        ),
        (
            lambda: replace(PIXELS, folding=Folding(pe=-3)),
            r"^pe must divide channels=12, not -3 \(layer 'act0'; legal: 1, 2, 3, 4, 6, 12\)$",
        ),
    ],
)
def test_foldings_that_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(FoldingError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: replace(UNIT, weights=np.zeros((6, 12))),
            r"^weights must be values of BIPOLAR \(node 'fc1'\)$",
        ),
        (
            lambda: replace(UNIT, table=ThresholdTable(np.zeros((5, 1)), np.zeros(5), -1, BIPOLAR)),
            r"^a threshold table of 5 rows does not fit mh=6 \(node 'fc1'\)$",
        ),
        (
            lambda: replace(
                PIXELS, table=ThresholdTable(np.zeros((5, 1)), np.zeros(5), -1, BIPOLAR)
            ),
            r"^a threshold table of 5 rows does not fit 12 channels \(node 'act0'\)$",
        ),
        (
            lambda: replace(QUEUE, depth_beats=1),
            r"^a FIFO must hold 2 beats or more, not 1 \(node 'fifo'\)$",
        ),
    ],
)
def test_layers_that_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        make()


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (
            (SOURCE, PIXELS, replace(UNIT, inputs=("act0",))),
            r"^mvau takes vectors of mw=12 in simd=4 lanes, "
            r"not stream<BIPOLAR x 3>\[1 x 12\] \(node 'fc1'\)$",
        ),
        (
            (SOURCE, replace(PIXELS, folding=Folding(pe=4))),
            r"^thresholding takes vectors of 12 in pe=4 lanes, "
            r"not stream<UINT8 x 3>\[1 x 12\] \(node 'act0'\)$",
        ),
        (
            (SOURCE, LabelSelect(name="label", inputs=("image",), edge="label", k=13)),
            r"^label select of k=13 takes 13 or more channels, "
            r"not stream<UINT8 x 3>\[1 x 12\] \(node 'label'\)$",
        ),
        (
            (Input(name="image", type=TensorType(BIPOLAR, (4,))),),
            r"^input is no node of the dataflow stage \(node 'image'\)$",
        ),
    ],
)
def test_graphs_that_are_refused(nodes: tuple[Node, ...], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        Dataflow(nodes)


def fork(name: str, source: str, ways: int) -> Fork:
    return Fork(name=name, inputs=(source,), edge="image", ways=ways)


def queue(name: str, source: str) -> Fifo:
    return Fifo(name=name, inputs=(source,), edge="image", depth_beats=4)


def total(name: str, *inputs: str) -> AddUnit:
    return AddUnit(name=name, inputs=inputs, edge=name)


def test_a_fork_is_read_as_often_as_it_has_ways() -> None:
    dataflow = Dataflow(
        (
            SOURCE,
            fork("fork", "image", 3),
            queue("left", "fork"),
            total("near", "left", "fork"),
            total("sum", "near", "fork"),
        )
    )
    assert [node.name for node in dataflow.readers("fork")] == ["left", "near", "sum"]
    assert {dataflow.types[name] for name in ("image", "fork", "left")} == {SOURCE.type}
    assert str(dataflow.types["sum"]) == "stream<UINT10 x 3>[1 x 12]"


def test_one_layer_may_read_both_ways_of_a_fork() -> None:
    dataflow = Dataflow((SOURCE, fork("fork", "image", 2), total("sum", "fork", "fork")))
    assert str(dataflow.types["sum"]) == "stream<UINT9 x 3>[1 x 12]"


def test_a_fork_may_read_a_fork() -> None:
    nodes = (
        SOURCE,
        fork("first", "image", 2),
        fork("second", "first", 2),
        total("near", "second", "second"),
        total("sum", "near", "first"),
    )
    assert str(Dataflow(nodes).types["sum"]) == "stream<UINT10 x 3>[1 x 12]"


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (
            (SOURCE, queue("a", "image"), total("sum", "a", "image")),
            r"^the stream of stream_input must be read 1 time\(s\), not 2 \(node 'image'\)$",
        ),
        (
            (SOURCE, queue("a", "image"), total("sum", "a", "a")),
            r"^the stream of fifo must be read 1 time\(s\), not 2 \(node 'a'\)$",
        ),
        (
            (SOURCE, fork("fork", "image", 2), queue("a", "fork")),
            r"^the stream of fork must be read 2 time\(s\), not 1 \(node 'fork'\)$",
        ),
        (
            (
                SOURCE,
                fork("fork", "image", 2),
                queue("a", "fork"),
                total("near", "fork", "fork"),
                total("sum", "a", "near"),
            ),
            r"^the stream of fork must be read 2 time\(s\), not 3 \(node 'fork'\)$",
        ),
        (
            (SOURCE, fork("fork", "image", 2)),
            r"^the stream of a fork must be read, not leave the graph \(node 'fork'\)$",
        ),
        (
            (SOURCE, queue("a", "image"), queue("b", "image")),
            r"^every edge but the last must be read \(node 'a'\)$",
        ),
    ],
)
def test_streams_with_other_readers_are_refused(nodes: tuple[Node, ...], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        Dataflow(nodes)
