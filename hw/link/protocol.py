# SPDX-License-Identifier: Apache-2.0
"""The frames between host and device, as bytes: what the hardware speaks, in plain Python.

A frame is a body between two flags, in the manner of HDLC over asynchronous lines::

    flag | type | sequence | length (2) | payload (length) | check (4) | flag

Numbers are little-endian. In the body a byte that is :data:`FLAG` or :data:`ESCAPE` is sent as
:data:`ESCAPE` and the byte with bit 5 complemented, so that a flag is always the end of a frame,
whatever came before it. ``check`` is the CRC-32 of zlib over type to payload; where a frame is
about an image, a result or weights it is combined by exclusive OR with the key of the design, so
that devices and hosts with different designs take nothing from each other.

References
----------
RFC 1662, PPP in HDLC-like Framing, sections 3 and 4.2, and appendix C.3 for the residue of the CRC.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

__all__ = [
    "CHECK_BYTES",
    "CHUNK_NUMBER_BYTES",
    "ESCAPE",
    "ESCAPE_MASK",
    "FLAG",
    "HEADER_BYTES",
    "LATENCY_BYTES",
    "MAX_PAYLOAD_BYTES",
    "PROTOCOL_VERSION",
    "Frame",
    "FrameDecoder",
    "FrameType",
    "encode_frame",
    "residue",
]

PROTOCOL_VERSION = 1

FLAG = 0x7E
ESCAPE = 0x7D
ESCAPE_MASK = 0x20

HEADER_BYTES = 4
CHECK_BYTES = 4
LATENCY_BYTES = 4
"""Before the result itself: clock cycles as :attr:`FrameType.RESULT` says."""

CHUNK_NUMBER_BYTES = 2
"""The number of a chunk of weights, before its words, and in :attr:`FrameType.LOADED`."""

MAX_PAYLOAD_BYTES = 0xFFFF

CRC_POLYNOMIAL = 0xEDB88320
"""CRC-32 of IEEE 802.3, bits reversed."""

GOOD_RESIDUE = 0xDEBB20E3
"""Register after a frame and its check, before the final complement."""


class FrameType(IntEnum):
    """What a frame says.

    Attributes
    ----------
    IDENTIFY
        Host: who is there? No payload. Answered when all requests before it have been.
    INFER
        Host: an image.
    LOAD
        Host: a chunk of weights (see :func:`~xnorflow.hw.link.weight_chunks.weight_chunks`). It is
        taken only if it is the one that the device expects.
    IDENTITY
        Device: :class:`~xnorflow.hw.link.identity.LinkIdentity`.
    RESULT
        Device: clock cycles from the first beat of the image that the accelerator took to the
        first beat of its output, then the output.
    DAMAGED
        Device: a frame came that was no whole frame; its sequence number may be wrong.
    BUSY
        Device: the image or chunk with this sequence number came while the buffer was in use.
    LOADED
        Device: the number of the chunk that it expects next, after a chunk, whether it was taken or
        not, and in place of a result while weights are missing. The number of chunks in all if it
        has them.
    """

    IDENTIFY = 0x01
    INFER = 0x02
    LOAD = 0x03
    IDENTITY = 0x81
    RESULT = 0x82
    DAMAGED = 0x83
    BUSY = 0x84
    LOADED = 0x85

    @property
    def is_keyed(self) -> bool:
        """Whether the check is combined with the key of the design."""
        return self in KEYED


KEYED = (FrameType.INFER, FrameType.RESULT, FrameType.LOAD, FrameType.LOADED)


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame.

    Parameters
    ----------
    type
        What it says.
    sequence
        Number of the request, 0 to 255; an answer has that of its request.
    payload
        At most :data:`MAX_PAYLOAD_BYTES` bytes.
    """

    type: FrameType
    sequence: int
    payload: bytes = b""


def encode_frame(frame: Frame, key: int) -> bytes:
    """``frame`` as it is sent, with both flags.

    Parameters
    ----------
    key
        Of the design, 32 bits.

    Examples
    --------
    >>> encode_frame(Frame(FrameType.IDENTIFY, 0x7E), key=0).hex(" ")
    '7e 01 7d 5e 00 00 23 fd 97 c7 7e'
    """
    length = len(frame.payload).to_bytes(2, "little")
    body = bytes((frame.type, frame.sequence)) + length + frame.payload
    check = zlib.crc32(body) ^ (key if frame.type.is_keyed else 0)
    return bytes((FLAG, *stuffed(body + check.to_bytes(CHECK_BYTES, "little")), FLAG))


def stuffed(body: bytes) -> Iterator[int]:
    """The bytes of ``body`` as they are sent."""
    for byte in body:
        if byte in (FLAG, ESCAPE):
            yield from (ESCAPE, byte ^ ESCAPE_MASK)
        else:
            yield byte


def residue(key: int) -> int:
    """The CRC register after a frame whose check was combined with ``key``.

    Examples
    --------
    >>> hex(residue(0))
    '0xdebb20e3'
    """
    register = key
    for _ in range(8 * CHECK_BYTES):
        register = (register >> 1) ^ (CRC_POLYNOMIAL if register & 1 else 0)
    return GOOD_RESIDUE ^ register


class FrameDecoder:
    """Finds frames in a stream of bytes.

    Parameters
    ----------
    key
        Of the design, 32 bits.

    Attributes
    ----------
    damaged
        Number of bodies between flags that were no frames.
    """

    def __init__(self, key: int) -> None:
        self.damaged = 0
        self._key = key
        self._body = bytearray()
        self._started = False

    def feed(self, octets: bytes) -> Iterator[Frame]:
        """The frames that end within ``octets``; what comes before the first flag is ignored."""
        *ended, rest = octets.split(bytes((FLAG,)))
        for part in ended:
            body = bytes(self._body) + part
            self._body.clear()
            if self._started and body:
                frame = decoded(body, self._key)
                if frame is None:
                    self.damaged += 1
                else:
                    yield frame
            self._started = True
        self._body += rest


def decoded(body: bytes, key: int) -> Frame | None:
    """The frame in ``body``, as it came between two flags; None if it is none."""
    plain = unstuffed(body)
    if plain is None or len(plain) < HEADER_BYTES + CHECK_BYTES:
        return None
    content, check = plain[:-CHECK_BYTES], int.from_bytes(plain[-CHECK_BYTES:], "little")
    if content[0] not in frozenset(FrameType):
        return None
    kind = FrameType(content[0])
    if check != zlib.crc32(content) ^ (key if kind.is_keyed else 0):
        return None
    payload = content[HEADER_BYTES:]
    if int.from_bytes(content[2:HEADER_BYTES], "little") != len(payload):
        return None
    return Frame(kind, content[1], payload)


def unstuffed(body: bytes) -> bytes | None:
    """``body`` with its escaped bytes as they were; None if it ends with an escape."""
    head, *escaped = body.split(bytes((ESCAPE,)))
    if not all(escaped):
        return None
    return head + b"".join(bytes((part[0] ^ ESCAPE_MASK,)) + part[1:] for part in escaped)
