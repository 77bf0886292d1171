# SPDX-License-Identifier: Apache-2.0
"""Streams between layers, and the blocks that all layers are built with."""

from xnorflow.hw.streams.beats import beat_layout, beat_signature, tap_lanes
from xnorflow.hw.streams.counter import WrapCounter
from xnorflow.hw.streams.delay import delayed_bit
from xnorflow.hw.streams.skid_buffer import SKID_CYCLES, SkidBuffer

__all__ = [
    "SKID_CYCLES",
    "SkidBuffer",
    "WrapCounter",
    "beat_layout",
    "beat_signature",
    "delayed_bit",
    "tap_lanes",
]
