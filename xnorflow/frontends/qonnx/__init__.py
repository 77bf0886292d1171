# SPDX-License-Identifier: Apache-2.0
"""QONNX: quantised networks of Brevitas, QKeras, HGQ and FINN, as ONNX files.

From a file to an integer network:

==============================  =================================================================
:mod:`~.importer`               the way from a file to an integer network
:mod:`~.model_file`             the file, read and checked: nothing in it is trusted
:mod:`~.tensors`                its constants
:mod:`~.input_type`             what the input is
:mod:`~.value`                  what is known of a tensor: integers, a scale, the place of each
:mod:`~.walk`                   the integer network as it grows, and the names of its nodes
:mod:`~.elementwise`            arithmetic, batch normalisations, activations
:mod:`~.quantizers`             ``Quant``, ``BipolarQuant``, ``Trunc``
:mod:`~.multithreshold`         FINN's ``MultiThreshold``
:mod:`~.settle`                 tables where no quantiser follows
:mod:`~.products`               ``MatMul``, ``Gemm``, ``Conv``, FINN's ``XnorPopcountMatMul``
:mod:`~.windows`                windows as ONNX states them
:mod:`~.pools`                  max pools and means
:mod:`~.layout`                 shapes, axes, padding
:mod:`~.joins`                  sums and concatenations
:mod:`~.scores`                 the end: scores and labels
:mod:`~.kinds`                  which of them serves which kind of node
==============================  =================================================================

And from an integer network to a file:

==============================  =================================================================
:mod:`~.exporter`               how each node is said in QONNX
:mod:`~.writer`                 the file as it grows, with types and shapes
:mod:`~.finn`                   what FINN would compute wrongly
:mod:`~.exported`               the networks of RUN folders as files
==============================  =================================================================
"""
