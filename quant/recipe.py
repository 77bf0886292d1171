# SPDX-License-Identifier: Apache-2.0
"""Recipes: what to train, and how, as TOML."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from xnorflow.config import load_toml, parse_table
from xnorflow.errors import ConfigError

__all__ = ["Bits", "ModelRecipe", "Recipe", "TrainRecipe", "find_recipe", "shipped_recipes"]

RECIPE_FOLDER = Path(__file__).resolve().parent / "recipes"


Bits = Literal[1, "t", 2, 4, 8]
"""A width: 1 bit (-1, +1), ternary (-1, 0, +1), or 2, 4, 8 bits."""


def no_truth_value(value: object) -> object:
    """``value``; but ``True``, which equals 1 in Python, as the word that stands in the TOML."""
    return str(value).lower() if isinstance(value, bool) else value


BitsField = Annotated[Bits, BeforeValidator(no_truth_value)]
Width = Annotated[int, Field(ge=1, le=65536)]


class Section(BaseModel):
    """A table of a recipe: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelRecipe(Section):
    """The network: a multi-layer perceptron.

    Parameters
    ----------
    widths
        Neurons of each hidden layer; input and output follow from the data set.
    weight_bits, activation_bits
        Of all layers.
    input_bits
        Of the pixels; 8 takes them as they are.
    float
        Train a baseline in floating point: widths in bits are ignored, and nothing is lowered.
    """

    widths: Annotated[tuple[Width, ...], Field(min_length=1, max_length=64)]
    weight_bits: BitsField = 1
    activation_bits: BitsField = 1
    input_bits: BitsField = 8
    float: bool = False


class TrainRecipe(Section):
    """How it is trained.

    Parameters
    ----------
    dataset
        Name or path for :func:`xnorflow.quant.data.load_dataset`; a relative path is seen from
        the folder in which a command runs.
    epochs
        Passes over the training images.
    seed
        Of the initial weights and the order of images.
    learning_rate
        Peak of the one-cycle schedule; by default 0.02 for 1-bit and ternary weights, else 0.002.
    batch_size
        Images of a step.
    threads
        CPU threads; another number may round sums differently.
    """

    dataset: str = "digits"
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 15
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    learning_rate: Annotated[float, Field(gt=0, le=10)] | None = None
    batch_size: Annotated[int, Field(ge=2, le=65536)] = 128
    threads: Annotated[int, Field(ge=1, le=1024)] = 1


class Recipe(Section):
    """A recipe: one network, trained in one way.

    Examples
    --------
    >>> recipe = find_recipe("digits")
    >>> recipe.model.widths
    (64, 64, 64)
    >>> recipe.with_overrides(weight_bits="t", epochs=3).train.epochs
    3
    """

    model: ModelRecipe
    train: TrainRecipe = TrainRecipe()

    def with_overrides(self, **values: Any) -> Recipe:
        """The recipe with some keys replaced; ``None`` leaves a key as it is.

        Parameters
        ----------
        values
            By key of either table: ``weight_bits``, ``epochs``, ``dataset``, ...; widths in
            bits may be text, as they come from a command line.

        Raises
        ------
        ConfigError
            If a key is unknown or its value is wrong.
        """
        document = self.model_dump()
        for key, value in values.items():
            table = next((t for t in document.values() if key in t), None)
            if table is None:
                raise ConfigError(unknown_key_message(key, document))
            if value is not None:
                table[key] = number_if_digits(value) if key.endswith("_bits") else value
        return parse_table(document, Recipe, "recipe overrides")

    @property
    def learning_rate(self) -> float:
        """Peak learning rate, given or by default."""
        if self.train.learning_rate is not None:
            return self.train.learning_rate
        coarse = self.model.weight_bits in (1, "t") and not self.model.float
        return 2e-2 if coarse else 2e-3

    def to_toml(self) -> str:
        """The recipe as a TOML document, without keys that are left to their defaults."""
        tables = self.model_dump(exclude_none=True, mode="json")
        return "\n".join(
            "".join([f"[{name}]\n", *(f"{key} = {toml_value(v)}\n" for key, v in table.items())])
            for name, table in tables.items()
        )


def number_if_digits(value: object) -> object:
    """``"2"`` as 2; all else, ``"t"`` too, as it is."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def toml_value(value: object) -> str:
    """A scalar or a list as TOML writes it.

    Examples
    --------
    >>> toml_value(["t", 2, True])
    '["t", 2, true]'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(map(toml_value, value))}]"
    return repr(value)


def unknown_key_message(key: str, document: dict[str, dict[str, Any]]) -> str:
    """That no table of a recipe has ``key``, and perhaps what was meant."""
    known = [name for table in document.values() for name in table]
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else f" (known: {', '.join(known)})"
    return f"a recipe has no key {key!r}{hint}"


def shipped_recipes() -> tuple[str, ...]:
    """Names of the recipes that come with this package."""
    return tuple(sorted(path.stem for path in RECIPE_FOLDER.glob("*.toml")))


def find_recipe(name_or_path: str | Path) -> Recipe:
    """The shipped recipe of that name, or the one in that file.

    Raises
    ------
    ConfigError
        If there is neither, or the recipe is wrong.
    """
    name = str(name_or_path)
    if name in shipped_recipes():
        return load_toml(RECIPE_FOLDER / f"{name}.toml", Recipe)
    path = Path(name_or_path).expanduser()
    if path.is_file():
        return load_toml(path, Recipe)
    close = difflib.get_close_matches(name.lower(), shipped_recipes(), n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    known = ", ".join(shipped_recipes())
    raise ConfigError(f"no recipe {name!r}: it must be one of {known}, or a TOML file{hint}")
