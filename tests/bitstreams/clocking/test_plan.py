# SPDX-License-Identifier: Apache-2.0
"""Clocks, against a search that tries every divider."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product

import pytest

from xnorflow.bitstreams.boards import BOARDS, Board
from xnorflow.bitstreams.clocking import TOLERANCE, plan_clock
from xnorflow.bitstreams.clocking.plan import SEARCHES, frequencies
from xnorflow.errors import ConfigError
from xnorflow.hw.families import Device

ODIV = (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)


def ice40_outputs(mhz: Fraction) -> Iterator[Fraction]:
    """By the formulas and limits of IceStorm's icepll."""
    for divr, divf, divq in product(range(16), range(128), range(1, 7)):
        pfd = mhz / (divr + 1)
        vco = pfd * (divf + 1)
        if 10 <= pfd <= 133 and 533 <= vco <= 1066 and 16 <= vco / 2**divq <= 275:
            yield vco / 2**divq


def ecp5_outputs(mhz: Fraction) -> Iterator[Fraction]:
    """By the formulas of Trellis' ecppll, its mode "highres", and the limits of the data sheet."""
    for clki, clkfb in product(range(1, 129), range(1, 81)):
        pfd = mhz / clki
        if not (10 <= pfd <= 400 and Fraction(25, 8) <= pfd * clkfb <= 400):
            continue
        for clkop in range(1, 129):
            vco = pfd * clkfb * clkop
            if 400 <= vco <= 800:
                yield from (
                    vco / clkos for clkos in range(1, 129) if Fraction(25, 8) <= vco / clkos <= 400
                )


def gowin_outputs(mhz: Fraction) -> Iterator[Fraction]:
    """By the formulas and limits of Apicula's gowin_pll for GW1NR-9 C6/I5."""
    for idiv, fbdiv, odiv in product(range(64), range(64), ODIV):
        pfd = mhz / (idiv + 1)
        output = pfd * (fbdiv + 1)
        if 3 <= pfd <= 400 and Fraction(25, 8) <= output <= 600 and 400 <= output * odiv <= 1200:
            yield output


INDEPENDENT = {
    Device.ICE40: ice40_outputs,
    Device.ECP5: ecp5_outputs,
    Device.GOWIN: gowin_outputs,
}


def different_oscillators() -> list[Board]:
    return list({(b.device, b.oscillator_hz): b for b in BOARDS.values()}.values())


@pytest.mark.parametrize("board", different_oscillators(), ids=lambda board: board.name)
def test_all_frequencies_are_found_and_no_others(board: Board) -> None:
    oscillator = Fraction(board.oscillator_hz, 1_000_000)
    expected = {*INDEPENDENT[board.device](oscillator), oscillator}
    assert {hz / 1_000_000 for hz in frequencies(board)} == expected


@pytest.mark.parametrize("board", different_oscillators(), ids=lambda board: board.name)
@pytest.mark.parametrize("mhz", [18, 30, 33.3, 48, 50, 66.6, 100, 133])
def test_the_nearest_frequency_is_taken(board: Board, mhz: float) -> None:
    plan = plan_clock(board, mhz)
    nearest = min(abs(float(hz) / 1e6 - mhz) for hz in frequencies(board))
    assert abs(plan.mhz - mhz) == pytest.approx(nearest, abs=1e-9)
    assert abs(plan.hz - plan.requested_hz) <= TOLERANCE * plan.requested_hz


@pytest.mark.parametrize("board", BOARDS.values(), ids=lambda board: board.name)
def test_the_oscillator_goes_straight_through(board: Board) -> None:
    plan = plan_clock(board, board.oscillator_hz / 1e6)
    assert (plan.pll, plan.hz) == (None, board.oscillator_hz)


@pytest.mark.parametrize("board", BOARDS.values(), ids=lambda board: board.name)
def test_the_default_clock_is_exact(board: Board) -> None:
    assert plan_clock(board, board.default_clock_mhz).mhz == board.default_clock_mhz


def test_dividers_of_icepll() -> None:
    """icepll -i 12 -o 60 gives DIVR 0, DIVF 79, DIVQ 4, FILTER_RANGE 1."""
    plan = plan_clock(BOARDS["icebreaker"], 60)
    assert plan.pll is not None
    assert plan.pll.dividers == {"DIVR": 0, "DIVF": 79, "DIVQ": 4, "FILTER_RANGE": 1}


@pytest.mark.parametrize("board", different_oscillators(), ids=lambda board: board.name)
def test_frequencies_are_those_of_the_dividers(board: Board) -> None:
    for pll in SEARCHES[board.device](board.oscillator_hz):
        d = pll.dividers
        if board.device is Device.ICE40:
            pfd = Fraction(board.oscillator_hz, d["DIVR"] + 1)
            vco, output = pfd * (d["DIVF"] + 1), pfd * (d["DIVF"] + 1) / 2 ** d["DIVQ"]
        elif board.device is Device.ECP5:
            pfd = Fraction(board.oscillator_hz, d["CLKI_DIV"])
            vco = pfd * d["CLKFB_DIV"] * d["CLKOP_DIV"]
            output = vco / d["CLKOS_DIV"]
        else:
            pfd = Fraction(board.oscillator_hz, d["IDIV_SEL"] + 1)
            output = pfd * (d["FBDIV_SEL"] + 1)
            vco = output * d["ODIV_SEL"]
        assert (pll.pfd_hz, pll.vco_hz, pll.output_hz) == (pfd, vco, output)


@pytest.mark.parametrize(
    ("board", "mhz", "message"),
    [
        ("icebreaker", 14, r" 14 MHz from its 12 MHz; nearest: 12 MHz and 16\.125 MHz$"),
        ("icebreaker", 300, r"nearest: 270 MHz$"),
        ("ulx3s-25f", 1, r"nearest: 3\.125 MHz$"),
        ("icebreaker", 0, r"^clock_mhz must be positive, not 0$"),
        ("icebreaker", float("nan"), r"^clock_mhz must be positive, not nan$"),
    ],
)
def test_a_clock_out_of_reach_names_the_nearest(board: str, mhz: float, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan_clock(BOARDS[board], mhz)
