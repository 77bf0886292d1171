# SPDX-License-Identifier: Apache-2.0
"""Lowering: from a quantised PyTorch network to exact integers.

The network is run once to see its layers and what they read. Then, along them, every value is known
by its integers and a power-of-two scale: what PyTorch computes is ``scale * integer``, exactly.
Layers with weights become :class:`~xnorflow.ir.MatMul`, :class:`~xnorflow.ir.Conv` or
:class:`~xnorflow.ir.Depthwise`. Elementwise modules wait until a quantiser comes; all of them
together become one :class:`~xnorflow.ir.Threshold`, found by asking them
(:mod:`xnorflow.ir.ask`). Whatever cannot be exact is refused.
"""

from __future__ import annotations

import torch
from torch import nn

from xnorflow.errors import LoweringError
from xnorflow.ir import Network
from xnorflow.quant.lowering.calls import evaluation_mode
from xnorflow.quant.lowering.kinds import KINDS, is_layer
from xnorflow.quant.lowering.record import record
from xnorflow.quant.lowering.walk import Walk

__all__ = ["KINDS", "lower"]


def lower(model: nn.Module, image_shape: tuple[int, int, int] | None = None) -> Network:
    """The integer network that computes what ``model`` computes, exactly.

    Parameters
    ----------
    model
        Modules of the kinds in :data:`KINDS`, in any order that has an integer form, with forks
        and joins. It takes pixels ``u / 256`` of shape ``(n, channels, height, width)`` and gives
        one score for each class. Neither its parameters nor its mode are changed; it is asked in
        evaluation mode.
    image_shape
        ``(height, width, channels)``; by default ``model.image_shape``.

    Returns
    -------
    Network
        The ``origin`` of its nodes is the path of the PyTorch module, with ``:2`` behind it for
        the second call of one module; ``PATH.add()`` or ``PATH.cat()`` for a sum or
        concatenation in the ``forward`` of the module at PATH. Names of nodes:

        ==============================  =======================================================
        ``image``, ``label``            the input and the arg max
        ``conv1``, ``dw2``, ``fc3``     products: all kinds count together
        ``act1``                        the quantiser behind the first product
        ``input_act``, ``add1_act``     the quantiser of pixels, and the one behind ``add1``
        ``act1_2``                      a second quantiser there
        ``pool1``, ``pad1``, ``up1``    pools, padding, upsampling
        ``add1``, ``concat1``           joins
        ``flat``, ``thermo``            flattening, thermometer code
        ==============================  =======================================================

    Raises
    ------
    LoweringError
        If the network has no exact integer form, with the layer and the reason.

    Notes
    -----
    Exact means: with dyadic scales and accumulators below 2**24, every product and partial sum
    is a float32 number, so PyTorch gives the same bits in any order of summation; and what
    follows is elementwise, so it depends neither on the batch nor on the place in an image.
    """
    shape = image_shape or getattr(model, "image_shape", None)
    if shape is None:
        raise LoweringError("lowering must know the shape of an image: pass image_shape")
    with evaluation_mode(model), torch.no_grad():
        recording = record(model, shape, is_layer)
        walk = Walk(shape, KINDS)
        for step in recording.steps:
            walk.take(step)
        return walk.finish(recording.output)
