# SPDX-License-Identifier: Apache-2.0
"""The weights that an accelerator gets after reset, as its port ``s_axis_weights`` takes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.layers.weight_memory import is_loaded, weight_word_bits, weight_words
from xnorflow.hw.passes.rewrite import layers_of
from xnorflow.hw.primitives import SPRAM_WIDTH_BITS
from xnorflow.ir import MVAU, VVAU, Dataflow

__all__ = ["LOAD_FILE", "load_file_text", "load_words", "loaded_layers"]

LOAD_FILE = "weights.mem"
"""Name of the file with the words of :func:`load_words`."""


def loaded_layers(dataflow: Dataflow) -> list[MVAU | VVAU]:
    """The layers whose weights are loaded, in the order in which they are."""
    layers = (layer for layer in layers_of(dataflow) if isinstance(layer, MVAU | VVAU))
    return [layer for layer in layers if is_loaded(layer)]


def load_words(dataflow: Dataflow) -> NDArray[np.uint16]:
    """All that is to be loaded, in order.

    Layer by layer in the order of the graph; of a layer the words of its weight memory
    (:func:`~xnorflow.hw.layers.weight_memory.weight_words`) from address 0 on; of a word parts of
    16 bits, the low one first, the last one filled up with zeros.

    Returns
    -------
    numpy.ndarray
        Shape ``(parts,)``; empty if nothing is to be loaded.
    """
    parts = [layer_words(layer) for layer in loaded_layers(dataflow)]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint16)


def layer_words(layer: MVAU | VVAU) -> NDArray[np.uint16]:
    """The parts of one layer."""
    octets = -(-weight_word_bits(layer) // SPRAM_WIDTH_BITS) * SPRAM_WIDTH_BITS // 8
    words = b"".join(word.to_bytes(octets, "little") for word in weight_words(layer))
    return np.frombuffer(words, "<u2").astype(np.uint16)


def load_file_text(dataflow: Dataflow) -> str:
    """The words as ``$readmemh`` reads them, one a line."""
    return "".join(f"{word:04x}\n" for word in load_words(dataflow).tolist())
