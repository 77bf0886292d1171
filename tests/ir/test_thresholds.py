# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from xnorflow.errors import GraphError
from xnorflow.ir import BIPOLAR, TERNARY, DataType, ThresholdTable, int_type, uint_type

BYTE = uint_type(8)


def table(
    values: object, descending: object = (False,), base: int = 0, output: DataType = BYTE
) -> ThresholdTable:
    return ThresholdTable(np.array(values), np.array(descending), base, output)


def test_properties() -> None:
    made = table([[1, 2, 2], [-5, 0, 9]], [True, False])
    assert (made.rows, made.levels) == (2, 3)
    assert made.fits(2)
    assert not made.fits(1)
    assert not made.fits(3)
    assert str(made) == "UINT8[2x3] from 0"
    assert made.values.dtype == np.int64
    assert made.descending.dtype == np.bool_


def test_one_row_fits_any_number_of_channels() -> None:
    assert all(table([[1, 2]]).fits(channels) for channels in (1, 2, 100))


def test_constants_are_copied_and_read_only() -> None:
    values = np.array([[1, 2]])
    made = ThresholdTable(values, np.array([False]), 0, uint_type(2))
    values[0, 0] = -7
    assert made.values[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        made.values[0, 0] = 3


@pytest.mark.parametrize(
    ("base", "output", "levels"),
    [
        (-1, BIPOLAR, 1),
        (-1, TERNARY, 2),
        (0, TERNARY, 1),
        (0, uint_type(8), 255),
        (-8, int_type(4), 15),
    ],
)
def test_results_that_fit(base: int, output: DataType, levels: int) -> None:
    assert table([range(levels)], base=base, output=output).levels == levels


def test_thresholds_at_the_ends_of_int64_ascend() -> None:
    ends = np.iinfo(np.int64)
    assert table([[ends.min, 0, ends.max]]).levels == 3
    with pytest.raises(GraphError, match=r"^thresholds must ascend along a row, row 0 does not$"):
        table([[ends.max, ends.min]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"values": np.zeros((1, 0))},
            r"^a threshold table must have 1\.\.255 levels, not 0$",
        ),
        (
            {"values": np.zeros((1, 256))},
            r"^a threshold table must have 1\.\.255 levels, not 256$",
        ),
        ({"values": [1, 2]}, r"^a constant must have 2 axes, not shape \(2,\)$"),
        ({"values": [[0.5]]}, r"^a constant must hold values of int64, not float64 ones$"),
        ({"values": [[1], [2]]}, r"^descending must have shape \(2,\), not \(1,\)$"),
        (
            {"values": [[1, 2], [2, 1]], "descending": [False, False]},
            r"^thresholds must ascend along a row, row 1 does not$",
        ),
        (
            {"values": [[1, 2, 3, 4]], "output": uint_type(2)},
            r"^results 0\.\.4 must be values of UINT2$",
        ),
        (
            {"values": [[1, 2]], "base": -1, "output": BIPOLAR},
            r"^results -1\.\.3 must be values of BIPOLAR$",
        ),
        ({"values": [[1]], "output": BIPOLAR}, r"^results 0\.\.2 must be values of BIPOLAR$"),
        (
            {"values": [[1]], "descending": [2]},
            r"^a constant must hold values of bool, not int64 ones$",
        ),
    ],
)
def test_tables_that_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        table(**arguments)
