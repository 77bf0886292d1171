# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xnorflow.errors import ConfigError
from xnorflow.quant.model_recipe import (
    CnvRecipe,
    DscnnRecipe,
    KwsRecipe,
    MlpRecipe,
    ResnetRecipe,
    VggRecipe,
)
from xnorflow.quant.models.catalog import make_model
from xnorflow.quant.recipe import (
    Recipe,
    TrainRecipe,
    find_recipe,
    parse_recipe,
    shipped_recipes,
)

BITS = st.sampled_from([1, "t", 2, 4, 8])
WIDTHS = st.lists(st.integers(1, 4096), min_size=1, max_size=5).map(tuple)


def tables(make, **keys):
    """Tables of one kind of network."""
    common = {"weight_bits": BITS, "activation_bits": BITS, "first_weight_bits": st.none() | BITS}
    pixels = [{"thermometer": st.integers(0, 255)}, {"input_bits": BITS}]
    options = [st.builds(make, **common, **choice, **keys) for choice in pixels]
    return st.one_of(options)


@st.composite
def timed(draw, make, *names):
    """Tables with lists as long as ``widths``, each called by one of ``names``."""
    widths = draw(WIDTHS)
    steps = st.lists(st.integers(1, 16), min_size=len(widths), max_size=len(widths)).map(tuple)
    extra = {"stem": st.integers(1, 99)} if make is DscnnRecipe else {}
    return draw(tables(make, widths=st.just(widths), **dict.fromkeys(names, steps), **extra))


def recipes():
    model = st.one_of(
        tables(MlpRecipe, widths=WIDTHS, float=st.booleans()),
        tables(CnvRecipe, width_multiplier=st.floats(1 / 64, 16)),
        tables(VggRecipe, stages=st.lists(WIDTHS, min_size=1, max_size=8).map(tuple)),
        tables(ResnetRecipe, widths=WIDTHS, residual_bits=st.integers(2, 8)),
        timed(DscnnRecipe, "strides"),
        timed(KwsRecipe, "strides", "dilations"),
    )
    train = st.builds(
        TrainRecipe,
        dataset=st.text(st.characters(exclude_categories=["C"]), min_size=1),
        epochs=st.integers(1, 1000),
        seed=st.integers(0, 2**32 - 1),
        learning_rate=st.none() | st.floats(1e-8, 10),
        batch_size=st.integers(2, 65536),
        flip=st.booleans(),
        shift=st.integers(0, 64),
        label_smoothing=st.floats(0, 1, exclude_max=True),
        bfloat16=st.booleans(),
        threads=st.integers(1, 64),
    )
    return st.builds(Recipe, model=model, train=train)


@given(recipes())
def test_a_recipe_is_the_same_after_writing_and_reading(tmp_path_factory, recipe):
    path = tmp_path_factory.getbasetemp() / "recipe.toml"
    path.write_text(recipe.to_toml(), encoding="utf-8")
    assert find_recipe(path) == recipe


KINDS = {
    **dict.fromkeys(("digits", "lfc", "sfc", "tfc"), "mlp"),
    **dict.fromkeys(("digits-cnn", "vgg"), "vgg"),
    **{kind: kind for kind in ("cnv", "dscnn", "kws", "resnet")},
}


def test_shipped_recipes_are_complete():
    assert set(shipped_recipes()) == set(KINDS)
    for name, kind in KINDS.items():
        recipe = find_recipe(name)
        assert recipe.model.kind == kind
        assert recipe.train.seed == 0


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("bits", [(1, 1), (1, 2), (2, 2)])
def test_shipped_recipes_make_networks_for_their_images(name, bits):
    recipe = find_recipe(name).with_overrides(weight_bits=bits[0], activation_bits=bits[1])
    size = (8, 8, 1) if recipe.train.dataset.startswith("digits") else (28, 28, 1)
    shape = (1, 28, 28) if recipe.train.dataset.endswith("rows") else size
    model = make_model(recipe.model, shape, classes=10).eval()
    assert model(torch.zeros(1, shape[2], *shape[:2])).shape == (1, 10)


@pytest.mark.parametrize(
    ("overrides", "rate"),
    [
        ({}, 0.02),
        ({"weight_bits": "t"}, 0.02),
        ({"weight_bits": 2}, 0.002),
        ({"weight_bits": 8}, 0.002),
        ({"float": True}, 0.002),
        ({"learning_rate": 0.5}, 0.5),
    ],
)
def test_learning_rate_follows_the_weights_unless_given(overrides, rate):
    assert find_recipe("digits").with_overrides(**overrides).learning_rate == rate


def test_overrides_replace_keys_of_either_table():
    recipe = find_recipe("sfc").with_overrides(
        weight_bits="2", activation_bits="t", epochs=3, seed=None, dataset="digits"
    )
    assert recipe.model.weight_bits == 2
    assert recipe.model.activation_bits == "t"
    assert recipe.train == find_recipe("sfc").train.model_copy(
        update={"epochs": 3, "dataset": "digits"}
    )


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"weight_bits": 3}, "weight_bits in [model] must be one of 1, 't', 2, 4, 8, not 3"),
        (
            {"weight_bits": True},
            "weight_bits in [model] must be one of 1, 't', 2, 4, 8, not 'true'",
        ),
        ({"weight_bits": "x"}, "weight_bits in [model] must be one of 1, 't', 2, 4, 8, not 'x'"),
        ({"input_bits": 16}, "input_bits in [model] must be one of 1, 't', 2, 4, 8, not 16"),
        ({"epochs": -1}, "epochs in [train] must be at least 0, not -1"),
        ({"epochs": 0}, "epochs in [train] must be 1 or more without [start], not 0"),
        ({"epochs": "3"}, "epochs in [train] must be an integer, not '3'"),
        ({"learning_rate": -1.0}, "learning_rate in [train] must be greater than 0, not -1.0"),
        ({"widths": []}, "widths in [model] must be a list of 1 or more, not []"),
        ({"widths": [0]}, "widths[0] in [model] must be at least 1, not 0"),
    ],
)
def test_wrong_values_are_named(overrides, message):
    with pytest.raises(ConfigError, match=f"^recipe overrides: {re.escape(message)}$"):
        find_recipe("digits").with_overrides(**overrides)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"kind": "vggg", "widths": [3]},
            "kind in [model] must be one of 'mlp', 'cnv', 'vgg', 'resnet', 'dscnn', 'kws', "
            "not 'vggg'; did you mean 'vgg'?",
        ),
        (
            {"kind": 3},
            "kind in [model] must be one of 'mlp', 'cnv', 'vgg', 'resnet', 'dscnn', 'kws', not 3",
        ),
        ({"kind": "vgg"}, "missing key 'stages' in [model]"),
        (
            {"kind": "vgg", "stages": [[4], [0]]},
            "stages[1][0] in [model] must be at least 1, not 0",
        ),
        (
            {"kind": "vgg", "stages": [[4]], "widths": [4]},
            "unknown key 'widths' in [model] (known: kind, weight_bits, activation_bits, "
            "input_bits, first_weight_bits, thermometer, float, stages, hidden)",
        ),
        (
            {"kind": "resnet", "widths": [4], "residual_bit": 3},
            "unknown key 'residual_bit' in [model]; did you mean 'residual_bits'? (known: kind, "
            "weight_bits, activation_bits, input_bits, first_weight_bits, thermometer, float, "
            "widths, blocks, residual_bits)",
        ),
        (
            {"kind": "dscnn", "stem": 4, "widths": [4, 5], "strides": [1]},
            "strides in [model] must be a list of 2, one for each of widths, not [1]",
        ),
        (
            {"kind": "kws", "widths": [4], "strides": [1], "dilations": [1, 2]},
            "dilations in [model] must be a list of 1, one for each of widths, not [1, 2]",
        ),
        (
            {"kind": "kws", "widths": [4], "strides": [1], "dilations": [1], "kernel": 4},
            "kernel in [model] must be odd, not 4",
        ),
        (
            {"widths": [4], "input_bits": 2, "thermometer": 5},
            "thermometer in [model] must be 0 with input_bits = 2, not 5",
        ),
        (
            {"widths": [4], "first_weight_bits": True},
            "first_weight_bits in [model] must be one of 1, 't', 2, 4, 8, not 'true'",
        ),
        (
            {"widths": [4], "thermometer": 256},
            "thermometer in [model] must be at most 255, not 256",
        ),
        ("vgg", "model must be a table, not 'vgg'"),
    ],
)
def test_wrong_tables_of_networks_are_named(table, message):
    with pytest.raises(ConfigError, match=f"^test: {re.escape(message)}$"):
        parse_recipe({"model": table}, "test")


def test_a_table_without_a_kind_is_of_a_perceptron():
    assert parse_recipe({"model": {"widths": [3]}}, "test").model == MlpRecipe(widths=(3,))


def test_overrides_reach_the_keys_of_every_kind():
    recipe = find_recipe("resnet").with_overrides(blocks=3, thermometer=4, first_weight_bits="4")
    assert (recipe.model.blocks, recipe.model.thermometer) == (3, 4)
    assert recipe.model.first_weight_bits == 4


def test_unknown_override_has_a_suggestion():
    with pytest.raises(
        ConfigError, match=r"^a recipe has no key 'epoch'; did you mean 'epochs'\?$"
    ):
        find_recipe("digits").with_overrides(epoch=3)
    with pytest.raises(ConfigError, match=r"^a recipe has no key 'q' \(known: kind, weight_b"):
        find_recipe("digits").with_overrides(q=3)


def test_unknown_key_in_a_file_has_a_suggestion(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[model]\nwidths = [4]\nweight_bit = 1\n")
    with pytest.raises(
        ConfigError, match=r"mine.toml: unknown key 'weight_bit' in \[model\]; did you mean 'weig"
    ):
        find_recipe(path)


def test_unknown_recipe_lists_the_shipped_ones():
    with pytest.raises(
        ConfigError,
        match=r"^no recipe 'digit': it must be one of cnv, digits, digits-cnn, dscnn, kws, lfc, "
        r"resnet, sfc, tfc, vgg, or a TOML file; "
        r"did you mean 'digits'\?$",
    ):
        find_recipe("digit")


def test_recipes_never_change():
    with pytest.raises(ValueError, match="frozen"):
        find_recipe("digits").model.float = True
