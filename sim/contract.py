# SPDX-License-Identifier: Apache-2.0
"""The layer contract: for each hardware layer, the things that define it, in one table.

==================  ======================================  =====================================
what                where                                   looked up in
==================  ======================================  =====================================
IR dataclass        :mod:`xnorflow.ir.units` and others     ``Dataflow.kinds``
operations          :mod:`xnorflow.ir.network`              :data:`CONTRACT`
integer reference   :mod:`xnorflow.sim.reference.kernels`   ``KERNELS``, by operation
Amaranth component  :mod:`xnorflow.hw.layers`               ``COMPONENTS``
timing              :mod:`xnorflow.hw.estimate.cycles`      ``TIMINGS``
control             :mod:`xnorflow.hw.cycle.controls`        ``CONTROLS``
memory              :mod:`xnorflow.hw.estimate.memory`      ``MEMORIES``
resources           :mod:`xnorflow.hw.estimate.resources`   ``RESOURCES``
==================  ======================================  =====================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from xnorflow.hw.cycle import CONTROLS
from xnorflow.hw.estimate.cycles import TIMINGS
from xnorflow.hw.estimate.memory import MEMORIES
from xnorflow.hw.estimate.resources import RESOURCES
from xnorflow.hw.layers import COMPONENTS
from xnorflow.ir import (
    MVAU,
    VVAU,
    Add,
    AddUnit,
    ArgMax,
    Concat,
    ConcatUnit,
    Conv,
    Dataflow,
    Depthwise,
    Fifo,
    Fork,
    GlobalPoolUnit,
    Input,
    LabelSelect,
    Layer,
    MatMul,
    MaxPool,
    Node,
    Pad,
    PadUnit,
    PoolUnit,
    SlidingWindow,
    SparseMVAU,
    StreamInput,
    SumPool,
    Thermometer,
    ThermometerUnit,
    Threshold,
    Thresholding,
    UnrolledMVAU,
    Upsample,
    UpsampleUnit,
    WidthConverter,
)
from xnorflow.sim.reference.kernels import KERNELS

__all__ = ["CONTRACT", "missing_parts"]

CONTRACT: Mapping[type[Layer], tuple[type[Node[Any]], ...]] = MappingProxyType(
    {
        StreamInput: (Input,),
        ThermometerUnit: (Thermometer,),
        Thresholding: (Threshold,),
        PadUnit: (Pad,),
        SlidingWindow: (),
        MVAU: (MatMul, Conv, Threshold),
        SparseMVAU: (MatMul, Conv, Threshold),
        UnrolledMVAU: (MatMul, Conv, Threshold),
        VVAU: (Depthwise, Threshold),
        PoolUnit: (MaxPool, SumPool),
        GlobalPoolUnit: (MaxPool, SumPool),
        UpsampleUnit: (Upsample,),
        Fork: (),
        AddUnit: (Add,),
        ConcatUnit: (Concat,),
        WidthConverter: (),
        Fifo: (),
        LabelSelect: (ArgMax,),
    }
)
"""Operations of the integer network that each layer computes; none where values pass unchanged."""


def missing_parts() -> Iterator[str]:
    """What the contract asks for and is not there, a sentence each.

    Examples
    --------
    >>> list(missing_parts())
    []
    """
    for layer in Dataflow.kinds:
        name = layer.__name__
        if layer not in CONTRACT:
            yield f"{name} has no row in CONTRACT"
        if layer not in COMPONENTS and layer is not StreamInput:  # the top level is its component
            yield f"{name} has no component in COMPONENTS"
        if layer not in TIMINGS:
            yield f"{name} has no timing in TIMINGS"
        if layer not in CONTROLS:
            yield f"{name} has no control in CONTROLS"
        if layer not in MEMORIES:
            yield f"{name} has no memory estimate in MEMORIES"
        if layer not in RESOURCES:
            yield f"{name} has no resource estimate in RESOURCES"
    for operations in CONTRACT.values():
        for operation in operations:
            if operation not in KERNELS:
                yield f"{operation.__name__} has no reference in KERNELS"
