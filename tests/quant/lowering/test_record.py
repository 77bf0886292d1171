# SPDX-License-Identifier: Apache-2.0
"""The graph of calls that a run of a network shows."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from xnorflow.errors import LoweringError
from xnorflow.quant.lowering.calls import evaluation_mode, watching
from xnorflow.quant.lowering.kinds import is_layer
from xnorflow.quant.lowering.record import IMAGE, record
from xnorflow.quant.models.joins import Add, Concat

SHAPE = (3, 4, 2)


class Model(nn.Module):
    """Modules, and any function of them as ``forward``."""

    def __init__(self, forward, **modules):
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)
        self.function = forward

    def forward(self, x):
        return self.function(self, x)


def recorded(forward, **modules):
    recording = record(Model(forward, **modules).eval(), SHAPE, is_layer)
    steps = [(step.path, type(step.module).__name__, step.inputs) for step in recording.steps]
    return steps, recording


def test_forks_and_joins():
    def forward(model, x):
        a = model.a(x)
        return model.join(model.b(a), a, model.b(x)) + model.c(torch.cat((a, x, x), 1))

    steps, recording = recorded(forward, a=nn.ReLU(), b=nn.Hardtanh(), c=nn.ReLU(), join=Concat())
    assert steps == [
        ("a", "ReLU", (IMAGE,)),
        ("b", "Hardtanh", (1,)),
        ("b:2", "Hardtanh", (IMAGE,)),
        ("join", "Concat", (2, 1, 3)),
        ("cat()", "Concat", (1, IMAGE, IMAGE)),
        ("c", "ReLU", (5,)),
        ("add()", "Add", (4, 6)),
    ]
    assert recording.output == 7
    assert [step.number for step in recording.steps] == [1, 2, 3, 4, 5, 6, 7]
    assert recording.steps[3].shape == (6, 3, 4)
    assert str(recording.steps[2]) == "'b:2' (Hardtanh)"


def test_names_of_functions_come_from_the_module_around_them():
    inner = Model(lambda m, x: m.act(x + x) + x, act=nn.ReLU())
    outer = Model(lambda m, x: m.inner(x) + m.act(m.inner(x)), inner=inner, act=nn.ReLU())
    steps, _ = recorded(lambda m, x: m.outer(x), outer=outer)
    assert [path for path, _, _ in steps] == [
        *("outer.inner.add()", "outer.inner.act", "outer.inner.add():2"),
        *("outer.inner.add():3", "outer.inner.act:2", "outer.inner.add():4"),
        *("outer.act", "outer.add()"),
    ]


def test_calls_that_nothing_depends_on_are_left_out():
    def forward(model, x):
        model.a(x) + x
        return model.b(x)

    steps, recording = recorded(forward, a=nn.ReLU(), b=nn.ReLU())
    assert steps == [("b", "ReLU", (IMAGE,))]
    assert recording.output == recording.steps[0].number


@pytest.mark.parametrize(
    "reshape",
    [
        lambda x: x.flatten(1),
        lambda x: torch.flatten(x, 1),
        lambda x: x.view(len(x), -1),
        lambda x: x.reshape(len(x), -1),
        lambda x: x.contiguous(memory_format=torch.channels_last).flatten(1),
        lambda x: x.clone().to(memory_format=torch.channels_last).contiguous().view(len(x), -1),
    ],
)
def test_reshapes_and_copies_of_any_sort(reshape):
    steps, _ = recorded(lambda m, x: m.b(reshape(m.a(x))), a=nn.ReLU(), b=nn.ReLU())
    assert steps[0] == ("a", "ReLU", (IMAGE,))
    assert {kind for _, kind, _ in steps[1:-1]} == {"Reshape"}
    assert [inputs for _, _, inputs in steps[1:]] == [(step,) for step in range(1, len(steps))]


def test_a_fork_behind_a_view():
    """One reader wants the image, the other the vector."""

    def forward(model, x):
        x = model.a(x)
        flat = model.b(x.flatten(1))
        return model.c(x).flatten(1) + flat

    steps, _ = recorded(forward, a=nn.ReLU(), b=nn.ReLU(), c=nn.ReLU())
    assert steps == [
        ("a", "ReLU", (IMAGE,)),
        ("", "Reshape", (1,)),
        ("b", "ReLU", (2,)),
        ("c", "ReLU", (1,)),
        ("", "Reshape", (4,)),
        ("add()", "Add", (5, 3)),
    ]


def test_work_in_place_makes_a_new_value():
    def forward(model, x):
        x = model.a(x)
        y = model.b(x)
        y += x
        return model.c(y)

    steps, _ = recorded(forward, a=nn.Sigmoid(), b=nn.ReLU(inplace=True), c=nn.ReLU(inplace=True))
    assert [inputs for _, _, inputs in steps] == [(IMAGE,), (1,), (2, 2), (3,)]


def test_modules_that_give_what_they_take():
    steps, _ = recorded(lambda m, x: m.a(x) + x, a=nn.Identity())
    assert steps == [("a", "Identity", (IMAGE,)), ("add()", "Add", (1, 1))]


class Views(nn.Module):
    def forward(self, x):
        return x[:, :, 0].unsqueeze(2)


class Doubled(nn.Module):
    def forward(self, x):
        return 2 * x


def test_modules_of_users_are_transparent_if_they_hold_nothing_unknown():
    steps, _ = recorded(lambda m, x: m.b(m.a(x.view(3, 24, 1, 1))), a=Views(), b=nn.ReLU())
    assert steps == [("", "Reshape", (IMAGE,)), ("b", "ReLU", (1,))]
    steps, _ = recorded(lambda m, x: m.b(m.a(x)), a=Doubled(), b=nn.ReLU())
    assert steps == [("a", "Doubled", ()), ("b", "ReLU", (1,))]


def in_half_precision(model, x):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return model.c(model.b(x))


def unchanged_by_clamp(model, x):
    """On the pixels that are tried, the clamp does nothing; on others it might."""
    return model.b(model.a(x).clamp_(0.0, 1.0))


WHAT = r"what layer 'b' reads must be the output of a layer, "
REFUSED = {
    "function": (lambda m, x: m.b(m.a(x) * 3), WHAT + r"but forward\(\) computes it by mul\(\), "),
    "in place": (unchanged_by_clamp, WHAT + r"but forward\(\) computes it by clamp_\(\), outside"),
    "slice": (lambda m, x: m.b(m.a(x)[:, :1]), WHAT + r"but .* by __getitem__\(\), outside of all"),
    "transposed": (lambda m, x: m.b(m.a(x).mT), WHAT + r"but forward\(\) computes it by "),
    "half precision": (in_half_precision, r"layer 'c' must give float32, not torch\.bfloat16$"),
    "other type": (lambda m, x: m.b(m.a(x).to(torch.float64)), WHAT + r"but .* by to\(\), outside"),
    "constant": (
        lambda m, _: m.b(torch.ones(3, 2, 3, 4)),
        WHAT + r"but forward\(\) computes it by ones\(\), outside of all layers",
    ),
    "parameter": (
        lambda m, _: m.b(m.a.weight),
        r"what layer 'b' reads must be the output of a layer, not a value from elsewhere$",
    ),
    "result": (
        lambda m, x: m.b(m.a(x)).mean(1),
        r"the network's output must be the output of a layer, but .* by mean\(\), outside of all ",
    ),
    "keyword": (lambda m, x: m.b(input=m.a(x)), r"layer 'b' must take tensors and nothing else$"),
    "list": (lambda m, x: m.b([x]), r"layers must exchange single tensors, not list$"),
    "several results": (lambda _, x: (x, x), r"layers must exchange single tensors, not tuple$"),
    "other images": (
        lambda m, x: m.a(x.flatten(1)).view(3, 5),
        r"the network does not take images of 3x4x2 \(height x width x channels\): shape ",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_graph_of_layers_is_refused(case):
    forward, message = REFUSED[case]
    first = nn.PReLU()
    model = Model(forward, a=first, b=nn.ReLU(), c=nn.Conv2d(2, 2, 1)).eval()
    with pytest.raises(LoweringError, match=f"^{message}"):
        record(model, SHAPE, is_layer)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_a_join_of_something_unknown_is_unknown():
    message = WHAT + r"but forward\(\) computes it by cat\(\), outside of all layers"
    with pytest.raises(LoweringError, match=f"^{message}"):
        recorded(lambda m, x: m.b(torch.cat((x, 2 * x), 1)), b=nn.ReLU())


def test_modes_are_restored_one_by_one():
    model = nn.Sequential(nn.ReLU().eval(), nn.Sequential(nn.ReLU()))
    with evaluation_mode(model) as same:
        assert same is model
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model.modules()] == [True, False, True, True]


class Paths:
    """A listener that keeps the paths of calls."""

    def __init__(self):
        self.calls = []

    def enter(self, call):
        call.inputs[0].clone()  # what a listener does itself is not seen
        self.calls.append((call.path, call.function))

    def leave(self, call, output):
        output + output

    def computed(self, name, output):
        self.calls.append((name, "computed"))

    def left_unknown(self, call, output):
        output.clone()


def test_listeners_see_no_calls_of_their_own():
    paths = Paths()
    model = Model(lambda m, x: m.join(m.a(x), x) + x.abs(), a=Doubled(), join=Add())
    image = torch.ones(2, 2)
    with watching(model, is_layer, paths):
        model(image)
    assert paths.calls == [
        ("mul", "computed"),
        ("join", ""),
        ("abs", "computed"),
        ("add()", "add"),
    ]
