# SPDX-License-Identifier: Apache-2.0
"""How a quantised PyTorch network becomes exact integers (see :mod:`xnorflow.quant.lower`).

==============================  =================================================================
:mod:`~.calls`                  calls of layers, seen while the network runs
:mod:`~.record`                 these calls as a graph: which layer reads which one's output
:mod:`~.value`                  what is known of a value: integers times a power of two
:mod:`~.walk`                   the integer network as it grows, and the names of its nodes
:mod:`~.elementwise`            batch normalisations, activations, quantisers
:mod:`~.products`               linear layers and convolutions
:mod:`~.pools`                  max pools and average pools
:mod:`~.images`                 padding, upsampling, flattening, thermometer codes
:mod:`~.joins`                  sums and concatenations
:mod:`~.geometry`               sizes as PyTorch states them
:mod:`~.kinds`                  which of them serves which kind of module
==============================  =================================================================
"""
