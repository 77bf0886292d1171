# SPDX-License-Identifier: Apache-2.0
"""Who is at the other end of the link: the device's answer, and what a host expects."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from xnorflow.errors import GraphError
from xnorflow.hw.link.protocol import LATENCY_BYTES, MAX_PAYLOAD_BYTES, PROTOCOL_VERSION
from xnorflow.hw.top import padded_width_bits
from xnorflow.ir import Dataflow, StreamType, graph_digest

__all__ = ["IDENTITY_BYTES", "LinkIdentity", "frame_bytes", "link_key"]

LAYOUT = struct.Struct("<B8sHHI")
IDENTITY_BYTES = LAYOUT.size
DESIGN_DIGITS = 16
KEY_DIGITS = 8


@dataclass(frozen=True, slots=True)
class LinkIdentity:
    """What a device says of itself.

    Parameters
    ----------
    version
        Version of the protocol.
    design
        The first 16 hexadecimal digits of the SHA-256 of the dataflow graph.
    image_bytes, result_bytes
        Length of an image and of a result, as they are sent.
    clock_hz
        Clock of the accelerator.
    """

    version: int
    design: str
    image_bytes: int
    result_bytes: int
    clock_hz: int

    @classmethod
    def of(cls, dataflow: Dataflow, clock_hz: int) -> LinkIdentity:
        """The identity of the accelerator for ``dataflow``.

        Raises
        ------
        GraphError
            If an image or a result is too long for a frame.
        """
        source, result = (dataflow.types[end.name] for end in (dataflow.input, dataflow.output))
        return cls(
            version=PROTOCOL_VERSION,
            design=graph_digest(dataflow)[:DESIGN_DIGITS],
            image_bytes=checked_length("an image", frame_bytes(source), MAX_PAYLOAD_BYTES),
            result_bytes=checked_length(
                "a result", frame_bytes(result), MAX_PAYLOAD_BYTES - LATENCY_BYTES
            ),
            clock_hz=clock_hz,
        )

    def to_bytes(self) -> bytes:
        """As the payload of a frame."""
        return LAYOUT.pack(
            self.version,
            bytes.fromhex(self.design),
            self.image_bytes,
            self.result_bytes,
            self.clock_hz,
        )

    @classmethod
    def from_bytes(cls, payload: bytes) -> LinkIdentity:
        """The inverse of :meth:`to_bytes`; ``payload`` has :data:`IDENTITY_BYTES` bytes."""
        version, design, *numbers = LAYOUT.unpack(payload)
        return cls(version, design.hex(), *numbers)


def frame_bytes(stream: StreamType) -> int:
    """Bytes of a frame of ``stream`` on the link: each beat as its ``tdata``, low byte first."""
    return stream.beats_per_frame * padded_width_bits(stream) // 8


def link_key(dataflow: Dataflow) -> int:
    """The key with which checks of images and results are combined, 32 bits of the SHA-256.

    They are others than those of :attr:`LinkIdentity.design`.
    """
    return int(graph_digest(dataflow)[DESIGN_DIGITS : DESIGN_DIGITS + KEY_DIGITS], 16)


def checked_length(what: str, length: int, most: int) -> int:
    """``length`` if a frame has room for it."""
    if length > most:
        raise GraphError(f"the link carries {what} of at most {most:,} bytes, not {length:,}")
    return length
