# SPDX-License-Identifier: Apache-2.0
"""Graphs on disk: a folder with ``<stage>.json`` and ``tensors.npz``, no pickles.

The JSON holds the schema version, the nodes with their scalars, and for every array its key in
``tensors.npz`` with its SHA-256, so that a corrupt or swapped file is found when it is read.
Equal graphs give equal bytes.
"""

from __future__ import annotations

import hashlib
import json
import struct
import types
import typing
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from xnorflow.errors import ArtifactError, GraphError
from xnorflow.ir.datatype import DataType
from xnorflow.ir.graph import Graph
from xnorflow.ir.node import Node

__all__ = ["SCHEMA_VERSION", "graph_digest", "load_graph", "save_graph"]

SCHEMA_VERSION = 2
TENSORS_FILE = "tensors.npz"

UNREADABLE = (
    *(OSError, ValueError, LookupError, EOFError, TypeError, AttributeError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(NotImplementedError, RuntimeError, MemoryError, OverflowError),
)
"""What numpy, zipfile and zlib raise on a damaged archive, depending on where the damage is."""

G = TypeVar("G", bound=Graph[Any])
Tensors = dict[str, np.ndarray[Any, Any]]


def save_graph(graph: Graph[Any], folder: Path) -> None:
    """Write ``graph`` into the existing ``folder``."""
    tensors: Tensors = {}
    document = to_document(graph, tensors)
    with (folder / TENSORS_FILE).open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **tensors)
    (folder / f"{graph.stage}.json").write_text(json.dumps(document, indent=1) + "\n")


def load_graph(stage: type[G], folder: Path) -> G:
    """Read the graph of class ``stage`` from ``folder``.

    Raises
    ------
    ArtifactError
        If a file is missing, corrupt, of another schema version, or breaks a rule of the stage.
    """
    path = folder / f"{stage.stage}.json"
    document = read_document(path)
    tensors = read_tensors(folder / TENSORS_FILE, document["tensors"])
    try:
        return stage(tuple(node_from(stage, record, tensors) for record in document["nodes"]))
    except (KeyError, TypeError, ValueError, GraphError) as error:
        raise ArtifactError(f"{path} does not describe a {stage.stage} graph: {error}") from error


def graph_digest(graph: Graph[Any]) -> str:
    """SHA-256 of everything in ``graph``, as hexadecimal digits: its identity in reports."""
    return hashlib.sha256(json.dumps(to_document(graph, {})).encode()).hexdigest()


def to_document(graph: Graph[Any], tensors: Tensors) -> dict[str, Any]:
    """``graph`` as JSON values; its arrays are added to ``tensors`` by key."""
    nodes = [node_record(node, tensors) for node in graph.nodes]
    hashes = {key: tensor_hash(tensor) for key, tensor in tensors.items()}
    return {
        "schema_version": SCHEMA_VERSION,
        "stage": graph.stage,
        "nodes": nodes,
        "tensors": hashes,
    }


def node_record(node: Node[Any], tensors: Tensors) -> dict[str, Any]:
    """``node`` as JSON values."""
    return {"mnemonic": node.mnemonic} | {
        f.name: plain(getattr(node, f.name), f"{node.name}.{f.name}", tensors) for f in fields(node)
    }


def plain(value: object, key: str, tensors: Tensors) -> Any:
    """``value`` as JSON values; an array goes to ``tensors`` under ``key``."""
    if isinstance(value, np.ndarray):
        tensors[key] = value
        return {"tensor": key}
    if isinstance(value, DataType):
        return value.name
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return list(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {
            f.name: plain(getattr(value, f.name), f"{key}.{f.name}", tensors) for f in fields(value)
        }
    return value


def tensor_hash(tensor: np.ndarray[Any, Any]) -> str:
    """SHA-256 of type, shape and content of ``tensor``."""
    head = f"{tensor.dtype.str} {tensor.shape} ".encode()
    return hashlib.sha256(head + np.ascontiguousarray(tensor).tobytes()).hexdigest()


def read_document(path: Path) -> dict[str, Any]:
    """The JSON of ``path`` after checking its schema version."""
    try:
        document = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise ArtifactError(f"{path} is missing: not a complete RUN folder") from error
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} cannot be read: {error}") from error
    version = document.get("schema_version") if isinstance(document, dict) else None
    if type(version) is not int or version != SCHEMA_VERSION:
        raise ArtifactError(
            f"{path} has schema version {version}, this xnorflow reads {SCHEMA_VERSION}: "
            "make the folder again with this version"
        )
    if not isinstance(document.get("tensors"), dict):
        raise ArtifactError(f"{path} is corrupt: it has no hashes of its tensors")
    return typing.cast(dict[str, Any], document)


def read_tensors(path: Path, hashes: Mapping[str, str]) -> Tensors:
    """All arrays of ``path``, each checked against its hash."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            tensors = {key: archive[key] for key in hashes}
    except FileNotFoundError as error:
        raise ArtifactError(f"{path} is missing: not a complete RUN folder") from error
    except UNREADABLE as error:
        raise ArtifactError(f"{path} is corrupt: {error}") from error
    for key, expected in hashes.items():
        if tensor_hash(tensors[key]) != expected:
            raise ArtifactError(f"{path} is corrupt: tensor {key!r} does not match its hash")
    return tensors


def node_from(stage: type[Graph[Any]], record: Mapping[str, Any], tensors: Tensors) -> Node[Any]:
    """The node that ``record`` describes."""
    kinds = {kind.mnemonic: kind for kind in stage.kinds}
    if record["mnemonic"] not in kinds:
        raise ValueError(f"unknown kind of node {record['mnemonic']!r}")
    values = {key: value for key, value in record.items() if key != "mnemonic"}
    node: Node[Any] = build_record(kinds[record["mnemonic"]], values, tensors)
    return node


def build_record(cls: type, values: object, tensors: Tensors) -> Any:
    """An object of dataclass ``cls`` from JSON ``values``."""
    hints = typing.get_type_hints(cls)
    if not isinstance(values, dict):
        raise TypeError(f"{cls.__name__} must be an object, not {values!r}")
    if unknown := [key for key in values if key not in hints]:
        raise TypeError(f"{cls.__name__} has no field {unknown[0]!r}")
    return cls(**{key: build_value(hints[key], value, tensors) for key, value in values.items()})


def build_value(hint: Any, value: Any, tensors: Tensors) -> Any:
    """``value`` as the type ``hint`` of its field asks."""
    options = [o for o in typing.get_args(hint) if o is not type(None)]
    origin = typing.get_origin(hint)
    if origin is types.UnionType:
        return None if value is None else build_value(options[0], value, tensors)
    if origin is np.ndarray:
        return tensors[value["tensor"]]
    if origin is tuple:
        return tuple(build_value(options[0], item, tensors) for item in value)
    if hint is DataType:
        return DataType.parse(value)
    if issubclass(hint, Enum):
        return hint(value)
    if is_dataclass(hint) and isinstance(hint, type):
        return build_record(hint, value, tensors)
    if type(value) is not hint:
        raise TypeError(f"{value!r} must be {hint.__name__}")
    return value
