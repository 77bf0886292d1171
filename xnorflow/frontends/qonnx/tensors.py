# SPDX-License-Identifier: Apache-2.0
"""Constants in an ONNX file as arrays, with every size checked before memory is taken."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import ModelFileError

if TYPE_CHECKING:
    from onnx import TensorProto

__all__ = ["MAX_ELEMENTS", "embed_external", "tensor_array", "tensor_label", "text"]

MAX_ELEMENTS = 1 << 26
"""Most elements of one constant."""

EXTERNAL = 1

TYPES: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        1: ("<f4", "float_data"),
        2: ("<u1", "int32_data"),
        3: ("<i1", "int32_data"),
        4: ("<u2", "int32_data"),
        5: ("<i2", "int32_data"),
        6: ("<i4", "int32_data"),
        7: ("<i8", "int64_data"),
        9: ("?", "int32_data"),
        10: ("<f2", "int32_data"),
        11: ("<f8", "double_data"),
        12: ("<u4", "uint64_data"),
        13: ("<u8", "uint64_data"),
    }
)
"""By ONNX's number of an element type: numpy's name, and the field for values that are not raw."""


def text(name: str | bytes) -> str:
    """``name``, which protobuf gives as bytes where it is no UTF-8."""
    return name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else name


def tensor_label(name: str) -> str:
    """``name`` for a message: in quotes, printable, not too long."""
    return ascii(name if len(name) <= 80 else name[:77] + "...")


def tensor_array(tensor: TensorProto) -> NDArray[Any]:
    """The values of ``tensor``, which must be in the file itself, in its own shape and type.

    Raises
    ------
    ModelFileError
        If its type is unknown, or the values are not as many as its shape says.
    """
    where = f"constant {tensor_label(text(tensor.name))}"
    shape, dtype, field = checked_type(tensor, where)
    size = math.prod(shape)
    if tensor.data_location == EXTERNAL:
        raise ModelFileError(f"{where} has its values in a file of their own inside a node")
    if tensor.HasField("raw_data"):
        check_count(len(tensor.raw_data), size * dtype.itemsize, "bytes", where)
        array: NDArray[Any] = np.frombuffer(tensor.raw_data, dtype).reshape(shape)
        return array
    values = getattr(tensor, field)
    check_count(len(values), size, "values", where)
    if dtype == np.float16:
        return np.array(values, np.int64).astype(np.uint16).view(np.float16).reshape(shape)
    array = np.array(values, np.int64 if field != "float_data" and dtype.kind != "f" else None)
    return array.astype(dtype).reshape(shape)


def checked_type(tensor: TensorProto, where: str) -> tuple[tuple[int, ...], np.dtype[Any], str]:
    """Shape, numpy's type and field of the values of ``tensor``."""
    if tensor.data_type not in TYPES:
        raise ModelFileError(f"{where} has the unknown element type {tensor.data_type}")
    shape = tuple(tensor.dims)
    if any(size < 0 for size in shape) or len(shape) > 8 or math.prod(shape) > MAX_ELEMENTS:
        raise ModelFileError(
            f"{where} must have at most 8 axes and {MAX_ELEMENTS} elements, "
            f"not the shape {shape_text(shape)}"
        )
    name, field = TYPES[tensor.data_type]
    return shape, np.dtype(name), field


def shape_text(shape: tuple[int, ...]) -> str:
    """``shape`` for a message, cut off where it is long."""
    shown = ", ".join(map(str, shape[:8]))
    return f"({shown}, ...)" if len(shape) > 8 else f"({shown})"


def check_count(got: int, want: int, what: str, where: str) -> None:
    """Refuse a constant whose values are not as many as its shape says."""
    if got != want:
        raise ModelFileError(f"{where} must have {want} {what} by its shape, and has {got}")


def embed_external(tensor: TensorProto, folder: Path) -> None:
    """Move values that ``tensor`` has in a file beside the model into ``tensor`` itself.

    Parameters
    ----------
    folder
        The folder of the model: nothing outside is read.

    Raises
    ------
    ModelFileError
        If the file is missing, too short, or outside the folder.
    """
    if tensor.data_location != EXTERNAL:
        return
    where = f"constant {tensor_label(text(tensor.name))}"
    shape, dtype, _ = checked_type(tensor, where)
    entries = {text(entry.key): text(entry.value) for entry in tensor.external_data}
    path = path_inside(folder, entries.get("location", ""), where)
    size = math.prod(shape) * dtype.itemsize
    offset = whole(entries.get("offset", "0"), where)
    length = whole(entries.get("length", str(size)), where)
    check_count(length, size, "bytes", where)
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(size)
    except (OSError, ValueError, OverflowError) as error:
        raise ModelFileError(f"{where} cannot be read from {path.name!a}: {error}") from error
    check_count(len(data), size, "bytes", where)
    tensor.ClearField("external_data")
    tensor.ClearField("data_location")
    tensor.raw_data = data


def path_inside(folder: Path, location: str, where: str) -> Path:
    """The regular file ``location`` in ``folder``, links followed."""
    shown = tensor_label(location)
    try:
        home, path = folder.resolve(), (folder / location).resolve()
        inside = path.is_relative_to(home) and not Path(location).is_absolute()
        regular = inside and path.is_file()
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelFileError(f"{where} names the impossible file {shown}") from error
    if not inside or ".." in Path(location).parts:
        raise ModelFileError(f"{where} must have its values beside the model, not in {shown}")
    if not regular:
        raise ModelFileError(f"{where} has its values in {shown}, which is no file there")
    return path


def whole(digits: str, where: str) -> int:
    """``digits`` as a whole number from 0."""
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise ModelFileError(f"{where} must have a whole offset and length, not {digits[:20]!a}")
    return int(digits)
