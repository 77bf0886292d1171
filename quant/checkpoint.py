# SPDX-License-Identifier: Apache-2.0
"""Trained networks on disk (``recipe.toml`` and ``checkpoint.pt``), without pickled code."""

from __future__ import annotations

import hashlib
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from xnorflow.errors import ArtifactError
from xnorflow.quant.models.catalog import make_model
from xnorflow.quant.models.model import Model
from xnorflow.quant.pruning.masks import add_masks
from xnorflow.quant.recipe import Recipe, find_recipe

__all__ = ["load_model", "model_digest", "read_state", "save_model", "write_state"]

CHECKPOINT_FILE = "checkpoint.pt"
RECIPE_FILE = "recipe.toml"
FORMAT_VERSION = 1


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` (tensors and plain values) to ``path``, whole or not at all."""
    buffer = io.BytesIO()
    torch.save({"format_version": FORMAT_VERSION} | state, buffer)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(buffer.getbuffer())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_state(path: Path) -> dict[str, Any]:
    """The state in ``path``; nothing but tensors and plain values is read.

    Raises
    ------
    ArtifactError
        If the file is missing, corrupt or of another version.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ArtifactError(f"{path} is missing: not a complete RUN folder") from error
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0] if str(error) else "unexpected end"
        raise ArtifactError(f"{path} is corrupt: {reason}") from error
    version = state.get("format_version") if isinstance(state, dict) else None
    if version != FORMAT_VERSION:
        raise ArtifactError(
            f"{path} has format version {version}, this xnorflow reads {FORMAT_VERSION}"
        )
    return dict(state)


def save_model(model: Model, recipe: Recipe, folder: Path) -> None:
    """Write ``model`` into the existing ``folder``."""
    (folder / RECIPE_FILE).write_text(recipe.to_toml(), encoding="utf-8")
    state = {
        "image_shape": list(model.image_shape),
        "classes": model.classes,
        "weights": dict(model.state_dict()),
    }
    write_state(folder / CHECKPOINT_FILE, state)


def load_model(folder: Path) -> Model:
    """The network that :func:`save_model` wrote into ``folder``, in evaluation mode.

    Raises
    ------
    ArtifactError
        If a file is missing or corrupt, or the two do not belong together.
    """
    if not (folder / RECIPE_FILE).is_file():
        raise ArtifactError(f"{folder / RECIPE_FILE} is missing: not a trained network")
    recipe = find_recipe(folder / RECIPE_FILE)
    state = read_state(folder / CHECKPOINT_FILE)
    height, width, channels = state["image_shape"]
    model = make_model(recipe.trained_model, (height, width, channels), state["classes"])
    if recipe.has_masks:
        add_masks(model)
    weights: dict[str, Tensor] = state["weights"]
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ArtifactError(
            f"{folder / CHECKPOINT_FILE} does not hold the network of {RECIPE_FILE}: "
            f"{str(error).splitlines()[-1].strip()}"
        ) from error
    return model.eval()


def model_digest(folder: Path) -> str:
    """SHA-256 of the weights in ``folder``, as hexadecimal digits.

    Raises
    ------
    ArtifactError
        If there are none.
    """
    try:
        return hashlib.sha256((folder / CHECKPOINT_FILE).read_bytes()).hexdigest()
    except OSError as error:
        raise ArtifactError(
            f"{folder / CHECKPOINT_FILE} cannot be read: {folder.parent} must be the RUN folder "
            "of a trained network"
        ) from error
