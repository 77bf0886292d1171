# SPDX-License-Identifier: Apache-2.0
"""Pauses of source and sink, from a seed: the same ones in every engine that runs Verilog.

Whether an end pauses in a cycle depends on the seed and the cycle alone, not on the design::

    mix(x)      = the finaliser of MurmurHash3, on 32 bits
    key(end)    = mix(2 * seed + end)            end: 0 source, 1 sink
    pause(c)    = mix(key + c mod 2**32) >> 24 < probability

A source that offers a beat keeps offering it until it is taken, as AXI4-Stream demands; a pause
only delays the next one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import ConfigError

__all__ = ["NO_STALLS", "Stalls"]

MAX_SEED = 2**31 - 1
ALWAYS = 256


@dataclass(frozen=True, slots=True)
class Stalls:
    """How often the two ends of an accelerator pause.

    Parameters
    ----------
    seed
        0 to 2**31 - 1.
    source_probability, sink_probability
        Chance that the source does not offer its next beat, and that the sink is not ready, in a
        cycle; in 1/256, 0 to 255.

    Examples
    --------
    >>> Stalls(seed=1, sink_probability=128).sink_goes(8).astype(int).tolist()
    [1, 0, 0, 0, 1, 0, 1, 0]
    """

    seed: int
    source_probability: int = 96
    sink_probability: int = 96

    def __post_init__(self) -> None:
        if not 0 <= self.seed <= MAX_SEED:
            raise ConfigError(f"seed of the stalls must be 0..{MAX_SEED}, not {self.seed}")
        for name in ("source_probability", "sink_probability"):
            value = getattr(self, name)
            if not 0 <= value < ALWAYS:
                raise ConfigError(f"{name} must be 0..{ALWAYS - 1} (in 1/{ALWAYS}), not {value}")

    @property
    def source_key(self) -> int:
        """Key of the source's pauses."""
        return mix(2 * self.seed)

    @property
    def sink_key(self) -> int:
        """Key of the sink's pauses."""
        return mix(2 * self.seed + 1)

    def source_goes(self, cycles: int) -> NDArray[np.bool_]:
        """Whether the source may offer a new beat, in each of the first ``cycles`` cycles."""
        return goes(self.source_key, self.source_probability, cycles)

    def sink_goes(self, cycles: int) -> NDArray[np.bool_]:
        """Whether the sink is ready, in each of the first ``cycles`` cycles."""
        return goes(self.sink_key, self.sink_probability, cycles)


NO_STALLS = Stalls(seed=0, source_probability=0, sink_probability=0)
"""Both ends always go."""


def mix(x: int) -> int:
    """The finaliser of MurmurHash3 (A. Appleby, public domain) on 32 bits: mixes all of them."""
    x = ((x ^ (x >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    x = ((x ^ (x >> 13)) * 0xC2B2AE35) & 0xFFFFFFFF
    return x ^ (x >> 16)


def goes(key: int, probability: int, cycles: int) -> NDArray[np.bool_]:
    """False in the cycles in which an end pauses; shape ``(cycles,)``."""
    draws = [mix((key + cycle) & 0xFFFFFFFF) >> 24 for cycle in range(cycles)]
    return np.array(draws, np.int64) >= probability
