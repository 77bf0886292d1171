# SPDX-License-Identifier: Apache-2.0
"""Faults of a serial line: bytes that are lost, changed, doubled or made up, and resets."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from xnorflow.errors import ConfigError

__all__ = ["NO_FAULTS", "Faults", "FaultyLine"]


@dataclass(frozen=True, slots=True)
class Faults:
    """How often what happens, a byte; each in both directions.

    Parameters
    ----------
    drop, flip, repeat, insert
        Probability that a byte is lost, that one of its bits is flipped, that it comes twice, that
        a random byte comes after it.
    reset
        Probability that the device is reset while a byte is on its way to it.
    """

    drop: float = 0.0
    flip: float = 0.0
    repeat: float = 0.0
    insert: float = 0.0
    reset: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value <= 1:
                raise ConfigError(f"{field.name} must be a probability, not {value:g}")


NO_FAULTS = Faults()


class FaultyLine:
    """One direction of a line.

    Parameters
    ----------
    faults
        What happens how often.
    seed
        Of the generator that decides.

    Attributes
    ----------
    count
        Faults so far.
    """

    def __init__(self, faults: Faults, seed: int) -> None:
        self._faults = faults
        self._rng = np.random.default_rng(seed)
        self.count = 0

    def carry(self, octets: bytes) -> bytes:
        """``octets`` as they arrive."""
        if self._faults == NO_FAULTS:
            return octets
        return b"".join(self._carry(octet) for octet in octets)

    def resets_after(self, octets: bytes) -> int | None:
        """Number of bytes after which the device is reset, if it is while they come."""
        hits = np.flatnonzero(self._rng.random(len(octets)) < self._faults.reset)
        return int(hits[0]) if len(hits) else None

    def _carry(self, octet: int) -> bytes:
        drop, flip, repeat, insert = self._rng.random(4) < (
            self._faults.drop,
            self._faults.flip,
            self._faults.repeat,
            self._faults.insert,
        )
        self.count += int(drop) + int(flip) + int(repeat) + int(insert)
        changed = octet ^ (1 << int(self._rng.integers(8))) if flip else octet
        copies = bytes((changed,)) * (0 if drop else 2 if repeat else 1)
        return copies + (self._rng.bytes(1) if insert else b"")
