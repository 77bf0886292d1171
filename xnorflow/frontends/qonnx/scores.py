# SPDX-License-Identifier: Apache-2.0
"""The end of a network: scores, or the labels of the largest ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xnorflow.errors import LoweringError
from xnorflow.frontends.qonnx.elementwise import constant, value
from xnorflow.frontends.qonnx.model_file import OnnxNode
from xnorflow.frontends.qonnx.quantizers import MAX_LEVELS, Steps, quantised
from xnorflow.frontends.qonnx.settle import all_values
from xnorflow.frontends.qonnx.tensors import tensor_label
from xnorflow.frontends.qonnx.value import Floats, Integers, Label, Tensor, Value
from xnorflow.frontends.qonnx.walk import Walk
from xnorflow.ir import Add, ArgMax, Threshold, ThresholdTable, smallest_type
from xnorflow.ir.ask import first_plateau

__all__ = ["Ending", "argmax", "finish", "softmax", "top_k"]


@dataclass(frozen=True, slots=True, eq=False)
class Ending:
    """What the network gives.

    Parameters
    ----------
    scores
        The scores as the file has them: ``scores.ask(integers, float32)`` are the floats for
        integers of the edge ``scores.edge``.
    dropped
        Nodes that the integer network leaves out, for they keep the order of the scores.
    ranked
        Whether the label is that of other integers in the same order: each score plus a number for
        its class, or its rank by a table.
    tensor
        Name of the tensor that has the scores.
    label_tensor
        Name of the tensor that has the labels; empty where the file gives scores.
    """

    scores: Value
    dropped: tuple[OnnxNode, ...]
    ranked: bool
    tensor: str = ""
    label_tensor: str = ""


def argmax(walk: Walk, node: OnnxNode, source: Tensor) -> Label:
    """The index of the largest score; of equal ones, the first."""
    scores = value(node, source)
    if node.integer("select_last_index", 0):
        raise node.fail("must take the first of equal scores")
    check_axis(node, scores, node.integer("axis", 0))
    return Label(scores, 1, node.inputs[0])


def top_k(walk: Walk, node: OnnxNode, source: Tensor, k: Tensor | None = None) -> tuple[Any, ...]:
    """The indices of the largest scores, largest first."""
    scores = value(node, source)
    count = node.integer("k", 1)
    if k is not None:
        count = int(constant(node, k, 1).reshape(-1)[:1].astype(np.int64).sum())
    if not node.integer("largest", 1) or not node.integer("sorted", 1):
        raise node.fail("must give the largest scores, sorted")
    check_axis(node, scores, node.integer("axis", -1))
    if not 1 <= count <= scores.place.size:
        raise node.fail(f"must have a k of 1..{scores.place.size}, not {count}")
    return None, Label(scores, count, node.inputs[0])


def check_axis(node: OnnxNode, scores: Value, axis: int) -> None:
    """Refuse another axis than that of the scores."""
    if not scores.is_vector or scores.shape[axis % len(scores.shape)] != scores.place.size:
        raise node.fail(f"must go over the scores, not over axis {axis} of {scores.shape}")


def softmax(walk: Walk, node: OnnxNode, source: Tensor) -> Value:
    """Probabilities of scores: left out, for only their order counts at the end of a network."""
    scores = value(node, source)
    outputs = set(walk.model.outputs)
    ends = all(reader.op in ("ArgMax", "TopK") for reader in walk.model.readers(node.outputs[0]))
    if not scores.is_vector or not (ends or node.outputs[0] in outputs):
        raise node.fail("must be the end of the network")
    walk.dropped.append(node)
    return scores


def finish(walk: Walk) -> Ending:
    """Append what gives the labels to the walk.

    Raises
    ------
    LoweringError
        If the output is no vector of scores, or its order cannot be had from integers.
    """
    tensor, output = chosen_output(walk)
    label = output if isinstance(output, Label) else None
    scores = output.scores if isinstance(output, Label) else output
    if not scores.is_vector:
        raise LoweringError(
            f"the output must be one score for each class, not a tensor of {scores.shape}"
        )
    last = scores.waiting[-1].node if scores.waiting else walk.model.nodes[-1]
    scores = in_place(walk, scores, last)
    if scores.place.size == 1 and label is None:
        return replace(single(scores, last), tensor=tensor)
    ending = ranked(walk, scores, last)
    edge = walk.nodes[-1].name if ending.ranked else scores.edge
    origin = walk.model.nodes[-1].origin if label else ""
    walk.append(ArgMax(name="label", inputs=(edge,), origin=origin, k=label.k if label else 1))
    given = before_dropped(walk, label.tensor if label else tensor)
    return replace(
        ending,
        dropped=(*ending.dropped, *walk.dropped),
        tensor=given,
        label_tensor=tensor if label else "",
    )


def before_dropped(walk: Walk, tensor: str) -> str:
    """The tensor that ``tensor`` was before nodes that are left out."""
    makers = {node.outputs[0]: node for node in walk.dropped}
    while tensor in makers:
        tensor = makers[tensor].inputs[0]
    return tensor


def chosen_output(walk: Walk) -> tuple[str, Value | Label]:
    """Name and value of the output that depends on the input; labels, where there are any."""
    made = [(name, walk.tensors.get(name)) for name in walk.model.outputs]
    labels = [(name, tensor) for name, tensor in made if isinstance(tensor, Label)]
    values = [(name, tensor) for name, tensor in made if isinstance(tensor, Value)]
    found: list[tuple[str, Any]] = [*labels] or [*values]
    if len(found) != 1:
        names = ", ".join(map(tensor_label, walk.model.outputs[:4])) or "none"
        raise LoweringError(f"the model must have one output that depends on its input: {names}")
    return found[0]


def in_place(walk: Walk, scores: Value, node: OnnxNode) -> Value:
    """``scores`` on an edge that is a vector of them, in their order."""
    flat = walk.flattened(scores, node)
    if not np.array_equal(flat.place.reshape(-1), np.arange(flat.place.size)):
        raise LoweringError(f"node {node} must give the scores in the order in which they are made")
    return flat


def rises_everywhere(walk: Walk, scores: Value) -> bool:
    """Whether the function that all scores have in common keeps the order of all integers."""
    if not scores.waiting:
        return True

    def ask(integers: Integers) -> Floats:
        return scores.ask(integers[:, np.newaxis], walk.dtype)[:, 0]

    low, high = int(scores.low.min()), int(scores.high.max())
    finite = np.isfinite(ask(np.array([low, high]))).all()
    return bool(finite) and not scores.doubtful and first_plateau(ask, low, high) is None


def with_offsets(
    walk: Walk, scores: Value, node: OnnxNode, integers: Integers, values: Floats
) -> Ending | None:
    """Scores that are ordered like ``(integer << shift) + number`` with a number for each class.

    ``integer + bias / scale`` is ordered by its whole part, then by the rank of its fraction among
    the classes. Whether that is the order of the floats is checked for all integers of all classes.
    """
    low, high = integers[0], integers[-1]
    rise = (values[-1] - values[0]).astype(np.float64) / np.maximum(high - low, 1)
    if not np.all(rise > 0) or len(values[0]) != scores.channels:
        return None
    biases = np.round((values[0] / rise[0] - low) * 2.0**16) * 2.0**-16
    whole = np.floor(biases)
    if not np.all(np.abs(whole) < 1 << 20):
        return None
    fractions, ranks = np.unique(biases - whole, return_inverse=True)
    shift = (len(fractions) - 1).bit_length()
    numbers = (whole.astype(np.int64) << shift) + ranks.reshape(-1)
    numbers -= numbers.min()
    if numbers.max() >> 16 or not same_order((integers << shift) + numbers, values):
        return None
    edge = scores.edge
    for part in (8, 0):
        digits = (numbers >> part) & MAX_LEVELS
        if digits.any():
            added = constant_edge(walk, scores, digits, node)
            made = Add(
                name=walk.numbered("add"),
                inputs=(edge, added),
                origin=node.origin,
                shifts=(shift if edge == scores.edge else 0, part),
            )
            walk.append(made)
            edge = made.name
    return Ending(scores, (), ranked=edge != scores.edge)


def same_order(codes: Integers, values: Floats) -> bool:
    """Whether codes are equal, smaller and larger where values are."""
    order = np.argsort(codes, axis=None, kind="stable")
    steps = np.diff(codes.reshape(-1)[order])
    rises = np.diff(values.reshape(-1)[order].astype(np.float64))
    return bool(np.all(np.where(steps > 0, rises > 0, rises == 0)))


def constant_edge(walk: Walk, scores: Value, numbers: Integers, node: OnnxNode) -> str:
    """An edge with ``numbers`` for all inputs: thresholds are reached always, or never."""
    top = int(numbers.max())
    low, high = (np.broadcast_to(bound, numbers.shape) for bound in (scores.low, scores.high))
    reached = np.arange(top) < numbers[:, np.newaxis]
    table = ThresholdTable(
        values=np.where(reached, low[:, np.newaxis], high[:, np.newaxis] + 1),
        descending=np.zeros(len(numbers), np.bool_),
        base=0,
        output_type=smallest_type(0, top),
    )
    name = walk.unique("bias")
    walk.append(Threshold(name=name, inputs=(scores.edge,), origin=node.origin, table=table))
    return name


def single(scores: Value, node: OnnxNode) -> Ending:
    """One number instead of scores of classes: it is given as it is."""
    if scores.waiting:
        raise node.fail("must be followed by a quantiser: a single output has no order to keep")
    return Ending(scores, (), ranked=False)


def ranked(walk: Walk, scores: Value, node: OnnxNode) -> Ending:
    """Scores whose integers have their order, or else their ranks by a table for each class."""
    if not scores.is_per_channel and rises_everywhere(walk, scores):
        return Ending(scores, tuple(step.node for step in scores.waiting), ranked=False)
    points = all_values(walk, scores)
    if points is None or scores.doubtful or not np.isfinite(points[1]).all():
        raise node.fail("must keep the order of the scores: their values differ by class")
    if shifted := with_offsets(walk, scores, node, *points):
        return shifted
    levels = np.unique(points[1])
    if not 2 <= len(levels) <= MAX_LEVELS + 1:
        raise node.fail(
            f"makes {len(levels)} different scores, whose order neither integers plus a number for "
            f"each class have nor a table of at most {MAX_LEVELS + 1}: scale all scores alike"
        )

    def codes(x: Floats) -> Floats:
        return np.searchsorted(levels, x).astype(x.dtype)

    top = len(levels) - 1
    steps = Steps(codes, np.array([1.0]), smallest_type(0, top), 0, top)
    quantised(walk, node, scores, steps)
    return Ending(scores, (), ranked=True)
