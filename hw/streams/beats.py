# SPDX-License-Identifier: Apache-2.0
"""The hardware form of a :class:`~xnorflow.ir.StreamType`."""

from __future__ import annotations

from amaranth.hdl import unsigned
from amaranth.lib import data, stream

from xnorflow.ir import StreamType

__all__ = ["beat_layout", "beat_signature"]


def beat_layout(stream_type: StreamType) -> data.ArrayLayout:
    """Layout of one beat: ``lanes`` codes, lane 0 least significant."""
    return data.ArrayLayout(unsigned(stream_type.element.width_bits), stream_type.lanes)


def beat_signature(stream_type: StreamType) -> stream.Signature:
    """Signature of a stream of such beats.

    Lanes carry *codes* (see :mod:`xnorflow.ir.datatype`). ``valid`` never waits for ``ready``;
    the payload is stable until the transfer.
    """
    return stream.Signature(beat_layout(stream_type))
