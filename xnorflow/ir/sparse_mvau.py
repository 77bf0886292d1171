# SPDX-License-Identifier: Apache-2.0
"""The matrix-vector-activation unit that skips tiles of zero weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir.datatype import BIPOLAR, DataType
from xnorflow.ir.node import frozen_array
from xnorflow.ir.streams import Folding
from xnorflow.ir.units import MVAU, mvau_fields

__all__ = ["SparseMVAU", "kept_tiles"]


def kept_tiles(weights: NDArray[np.int8], folding: Folding) -> NDArray[np.int64]:
    """The tiles that must be kept: all with a weight that is not 0, and one of every neuron fold.

    Parameters
    ----------
    weights
        Shape ``(mh, mw)``.
    folding
        Shape of a tile: ``pe`` neurons, ``simd`` inputs.

    Returns
    -------
    numpy.ndarray
        Shape ``(tiles, 2)``: neuron fold and input beat of each, in ascending order.

    Examples
    --------
    >>> kept_tiles(np.array([[0, 0, 1, 0], [0, 0, 0, 0]]), Folding(pe=1, simd=2)).tolist()
    [[0, 1], [1, 0]]
    """
    mh, mw = weights.shape
    # First along rows, which lie side by side.
    lanes = np.any(weights.reshape(mh // folding.pe, folding.pe, mw), axis=1)
    kept = np.any(lanes.reshape(-1, mw // folding.simd, folding.simd), axis=2)
    kept[~np.any(kept, axis=1), 0] = True
    return np.argwhere(kept)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SparseMVAU(MVAU):
    """An MVAU that neither stores nor visits tiles of zeros.

    A *tile* is what the weights of a cycle are: those of a fold of ``pe`` neurons for a beat of
    ``simd`` inputs. The layer computes what an :class:`~xnorflow.ir.MVAU` of the same weights
    does, but takes a cycle for each tile that is kept, not for each tile that there is.

    Parameters
    ----------
    tiles
        Shape ``(kept, 2)``: neuron fold and input beat of each tile that is kept, in ascending
        order, at least one of every fold. All other weights are 0.
    tile_type
        Type in which the kept weights are stored and multiplied. Where all of them are -1 or +1
        it may be ``BIPOLAR``, although ``weight_type`` has a 0. A fold without any weight but 0 is
        *idle*: its tiles are never used, and may be of a type without 0 if the layer has
        thresholds.
    """

    mnemonic: ClassVar[str] = "sparse_mvau"

    tiles: NDArray[np.int64]
    tile_type: DataType

    def __post_init__(self) -> None:
        MVAU.__post_init__(self)  # without arguments, super() does not find a slotted class
        object.__setattr__(self, "tiles", frozen_array(self.tiles, np.int64, 2))
        self._check_tiles()
        self._check_tile_type()

    @classmethod
    def of(cls, layer: MVAU) -> SparseMVAU:
        """``layer`` with the fewest tiles, in bits if they can be."""
        tiles = kept_tiles(layer.weights, layer.folding)
        live = live_tiles(layer, tiles)
        idle = len(np.unique(live[:, 0])) < layer.nf
        in_bits = BIPOLAR.contains(weights_of(layer, live)) and not (idle and layer.table is None)
        return cls(
            **mvau_fields(layer),
            tiles=tiles,
            tile_type=BIPOLAR if in_bits else layer.weight_type,
        )

    def _check_tiles(self) -> None:
        order = self.tiles @ np.array([self.sf, 1]) if self.tiles.shape[1] == 2 else None
        if (
            order is None
            or not ((self.tiles >= 0) & (self.tiles < (self.nf, self.sf))).all()
            or not (np.diff(order) > 0).all()
        ):
            raise self.fail(
                f"tiles must be pairs of a fold below nf={self.nf} and a beat below sf={self.sf}, "
                "in ascending order"
            )
        if not self.tiles_per_fold.all():
            raise self.fail("every neuron fold must keep a tile")
        if np.count_nonzero(weights_of(self, self.tiles)) != np.count_nonzero(self.weights):
            raise self.fail("weights in tiles that are not kept must be 0")

    def _check_tile_type(self) -> None:
        if not self.tile_type.contains(weights_of(self, live_tiles(self, self.tiles))):
            raise self.fail(f"weights in kept tiles must be values of {self.tile_type}")
        if self.table is None and self.unused_folds.any():
            raise self.fail(
                f"without thresholds, a fold of zeros must be stored with a 0, not as "
                f"{self.tile_type}"
            )

    @property
    def kept(self) -> int:
        """Number of tiles that are kept."""
        return len(self.tiles)

    @property
    def tiles_per_fold(self) -> NDArray[np.int64]:
        """Shape ``(nf,)``: tiles that each neuron fold keeps."""
        return np.bincount(self.tiles[:, 0], minlength=self.nf)

    @property
    def unused_folds(self) -> NDArray[np.bool_]:
        """Shape ``(nf,)``: folds of zeros whose tiles hold something else, for want of a 0."""
        if self.tile_type.contains(np.array([0])):
            return np.zeros(self.nf, np.bool_)
        return np.asarray(~self.weights.reshape(self.nf, -1).any(axis=1))

    @property
    def stored_weights(self) -> NDArray[np.int8]:
        """Shape ``(mh, mw)``: the weights, with what is stored for those of unused folds."""
        unused = self.unused_folds
        if not unused.any():
            return self.weights
        stored = self.weights.copy()
        tiles = self.tiles[unused[self.tiles[:, 0]]]
        tiled(stored, self.folding)[tiles[:, 0], :, tiles[:, 1]] = self.tile_type.min
        return stored


def tiled(weights: NDArray[np.int8], folding: Folding) -> NDArray[np.int8]:
    """A view of ``weights`` with the axes fold, neuron of the fold, beat, lane."""
    mh, mw = weights.shape
    return weights.reshape(mh // folding.pe, folding.pe, mw // folding.simd, folding.simd)


def weights_of(layer: MVAU, tiles: NDArray[np.int64]) -> NDArray[np.int8]:
    """Shape ``(len(tiles), pe, simd)``: the weights of ``layer`` in ``tiles``."""
    return tiled(layer.weights, layer.folding)[tiles[:, 0], :, tiles[:, 1]]


def live_tiles(layer: MVAU, tiles: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of ``tiles`` whose fold has a weight that is not 0."""
    has_weights = np.asarray(layer.weights.reshape(layer.nf, -1).any(axis=1))
    return tiles[has_weights[tiles[:, 0]]]
