# SPDX-License-Identifier: Apache-2.0
"""Recipes: what to train, and how, as TOML."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import Field, SerializeAsAny, create_model, model_validator

from xnorflow.config import parse_table, read_toml
from xnorflow.errors import ConfigError
from xnorflow.quant.compression_recipe import DistilRecipe, PruneRecipe, StartRecipe
from xnorflow.quant.model_recipe import MODEL_RECIPES, ModelRecipe, Section

__all__ = ["Recipe", "TrainRecipe", "find_recipe", "parse_recipe", "shipped_recipes"]

RECIPE_FOLDER = Path(__file__).resolve().parent / "recipes"
DEFAULT_KIND = "mlp"


class TrainRecipe(Section):
    """How it is trained.

    Parameters
    ----------
    dataset
        Name or path for :func:`xnorflow.quant.data.load_dataset`; a relative path is seen from
        the folder in which a command runs.
    epochs
        Passes over the training images; 0, with weights to start from, trains nothing.
    seed
        Of the initial weights and the order of images.
    learning_rate
        Peak of the one-cycle schedule; by default 0.02 for 1-bit and ternary weights, else 0.002.
    batch_size
        Images of a step.
    flip
        Exchange left and right of half of the training images, others in each epoch.
    shift
        Move each training image by up to so many pixels in height and in width.
    labelled
        Share of the training images, the same of each class, whose labels are known; the others
        take no part unless ``[distil]`` asks for them. Which ones does not depend on ``seed``.
    label_smoothing
        Share of each label that is spread over all classes.
    bfloat16
        Multiply with 8 significant bits while training (never while testing): up to twice as fast
        on processors that can, and enough for quantised weights.
    threads
        CPU threads; another number may round sums differently.
    """

    dataset: str = "digits"
    epochs: Annotated[int, Field(ge=0, le=100_000)] = 15
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    learning_rate: Annotated[float, Field(gt=0, le=10)] | None = None
    batch_size: Annotated[int, Field(ge=2, le=65536)] = 128
    flip: bool = False
    shift: Annotated[int, Field(ge=0, le=64)] = 0
    labelled: Annotated[float, Field(gt=0, le=1)] = 1.0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    bfloat16: bool = False
    threads: Annotated[int, Field(ge=1, le=1024)] = 1


COMPRESSION_TABLES: MappingProxyType[str, type[Section]] = MappingProxyType(
    {"start": StartRecipe, "prune": PruneRecipe, "distil": DistilRecipe}
)
"""The tables that a recipe may have beside ``[model]`` and ``[train]``."""


class Recipe(Section):
    """A recipe: one network, trained in one way, perhaps compressed.

    Parameters
    ----------
    model, train
        Which network, and how it is trained.
    start
        Weights to begin with; without this table they are random.
    prune
        What is taken out of the network.
    distil
        Who teaches it, beside the labels.

    Examples
    --------
    >>> recipe = find_recipe("digits")
    >>> recipe.model.widths
    (64, 64, 64)
    >>> recipe.with_overrides(weight_bits="t", epochs=3).train.epochs
    3
    """

    model: SerializeAsAny[ModelRecipe]
    train: TrainRecipe = TrainRecipe()
    start: StartRecipe | None = None
    prune: PruneRecipe | None = None
    distil: DistilRecipe | None = None

    @model_validator(mode="after")
    def trains_something(self) -> Recipe:
        """Refuse a network of random weights, and a schedule longer than the training."""
        epochs = self.train.epochs
        if epochs == 0 and self.start is None:
            raise ConfigError("epochs in [train] must be 1 or more without [start], not 0")
        if self.prune is not None and self.prune.ramp_epochs > epochs:
            raise ConfigError(
                f"ramp_epochs in [prune] must be at most epochs = {epochs} in [train], "
                f"not {self.prune.ramp_epochs}"
            )
        return self

    def with_overrides(self, **values: Any) -> Recipe:
        """The recipe with some keys replaced; ``None`` leaves a key as it is.

        Parameters
        ----------
        values
            By key of any table: ``weight_bits``, ``epochs``, ``sparsity``, ...; widths in
            bits may be text, as they come from a command line. A table that the recipe lacks
            appears with the first of its keys.

        Raises
        ------
        ConfigError
            If a key is unknown or its value is wrong.
        """
        document = self.model_dump(exclude_none=True)
        homes = self.table_of_key()
        for key, value in values.items():
            if key not in homes:
                raise ConfigError(unknown_key_message(key, homes))
            if value is not None:
                table = document.setdefault(homes[key], {})
                table[key] = number_if_digits(value) if key.endswith("_bits") else value
        return parse_recipe(document, "recipe overrides")

    def table_of_key(self) -> dict[str, str]:
        """For each key of a recipe of this kind, the table in which it stands."""
        tables: dict[str, type[Section]] = {
            "model": type(self.model),
            "train": TrainRecipe,
            **COMPRESSION_TABLES,
        }
        return {key: name for name, table in tables.items() for key in table.model_fields}

    @property
    def learning_rate(self) -> float:
        """Peak learning rate, given or by default."""
        if self.train.learning_rate is not None:
            return self.train.learning_rate
        coarse = self.model.weight_bits in (1, "t") and not self.model.float
        return 2e-2 if coarse else 2e-3

    @property
    def runs(self) -> tuple[str, ...]:
        """RUN folders that the training reads."""
        start = () if self.start is None else (self.start.run,)
        return start if self.distil is None else (*start, *self.distil.teachers)

    @property
    def has_masks(self) -> bool:
        """Whether the network that comes out has masks, for its pruned weights."""
        return self.prune is not None and self.prune.remove == "weights"

    @property
    def trained_model(self) -> ModelRecipe:
        """The network that comes out of the training: with fewer neurons if they are pruned."""
        if self.prune is None or self.prune.remove == "weights":
            return self.model
        return self.model.resized(self.prune.remaining_neurons)

    def to_toml(self) -> str:
        """The recipe as a TOML document, without keys that are left to their defaults."""
        tables = self.model_dump(exclude_none=True, mode="json")
        return "\n".join(
            "".join([f"[{name}]\n", *(f"{key} = {toml_value(v)}\n" for key, v in table.items())])
            for name, table in tables.items()
        )


DOCUMENTS: MappingProxyType[str, type[Recipe]] = MappingProxyType(
    {
        kind: create_model(f"{table.__name__}Document", __base__=Recipe, model=(table, ...))
        for kind, table in MODEL_RECIPES.items()
    }
)
"""A recipe of each kind of network, as a document must be: its keys are those of that kind."""


def parse_recipe(document: Mapping[str, Any], where: str) -> Recipe:
    """The plain values ``document`` as a recipe; without a ``kind``, of a perceptron.

    Parameters
    ----------
    document
        Keys and values as a TOML document gives them.
    where
        Where they come from; messages begin with it.

    Raises
    ------
    ConfigError
        If they are no recipe; the message has a line for each wrong key.
    """
    table = document.get("model")
    kind = table.get("kind", DEFAULT_KIND) if isinstance(table, dict) else DEFAULT_KIND
    if not isinstance(kind, str) or kind not in DOCUMENTS:
        close = difflib.get_close_matches(str(kind), DOCUMENTS, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        known = ", ".join(map(repr, DOCUMENTS))
        raise ConfigError(f"{where}: kind in [model] must be one of {known}, not {kind!r}{hint}")
    parsed = parse_table(document, DOCUMENTS[kind], where)
    return Recipe(**{name: getattr(parsed, name) for name in Recipe.model_fields})


def load_recipe(path: Path) -> Recipe:
    """The recipe in the TOML file ``path``."""
    return parse_recipe(read_toml(path), str(path))


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


def unknown_key_message(key: str, known: Iterable[str]) -> str:
    """That no table of a recipe has ``key``, and perhaps what was meant."""
    known = list(known)
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
        return load_recipe(RECIPE_FOLDER / f"{name}.toml")
    path = Path(name_or_path).expanduser()
    if path.is_file():
        return load_recipe(path)
    close = difflib.get_close_matches(name.lower(), shipped_recipes(), n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    known = ", ".join(shipped_recipes())
    raise ConfigError(f"no recipe {name!r}: it must be one of {known}, or a TOML file{hint}")
