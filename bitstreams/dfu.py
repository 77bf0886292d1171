# SPDX-License-Identifier: Apache-2.0
"""The suffix of files for USB's device firmware upgrade (DFU 1.1, appendix B)."""

from __future__ import annotations

import struct
import zlib

__all__ = ["SUFFIX_BYTES", "with_dfu_suffix"]

SUFFIX_BYTES = 16
ANY_RELEASE = 0xFFFF
DFU_SPECIFICATION = 0x0100
"""The suffix of version 1.0 is that of 1.1."""


def with_dfu_suffix(data: bytes, vendor: int, product: int) -> bytes:
    """``data`` and its suffix, for devices of this USB ``vendor`` and ``product``.

    All numbers are little-endian: release of the device (any), product, vendor, release of the
    specification, the letters ``UFD``, length of the suffix, and a CRC-32 of all bytes before it.
    That is IEEE 802.3's, its last complement left out.

    Examples
    --------
    >>> with_dfu_suffix(b"", 0x1209, 0x5AF0)[:12].hex(" ")
    'ff ff f0 5a 09 12 00 01 55 46 44 10'
    """
    head = struct.pack(
        "<HHHH3sB", ANY_RELEASE, product, vendor, DFU_SPECIFICATION, b"UFD", SUFFIX_BYTES
    )
    return data + head + struct.pack("<I", zlib.crc32(data + head) ^ 0xFFFFFFFF)
