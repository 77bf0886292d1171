# SPDX-License-Identifier: Apache-2.0
"""The hardware form of a :class:`~xnorflow.ir.StreamType`."""

from __future__ import annotations

from amaranth.hdl import unsigned
from amaranth.lib import data, stream

from xnorflow.ir import Folding, StreamType

__all__ = ["beat_layout", "beat_signature", "tap_lanes"]


def beat_layout(stream_type: StreamType) -> data.Layout:
    """Layout of one beat: ``lanes`` codes, lane 0 least significant.

    With flags for 0 it is a structure: the codes in ``lanes``, the flags above them in ``zeros``.
    """
    lanes = data.ArrayLayout(unsigned(stream_type.element.width_bits), stream_type.lanes)
    if not stream_type.zero_flags:
        return lanes
    return data.StructLayout({"lanes": lanes, "zeros": unsigned(stream_type.zero_flags)})


def beat_signature(stream_type: StreamType) -> stream.Signature:
    """Signature of a stream of such beats.

    Lanes carry *codes* (see :mod:`xnorflow.ir.datatype`). ``valid`` never waits for ``ready``;
    the payload is stable until the transfer.
    """
    return stream.Signature(beat_layout(stream_type))


def tap_lanes(channel: int, folding: Folding) -> range:
    """Lanes with the taps of a beat's ``channel`` in windows of depthwise order, first tap first.

    Parameters
    ----------
    channel
        Below ``folding.pe``, the channels of a beat; it has ``folding.simd`` taps of each.
    """
    return range(channel, folding.pe * folding.simd, folding.pe)
