# SPDX-License-Identifier: Apache-2.0
"""Lowering of networks with forks and joins: equal to PyTorch, or refused."""

from __future__ import annotations

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from brevitas.quant.fixed_point import (
    Int8WeightPerChannelFixedPoint,
    Uint8ActPerTensorFixedPointMaxInit,
)
from torch import nn

from xnorflow.errors import LoweringError
from xnorflow.ir import Threshold
from xnorflow.quant.lower import lower
from xnorflow.quant.models.joins import Add, Concat
from xnorflow.quant.quantizers import (
    SignedActivation,
    activation_module,
    quant_conv,
    quant_linear,
    residual_module,
)

IMAGE = (4, 5, 2)
CHANNELS = 4


def branch(inputs, bits, outputs=CHANNELS):
    return nn.Sequential(
        quant_conv(inputs, outputs, "t", kernel_size=3, padding=1),
        nn.BatchNorm2d(outputs),
        activation_module(bits) if bits is not None else nn.Identity(),
    )


class Joined(nn.Module):
    """``quant(join(first(x), second(first(x))))``, then scores."""

    def __init__(self, join, first_bits=2, second_bits=2, channels=CHANNELS, last=None):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = branch(2, first_bits), branch(CHANNELS, second_bits)
        self.join = join
        self.last = last or nn.Sequential(nn.BatchNorm2d(channels), activation_module(1))
        self.head = nn.Sequential(nn.Flatten(), quant_linear(channels * 20, 3, 1))

    def forward(self, x):
        x = self.first(x)
        return self.head(self.last(self.join(x, self.second(x))))


def add_in_place(a, b):
    b += a
    return b


SUMS = {
    "module": (Add(), "join"),
    "operator": (lambda a, b: a + b, "add()"),
    "torch.add": (torch.add, "add()"),
    "method": (lambda a, b: a.add(b), "add()"),
    "in place": (add_in_place, "add()"),
}


@pytest.mark.parametrize("case", SUMS)
def test_sums(case, check_equal, random_images, adversarial):
    join, origin = SUMS[case]
    model = adversarial(Joined(join), 1)
    made = check_equal(model, random_images(20, IMAGE), IMAGE)
    assert [node.name for node in made.nodes] == [
        *("image", "conv1", "act1", "conv2", "act2", "add1", "add1_act", "flat", "fc3", "label")
    ]
    assert set(made.node("add1").inputs) == {"act1", "act2"}
    assert made.node("add1").origin == origin
    assert str(made.types["add1"].element) == "UINT3"


@pytest.mark.parametrize(
    ("first", "second", "shifts", "element"),
    [
        (1, 1, (0, 0), "INT3"),
        (1, "t", (0, 0), "INT3"),
        (1, 2, (1, 0), "INT4"),
        (8, 2, (0, 6), "UINT9"),
        (2, 4, (2, 0), "UINT5"),
    ],
)
def test_addends_of_other_scales_are_shifted(
    first, second, shifts, element, check_equal, random_images, adversarial
):
    model = adversarial(Joined(Add(), first, second), 2)
    made = check_equal(model, random_images(20, IMAGE), IMAGE)
    assert made.node("add1").shifts == shifts
    assert str(made.types["add1"].element) == element


CONCATENATIONS = {
    "module": (Concat(), "join"),
    "function": (lambda a, b: torch.cat((a, b), 1), "cat()"),
    "list": (lambda a, b: torch.cat([a, b], dim=1), "cat()"),
    "concat": (lambda a, b: torch.concat(tensors=(a, b), dim=-3), "cat()"),
    "concatenate": (lambda a, b: torch.concatenate((a, b), axis=1), "cat()"),
}


@pytest.mark.parametrize("bits", [1, 4])
@pytest.mark.parametrize("case", CONCATENATIONS)
def test_concatenations(case, bits, check_equal, random_images, adversarial):
    join, origin = CONCATENATIONS[case]
    model = adversarial(Joined(join, bits, bits, channels=2 * CHANNELS), 3)
    made = check_equal(model, random_images(20, IMAGE), IMAGE)
    assert made.node("concat1").inputs == ("act1", "act2")
    assert made.node("concat1").origin == origin
    assert made.node("concat1_act").table.rows == 2 * CHANNELS


class DenseBlock(nn.Module):
    """Each convolution reads all maps made before."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([branch(2, 1), branch(4, 1, 2), branch(6, 1, 2)])
        self.head = nn.Sequential(nn.Flatten(), quant_linear(160, 3, 1))
        self.join = Concat()

    def forward(self, x):
        maps = [self.layers[0](x)]
        for layer in self.layers[1:]:
            maps.append(layer(self.join(*maps)))
        return self.head(torch.cat(maps, 1))


def test_a_dense_block(check_equal, random_images, adversarial):
    """Its join is called twice, the first time with a single tensor."""
    torch.manual_seed(1)
    made = check_equal(adversarial(DenseBlock(), 4), random_images(20, IMAGE), IMAGE)
    assert made.node("conv2").inputs == ("act1",)
    assert made.node("concat1").origin == "join:2"
    assert made.node("concat2").inputs == ("act1", "act2", "act3")


class Residual(nn.Module):
    """Signs of a stream of several bits are convolved and added to it."""

    def __init__(self, join):
        super().__init__()
        self.norm, self.act = nn.BatchNorm2d(CHANNELS), activation_module(1)
        self.conv = quant_conv(CHANNELS, CHANNELS, 1, kernel_size=3, padding=1)
        self.norm2, self.stream = nn.BatchNorm2d(CHANNELS), residual_module(4)
        self.join, self.again = join, residual_module(4)

    def forward(self, x):
        return self.again(self.join(x, self.stream(self.norm2(self.conv(self.act(self.norm(x)))))))


@pytest.mark.parametrize("make_join", [Add, lambda: lambda a, b: a + b])
def test_a_residual_network(make_join, check_equal, random_images, adversarial):
    torch.manual_seed(2)
    blocks = [Residual(make_join()) for _ in range(2)]
    stem = [quant_conv(2, CHANNELS, "t", kernel_size=1), residual_module(4)]
    model = nn.Sequential(*stem, *blocks, nn.AvgPool2d((4, 5)), nn.Flatten())
    made = check_equal(adversarial(model, 5), random_images(20, IMAGE), IMAGE)
    assert [node.name for node in made.nodes] == [
        *("image", "conv1", "act1", "act1_2", "conv2", "act2", "add1", "add1_act"),
        *("add1_act_2", "conv3", "act3", "add2", "add2_act", "pool1", "flat", "label"),
    ]
    assert [node.origin for node in made.nodes if node.mnemonic == "add"] == (
        ["2.join", "3.join"] if make_join is Add else ["2.add()", "3.add()"]
    )
    assert made.readers("act1") == (made.node("act1_2"), made.node("add1"))


class Fork(nn.Module):
    """Two quantisers read one batch normalisation, and one reads what it normalises."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = quant_conv(2, CHANNELS, 1, kernel_size=1), nn.BatchNorm2d(CHANNELS)
        self.signs, self.counts, self.raw = (activation_module(bits) for bits in (1, 4, 2))
        self.a, self.b, self.c = (
            quant_conv(CHANNELS, CHANNELS, "t", kernel_size=1) for _ in range(3)
        )
        self.relu = nn.ReLU(inplace=True)
        self.last = nn.Sequential(nn.BatchNorm2d(CHANNELS), activation_module(1))
        self.head = nn.Sequential(nn.Flatten(), quant_linear(80, 3, 1))

    def forward(self, x):
        x = self.conv(x)
        y = self.norm(x)
        a, b, c = self.a(self.signs(y)), self.b(self.counts(self.relu(y))), self.c(self.raw(x))
        return self.head(self.last((a + c) + b))


def test_a_value_of_several_quantisers(check_equal, random_images, adversarial):
    """Their accumulators, of other scales, are added as they are."""
    torch.manual_seed(3)
    made = check_equal(adversarial(Fork(), 6), random_images(20, IMAGE), IMAGE)
    readers = made.readers("conv1")
    assert [node.name for node in readers] == ["act1", "act1_2", "act1_3"]
    assert all(isinstance(node, Threshold) for node in readers)
    assert made.node("add1").inputs == ("conv2", "conv4")
    assert made.node("add2").origin == "add():2"
    assert made.node("add2_act").inputs == ("add2",)
    assert made.node("add1").shifts == (1, 0)
    assert made.node("add2").shifts == (2, 0)


def test_products_read_sums(check_equal, random_images, adversarial):
    last = nn.Sequential(quant_conv(4, 4, "t", kernel_size=3, padding=1), activation_module(1))
    made = check_equal(adversarial(Joined(Add(), last=last), 7), random_images(20, IMAGE), IMAGE)
    assert made.node("conv3").inputs == ("add1",)


def test_a_value_is_added_to_itself(check_equal, random_images, adversarial):
    join = lambda a, _: a + a  # noqa: E731
    made = check_equal(adversarial(Joined(join), 8), random_images(20, IMAGE), IMAGE)
    assert [node.name for node in made.nodes][1:4] == ["conv1", "act1", "add1"]
    assert made.node("add1").inputs == ("act1", "act1")


def per_channel(gains):
    layer = qnn.QuantConv2d(
        CHANNELS, CHANNELS, 1, bias=False, weight_quant=Int8WeightPerChannelFixedPoint
    )
    with torch.no_grad():
        layer.weight.copy_(layer.weight.sign() * torch.tensor(gains).reshape(-1, 1, 1, 1))
    return layer


class Accumulators(nn.Module):
    def __init__(self, first, second, join):
        super().__init__()
        self.stem, self.first, self.second = branch(2, 2), first, second
        self.join = join
        width = 2 * CHANNELS if isinstance(join, Concat) else CHANNELS
        self.last = nn.Sequential(nn.BatchNorm2d(width), activation_module(1))
        self.head = nn.Sequential(nn.Flatten(), quant_linear(width * 20, 3, 1))

    def forward(self, x):
        x = self.stem(x)
        return self.head(self.last(self.join(self.first(x), self.second(x))))


def test_sums_of_accumulators_with_a_scale_for_each_channel(
    check_equal, random_images, adversarial
):
    torch.manual_seed(4)
    first, second = per_channel([1.0, 2.0, 0.5, 1.0]), per_channel([4.0, 8.0, 2.0, 4.0])
    model = adversarial(Accumulators(first, second, Add()), 9)
    made = check_equal(model, random_images(20, IMAGE), IMAGE)
    assert made.node("add1").shifts == (0, 2)


def test_concatenated_accumulators(check_equal, random_images, adversarial):
    torch.manual_seed(5)
    first, second = (quant_conv(CHANNELS, CHANNELS, 1, kernel_size=1) for _ in range(2))
    check_equal(
        adversarial(Accumulators(first, second, Concat()), 10), random_images(20, IMAGE), IMAGE
    )


class Flat(nn.Module):
    """Joins images that are flattened already."""

    def __init__(self, join, size, other=None):
        super().__init__()
        self.first, self.second = branch(2, 2), branch(CHANNELS, 2)
        self.flatten, self.join, self.other = nn.Flatten(), join, other or nn.Flatten()
        self.act, self.head = activation_module(1), quant_linear(size, 3, "t")

    def forward(self, x):
        x = self.first(x)
        joined = self.join(self.flatten(x), self.other(self.second(x)))
        return self.head(self.act(joined))


def test_sums_of_flattened_images(check_equal, random_images, adversarial):
    torch.manual_seed(6)
    made = check_equal(adversarial(Flat(Add(), 80), 11), random_images(20, IMAGE), IMAGE)
    assert made.node("add1").inputs == ("flat", "flat_2")


def test_modules_may_have_several_paths(check_equal, random_images, adversarial):
    torch.manual_seed(9)
    join, relu = Add(), nn.ReLU()
    stem = [quant_conv(2, CHANNELS, "t", kernel_size=1), relu, residual_module(4)]
    blocks = [Residual(join), nn.MaxPool2d(2), relu, activation_module(1), Residual(join)]
    model = nn.Sequential(*stem, *blocks, nn.Flatten(), quant_linear(16, 3, 1))
    made = check_equal(adversarial(model, 15), random_images(20, IMAGE), IMAGE)
    assert [made.node(name).origin for name in ("add1", "add2")] == ["3.join", "3.join:2"]
    assert len([node for node in made.nodes if node.mnemonic == "add"]) == 2


class Unused(nn.Module):
    """Computes what nobody reads, even what has no integer form."""

    def __init__(self):
        super().__init__()
        self.body, self.softmax = Joined(Add()), nn.Softmax(dim=1)
        self.more = branch(2, 1)

    def forward(self, x):
        self.more(x)
        self.softmax(x)
        x.mean()
        return self.body(x)


def test_what_is_not_read_is_left_out(check_equal, random_images, adversarial):
    made = check_equal(adversarial(Unused(), 14), random_images(20, IMAGE), IMAGE)
    assert [node.name for node in made.nodes][1:3] == ["conv1", "act1"]
    assert made.node("conv1").origin == "body.first.0"
    assert made.node("add1").origin == "body.join"


OUTSIDE = (
    r"what layer 'last.0' reads must be the output of a layer, but forward\(\) computes it by "
)
REFUSED = {
    "norm as an addend": (
        lambda: Joined(Add(), second_bits=None),
        r"layer 'join' \(Add\) must read quantised values; 'second\.1' \(BatchNorm2d\) gives "
        r"others: quantise both addends first$",
    ),
    "norm as an addend of an operator": (
        lambda: Joined(lambda a, b: a + b, second_bits=None),
        r"layer 'add\(\)' \(Add\) must read quantised values; 'second\.1' \(BatchNorm2d\) gives",
    ),
    "norm as a part": (
        lambda: Joined(Concat(), second_bits=None, channels=2 * CHANNELS),
        r"layer 'join' \(Concat\) must read quantised values; 'second\.1' \(BatchNorm2d\) gives "
        r"others: quantise all parts first$",
    ),
    "parts of other types": (
        lambda: Joined(Concat(), 2, 4, channels=2 * CHANNELS),
        r"layer 'join' \(Concat\) must join values of one type and scale: 'act1' has UINT2 times "
        r"0\.5, 'act2' has UINT4 times 0\.125; quantise them alike first$",
    ),
    "parts of other scales": (
        lambda: Accumulators(per_channel([1.0] * 4), per_channel([2.0] * 4), Concat()),
        r"layer 'join' \(Concat\) must join values of one type and scale: 'conv2' has INT\d+ times",
    ),
    "scales of several ratios": (
        lambda: Accumulators(per_channel([1.0] * 4), per_channel([1.0, 2.0, 1.0, 1.0]), Add()),
        r"layer 'join' \(Add\) must add values whose scales have the same ratio in every channel$",
    ),
    "addends of other sizes": (
        lambda: Joined(lambda a, b: Add.forward(None, a, b[:, :, :1]) * 1.0),
        OUTSIDE + r"mul\(\)",
    ),
    "part of the pixels": (
        lambda: Joined(lambda a, b: torch.cat((a, b), 2)),
        OUTSIDE + r"cat\(\), outside of all layers",
    ),
    "difference": (lambda: Joined(lambda a, b: a - b), OUTSIDE + r"sub\(\)"),
    "weighted sum": (lambda: Joined(lambda a, b: torch.add(a, b, alpha=2)), OUTSIDE + r"add\(\)"),
    "constant": (lambda: Joined(lambda a, _: a + 1), OUTSIDE + r"add\(\)"),
    "sum with something unknown": (
        lambda: Joined(lambda a, b: a + b.abs()),
        OUTSIDE + r"add\(\)",
    ),
    "flattened unlike": (
        lambda: Flat(
            Add(), 80, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Upsample((4, 5)), nn.Flatten())
        ),
        r"layer 'other\.1' \(Upsample\) must read quantised values",
    ),
    "concatenated behind flattening": (
        lambda: Flat(Concat(), 160),
        r"layer 'join' \(Concat\) must stand before the images are flattened$",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_exact_is_refused(case):
    make, message = REFUSED[case]
    torch.manual_seed(0)
    with pytest.raises(LoweringError, match=f"^{message}"):
        lower(make().eval(), IMAGE)


class Broadcast(nn.Module):
    """Adds a vector of channels to all pixels, by a module."""

    def __init__(self):
        super().__init__()
        self.first, self.pool, self.join = branch(2, 2), nn.MaxPool2d((4, 5)), Add()
        self.head = nn.Sequential(nn.Flatten(), quant_linear(80, 3, 1))

    def forward(self, x):
        x = self.first(x)
        return self.head(self.join(x, self.pool(x)))


class Reordered(nn.Module):
    """Adds a flat image of other pixels in the same number."""

    def __init__(self):
        super().__init__()
        self.first, self.second = branch(2, 2), quant_linear(40, 80, 1)
        self.flatten, self.act, self.join = nn.Flatten(), activation_module(2), Add()
        self.head = quant_linear(80, 3, 1)

    def forward(self, x):
        other = self.act(self.second(self.flatten(x)))
        return self.head(self.join(self.flatten(self.first(x)), other))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            Broadcast,
            r"layer 'join' \(Add\) must add values of one shape, not \(4, 5, 4\) and \(1, 1, 4\)$",
        ),
        (Reordered, r"layer 'join' \(Add\) must add values that are flattened alike$"),
    ],
)
def test_other_sums_are_refused(model, message):
    with pytest.raises(LoweringError, match=f"^{message}"):
        lower(model().eval(), IMAGE)


def test_sums_beyond_float32_are_refused():
    wide, fine = (
        qnn.QuantIdentity(act_quant=Uint8ActPerTensorFixedPointMaxInit, max_val=top, bit_width=8)
        for top in (2.0**20, 2.0**-3)
    )

    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.wide, self.fine, self.join = wide, fine, Add()

        def forward(self, x):
            return self.join(self.wide(x), self.fine(x)).flatten(1)

    with pytest.raises(
        LoweringError,
        match=r"^the sums of layer 'join' \(Add\) must stay below 2\*\*24 = 16777216 to be exact "
        r"in float32, and may reach \d+: use scales that are closer, or fewer bits$",
    ):
        lower(Sum().eval(), IMAGE)


def test_every_sum_that_two_addends_can_make_is_asked_for():
    """Two times -1..1 is -2..2, all of which the quantiser behind tells apart, and more."""
    wide = qnn.QuantIdentity(act_quant=SignedActivation, bit_width=5, min_val=-4.0, max_val=4.0)
    model = Joined(Add(), "t", "t", last=wide)
    made = lower(model, IMAGE)
    table = made.node("add1_act").table
    sums = np.arange(-2, 3)
    with torch.no_grad():
        asked = model.last.eval()(torch.from_numpy(sums.astype(np.float32))).numpy()
    counts = (sums[:, None] >= table.values[0]).sum(axis=1)
    scale = asked[-1] / (table.base + counts[-1])
    np.testing.assert_array_equal(scale * (table.base + counts), asked)
    assert len(set(asked.tolist())) == len(sums)
    assert asked.min() > scale * table.base
