# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorflow.errors import ConfigError
from xnorflow.quant.recipe import ModelRecipe, Recipe, TrainRecipe, find_recipe, shipped_recipes

BITS = st.sampled_from([1, "t", 2, 4, 8])


def recipes():
    model = st.builds(
        ModelRecipe,
        widths=st.lists(st.integers(1, 4096), min_size=1, max_size=5).map(tuple),
        weight_bits=BITS,
        activation_bits=BITS,
        input_bits=BITS,
        float=st.booleans(),
    )
    train = st.builds(
        TrainRecipe,
        dataset=st.text(st.characters(exclude_categories=["C"]), min_size=1),
        epochs=st.integers(1, 1000),
        seed=st.integers(0, 2**32 - 1),
        learning_rate=st.none() | st.floats(1e-8, 10),
        batch_size=st.integers(2, 65536),
        threads=st.integers(1, 64),
    )
    return st.builds(Recipe, model=model, train=train)


@given(recipes())
def test_a_recipe_is_the_same_after_writing_and_reading(tmp_path_factory, recipe):
    path = tmp_path_factory.getbasetemp() / "recipe.toml"
    path.write_text(recipe.to_toml(), encoding="utf-8")
    assert find_recipe(path) == recipe


@pytest.mark.parametrize("name", ["digits", "lfc", "sfc", "tfc"])
def test_shipped_recipes_are_complete(name):
    recipe = find_recipe(name)
    assert name in shipped_recipes()
    assert len(recipe.model.widths) == 3
    assert recipe.train.seed == 0


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
        ({"epochs": 0}, "epochs in [train] must be at least 1, not 0"),
        ({"epochs": "3"}, "epochs in [train] must be an integer, not '3'"),
        ({"learning_rate": -1.0}, "learning_rate in [train] must be greater than 0, not -1.0"),
        ({"widths": []}, "widths in [model] must be a list of 1 or more, not []"),
        ({"widths": [0]}, "widths[0] in [model] must be at least 1, not 0"),
    ],
)
def test_wrong_values_are_named(overrides, message):
    with pytest.raises(ConfigError, match=f"^recipe overrides: {re.escape(message)}$"):
        find_recipe("digits").with_overrides(**overrides)


def test_unknown_override_has_a_suggestion():
    with pytest.raises(
        ConfigError, match=r"^a recipe has no key 'epoch'; did you mean 'epochs'\?$"
    ):
        find_recipe("digits").with_overrides(epoch=3)
    with pytest.raises(ConfigError, match=r"^a recipe has no key 'q' \(known: widths, weight_"):
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
        match=r"^no recipe 'digit': it must be one of digits, lfc, sfc, tfc, or a TOML file; "
        r"did you mean 'digits'\?$",
    ):
        find_recipe("digit")


def test_recipes_never_change():
    with pytest.raises(ValueError, match="frozen"):
        find_recipe("digits").model.float = True
