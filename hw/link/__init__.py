# SPDX-License-Identifier: Apache-2.0
"""The link between host and accelerator over a UART or SPI: protocol and hardware."""

from xnorflow.hw.link.baud import DEFAULT_BAUD, cycles_per_bit
from xnorflow.hw.link.identity import LinkIdentity, link_key
from xnorflow.hw.link.line import Line, LineKind, Spi, Uart
from xnorflow.hw.link.linked_accelerator import (
    LINKED_TOP_NAME,
    LinkedAccelerator,
    host_link_verilog,
)
from xnorflow.hw.link.protocol import Frame, FrameDecoder, FrameType, encode_frame
from xnorflow.hw.link.spi import max_sck_hz
from xnorflow.hw.link.weight_chunks import weight_chunks

__all__ = [
    "DEFAULT_BAUD",
    "LINKED_TOP_NAME",
    "Frame",
    "FrameDecoder",
    "FrameType",
    "Line",
    "LineKind",
    "LinkIdentity",
    "LinkedAccelerator",
    "Spi",
    "Uart",
    "cycles_per_bit",
    "encode_frame",
    "host_link_verilog",
    "link_key",
    "max_sck_hz",
    "weight_chunks",
]
