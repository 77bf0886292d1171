# SPDX-License-Identifier: Apache-2.0
"""The DFU suffix, as dfu-util checks it (its ``dfu_file.c``)."""

from __future__ import annotations

import struct

import pytest

from xnorflow.bitstreams.dfu import SUFFIX_BYTES, with_dfu_suffix


def crc_of(data: bytes) -> int:
    """CRC-32 bit by bit, from all ones, not complemented at the end."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0xEDB88320 if register & 1 else 0)
    return register


@pytest.mark.parametrize("data", [b"", b"\x00", bytes(range(256)) * 5])
def test_the_suffix_is_what_dfu_util_expects(data: bytes) -> None:
    file = with_dfu_suffix(data, 0x1209, 0x5AF0)
    assert file[: len(data)] == data
    suffix = file[len(data) :]
    assert len(suffix) == SUFFIX_BYTES == suffix[11]
    assert suffix[8:11] == b"UFD"
    assert struct.unpack("<HHHH", suffix[:8]) == (0xFFFF, 0x5AF0, 0x1209, 0x0100)
    assert int.from_bytes(suffix[12:], "little") == crc_of(file[:-4])
