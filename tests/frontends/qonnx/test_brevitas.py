# SPDX-License-Identifier: Apache-2.0
"""What Brevitas exports is imported as the network that lowering makes of the same modules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from onnx_models import check_equal
from small_models import SMALL
from torch import nn

from xnorflow.errors import LoweringError
from xnorflow.frontends.qonnx.exporter import export_qonnx
from xnorflow.frontends.qonnx.importer import import_qonnx
from xnorflow.ir import Network
from xnorflow.ir.store import to_document
from xnorflow.quant.lower import lower
from xnorflow.quant.model_recipe import (
    CnvRecipe,
    DscnnRecipe,
    KwsRecipe,
    MlpRecipe,
    ResnetRecipe,
    VggRecipe,
)
from xnorflow.quant.models.catalog import make_model

RECIPES: dict[str, Any] = {
    "mlp": MlpRecipe,
    "cnv": CnvRecipe,
    "vgg": VggRecipe,
    "resnet": ResnetRecipe,
    "dscnn": DscnnRecipe,
    "kws": KwsRecipe,
}

Export = Callable[[nn.Module, tuple[int, int, int]], Path]


def with_random_norms(module: nn.Module) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            with torch.no_grad():
                part.running_mean.normal_(0, 3)
                part.running_var.uniform_(1, 20)
                part.weight.normal_()
                part.bias.normal_()
    return module.eval()


def content(network: Network) -> tuple[dict[str, Any], dict[str, Any]]:
    """All of ``network`` but where its nodes come from."""
    tensors: dict[str, Any] = {}
    document = to_document(network, tensors)
    for node in document["nodes"]:
        del node["origin"]
    return document, {name: array.tolist() for name, array in tensors.items()}


def small_model(kind: str, bits: tuple[Any, Any, Any]) -> tuple[nn.Module, tuple[int, int, int]]:
    """A model of weights, activations and pixels of so many bits, and the shape of its images."""
    torch.manual_seed(0)
    keys, shape = SMALL[kind]
    weight, activation, pixel = bits
    recipe = RECIPES[kind](
        kind=kind, weight_bits=weight, activation_bits=activation, input_bits=pixel, **keys
    )
    return with_random_norms(make_model(recipe, shape, 5)), shape


@pytest.mark.parametrize(
    ("kind", "bits"),
    [
        ("mlp", (1, 1, 1)),
        ("mlp", (2, 2, 8)),
        ("resnet", (2, 2, 4)),
        ("dscnn", (2, 2, 4)),
        ("kws", (1, 1, 1)),
        *(
            pytest.param(kind, bits, marks=pytest.mark.slow)
            for kind in RECIPES
            for bits in ((1, 1, 1), (1, 2, 8), ("t", "t", "t"), (4, 2, 4))
        ),
    ],
)
def test_import_and_lowering_agree(kind: str, bits: tuple[Any, Any, Any], export: Export) -> None:
    model, shape = small_model(kind, bits)
    imported = check_equal(export(model, shape), "uint8/256", images=3)
    assert content(imported.network) == content(lower(model, shape))


@pytest.mark.parametrize("kind", RECIPES)
@pytest.mark.parametrize("bits", [(1, 1, 1), (1, 2, 8), ("t", "t", "t")])
def test_a_network_that_is_exported_comes_back_as_it_was(
    kind: str, bits: tuple[Any, Any, Any], tmp_path: Path
) -> None:
    network = lower(*small_model(kind, bits))
    path = tmp_path / "model.onnx"
    path.write_bytes(export_qonnx(network).SerializeToString())
    assert content(import_qonnx(path).network) == content(network)


def usual_model() -> nn.Module:
    """With Brevitas' own quantisers, whose scales are any floats, and biases."""
    torch.manual_seed(0)
    layers = [
        nn.Flatten(),
        qnn.QuantIdentity(bit_width=4),
        qnn.QuantLinear(64, 16, bias=True, weight_bit_width=2),
        nn.BatchNorm1d(16),
        qnn.QuantReLU(bit_width=3),
        qnn.QuantLinear(16, 10, bias=True, weight_bit_width=2),
    ]
    return with_random_norms(nn.Sequential(*layers))


def test_scales_that_are_no_powers_of_two_need_float64(export: Export) -> None:
    path = export(usual_model(), (8, 8, 1))
    with pytest.raises(
        LoweringError, match=r"^node '.*' \(Quant\) must have a scale \('.*'\) of p"
    ):
        import_qonnx(path)
    imported = import_qonnx(path, double=True)
    assert imported.double
    assert imported.network.output.name == "label"


@pytest.mark.slow
@pytest.mark.parametrize(("weight", "activation"), [(1, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("kind", ["FC", "CNV"])
def test_the_networks_of_the_zoo(kind: str, weight: int, activation: int, export: Export) -> None:
    """The networks that Brevitas trains as examples, with random weights."""
    models = pytest.importorskip("brevitas_examples.bnn_pynq.models")
    torch.manual_seed(0)
    if kind == "FC":
        model = models.FC.FC(
            num_classes=10,
            weight_bit_width=weight,
            act_bit_width=activation,
            in_bit_width=activation,
            in_channels=1,
            out_features=[64, 64, 64],
            in_features=(28, 28),
        )
        shape = (28, 28, 1)
    else:
        model, shape = models.CNV.CNV(10, weight, activation, 8, 3), (32, 32, 3)
    imported = check_equal(export(with_random_norms(model), shape), "uint8/255", images=3)
    assert np.prod(imported.network.types["image"].shape) == np.prod(shape)
