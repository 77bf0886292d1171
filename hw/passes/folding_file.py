# SPDX-License-Identifier: Apache-2.0
"""Folding files: JSON with FINN's keys, by our names or by FINN's.

::

    {"Defaults": {"ram_style": "block"},
     "image": {"PE": 49},
     "fc1": {"PE": 16, "SIMD": 49},
     "MVAU_hls_1": {"PE": 8, "SIMD": 16, "mem_mode": "internal_embedded"}}

- A layer is named as in the dataflow graph, or as FINN names it: ``MVAU_hls_1`` is the second
  MVAU, ``Thresholding_rtl_0`` the first thresholding unit.
- ``Defaults`` holds values for all layers (``"PE": 4``) or, as in FINN, for some kinds
  (``"PE": [4, ["MVAU"]]``). A layer of which nothing is said has PE 1 and SIMD 1, as in FINN.
- Left out, ``image`` (the input) has the lanes of the layer it feeds, and ``label`` those of the
  layer that feeds it.
- ``inFIFODepths`` sets the depths of the FIFOs before a layer, one for each input; left out,
  they are computed.
- FINN's keys that have no meaning here are accepted as long as their value asks for nothing that
  xnorflow would not do: :data:`IGNORED_KEYS`. So are entries of FINN's layers that follow from
  others here: :data:`NOT_FOLDED`. Every other key or name is an error.

Names of keys and kinds: FINN, ``src/finn/custom_op/fpgadataflow``; the form of ``Defaults``:
qonnx, ``transformation/general.py``, ``ApplyConfig``.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xnorflow.errors import FoldingError
from xnorflow.hw.passes.folding import FoldedLayer, FoldingPlan, is_folded, lanes_into
from xnorflow.hw.passes.fuse import Fuse
from xnorflow.hw.passes.rewrite import folded_readers, layers_of
from xnorflow.ir import (
    MVAU,
    VVAU,
    AddUnit,
    ConcatUnit,
    Dataflow,
    Folding,
    GlobalPoolUnit,
    LabelSelect,
    Layer,
    Network,
    PoolUnit,
    RamStyle,
    StreamInput,
    ThermometerUnit,
    Thresholding,
    UpsampleUnit,
)

__all__ = ["IGNORED_KEYS", "parse_plan", "read_plan"]


@dataclass(frozen=True, slots=True)
class IgnoredKey:
    """A key of FINN that changes nothing here.

    Parameters
    ----------
    reason
        Why it changes nothing.
    values
        Values that may be given; None admits all.
    """

    reason: str
    values: tuple[object, ...] | None = None


ON_CHIP = ("const", "decoupled", "internal_embedded", "internal_decoupled")

IGNORED_KEYS: Mapping[str, IgnoredKey] = {
    "mem_mode": IgnoredKey("weights are always beside the unit, on chip", ON_CHIP),
    "runtime_writeable_weights": IgnoredKey("weights are fixed when the hardware is made", (0,)),
    "resType": IgnoredKey(
        "products of 1 and 2 bits need no multiplier; wider ones are left to the synthesis tool"
    ),
    "ram_style_thresholds": IgnoredKey("thresholds are a few bits a channel: always LUTs"),
    "depth_trigger_bram": IgnoredKey("thresholds are in no block RAM"),
    "depth_trigger_uram": IgnoredKey("thresholds are in no block RAM"),
    "preferred_impl_style": IgnoredKey("there is one implementation, in RTL"),
    "outFIFODepths": IgnoredKey("the layers behind say how deep their FIFOs are: inFIFODepths"),
    "numInputVectors": IgnoredKey("the number of vectors follows from the network"),
    "slr": IgnoredKey("placement is left to the place and route tool"),
    "partition_id": IgnoredKey("the accelerator is one partition"),
}
"""FINN's keys without a meaning here, and the values that are accepted for them."""

KINDS: Mapping[str, type[Layer]] = {
    "MVAU": MVAU,
    "MatrixVectorActivation": MVAU,
    "VVAU": VVAU,
    "VectorVectorActivation": VVAU,
    "Thresholding": Thresholding,
    "Pool": PoolUnit,
    "StreamingMaxPool": PoolUnit,
    "GlobalAccPool": GlobalPoolUnit,
    "UpsampleNearestNeighbour": UpsampleUnit,
    "AddStreams": AddUnit,
    "StreamingConcat": ConcatUnit,
    "LabelSelect": LabelSelect,
}
"""Layer of each of FINN's operators, older names included."""

NOT_FOLDED = (
    "ConvolutionInputGenerator",
    "DuplicateStreams",
    "FMPadding",
    "IODMA",
    "StreamingDataWidthConverter",
    "StreamingFIFO",
)
"""FINN's operators that have no folding of their own here: windows, padding and forks follow the
layers that read them, FIFOs and converters are computed, and there is no DMA."""

PRODUCT_KEYS = ("PE", "SIMD", "ram_style", "inFIFODepths")
KEYS: Mapping[type[Layer], tuple[str, ...]] = {
    StreamInput: ("PE",),
    MVAU: PRODUCT_KEYS,
    VVAU: PRODUCT_KEYS,
    PoolUnit: ("PE", "SIMD", "inFIFODepths"),
}
"""Keys of each kind of layer that has others than :data:`OTHER_KEYS`."""

OTHER_KEYS = ("PE", "inFIFODepths")
DEFAULT_KEYS = ("PE", "SIMD", "ram_style")

Entry = Mapping[str, Any]


def read_plan(path: Path, network: Network) -> FoldingPlan:
    """The plan in the folding file ``path`` for ``network``.

    Raises
    ------
    FoldingError
        If the file cannot be read, names a layer twice or one that is not there, or holds an
        unknown key or an impossible value.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FoldingError(f"folding file {path} cannot be read: {error}") from error
    return parse_plan(text, network, where=str(path))


def parse_plan(text: str, network: Network, *, where: str = "folding file") -> FoldingPlan:
    """The plan in ``text``, the content of a folding file (see :func:`read_plan`)."""
    dataflow = Fuse().apply(network)
    document = load_json(text, where)
    defaults = parse_defaults(document.pop("Defaults", {}))
    entries: dict[str, Entry] = {}
    given_as: dict[str, str] = {}
    check_one_style(document)
    for name, values in document.items():
        if follows_others(name):
            continue
        layer = find_layer(name, dataflow)
        if layer.name in entries:
            raise FoldingError(
                f"layer {layer.name!r} must have one entry, not {given_as[layer.name]!r} "
                f"and {name!r} ({where})"
            )
        given_as[layer.name] = name
        entries[layer.name] = check_entry(layer, values, name)
    return complete(entries, defaults, dataflow)


def load_json(text: str, where: str) -> dict[str, Any]:
    """The object in ``text``; no key may come twice."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise FoldingError(f"{twice!r} must have one entry, not two ({where})")
        return values

    try:
        document = json.loads(text, object_pairs_hook=unique)
    except ValueError as error:
        raise FoldingError(f"{where} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise FoldingError(
            f"{where} must hold an object of layers, not a {type(document).__name__}"
        )
    return document


# ---- names ------------------------------------------------------------------------------------


FINN_NAME = re.compile(r"([A-Za-z]+?)(?:_Batch)?(_hls|_rtl)?_(\d+)")


def check_one_style(names: Iterable[str]) -> None:
    """Refuse ``MVAU_hls_0`` beside ``MVAU_rtl_0``: FINN counts the two apart, so n is unclear."""
    styles: dict[str, tuple[str, str]] = {}
    for name in names:
        match = FINN_NAME.fullmatch(name)
        if not match or match[1] not in KINDS:
            continue
        style, first = styles.setdefault(match[1], (match[2] or "", name))
        if style != (match[2] or ""):
            raise FoldingError(
                f"{first!r} and {name!r} must not stand in one file: FINN numbers the two styles "
                "apart, so name these layers as in the dataflow graph"
            )


def find_layer(name: str, dataflow: Dataflow) -> Layer:
    """The layer that ``name`` means."""
    layers = {layer.name: layer for layer in layers_of(dataflow) if is_folded(layer)}
    if name in layers:
        return layers[name]
    match = FINN_NAME.fullmatch(name)
    if match and match[1] in KINDS:
        return nth_of_kind(KINDS[match[1]], int(match[3]), name, layers.values())
    raise FoldingError(f"no layer is called {name!r}{suggestion(name, layers)}")


def follows_others(name: str) -> bool:
    """Whether ``name`` is one of FINN's whose folding follows from others here."""
    match = FINN_NAME.fullmatch(name)
    return match is not None and match[1] in NOT_FOLDED


def nth_of_kind(kind: type[Layer], index: int, name: str, layers: Iterable[Layer]) -> Layer:
    """Layer number ``index`` among those of ``kind``."""
    found = [layer for layer in layers if isinstance(layer, kind)]
    if index < len(found):
        return found[index]
    names = ", ".join(layer.name for layer in found) or "none"
    raise FoldingError(
        f"{name!r} is not there: the network has {len(found)} {kind.mnemonic} layer(s) ({names})"
    )


def suggestion(name: str, known: Iterable[str]) -> str:
    """A hint at the name that was meant, and all names."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    guess = f": did you mean {close[0]!r}?" if close else ""
    return f"{guess} (known: {', '.join(names)})"


# ---- keys and values --------------------------------------------------------------------------


def check_entry(layer: Layer, values: Any, name: str) -> Entry:
    """``values`` of one layer, with the ignored keys checked and taken out."""
    if not isinstance(values, dict):
        raise FoldingError(
            f'an entry must be an object such as {{"PE": 4}}, not {values!r} ({name!r})'
        )
    keys = keys_of(layer)
    for key, value in values.items():
        if key not in keys and key not in IGNORED_KEYS:
            raise FoldingError(
                f"{layer.mnemonic} {name!r} has no key {key!r}{suggestion(key, keys)}"
            )
        check_value(key, value, name)
    depths = values.get("inFIFODepths")
    if depths is not None and len(depths) != len(layer.inputs):
        raise FoldingError(
            f"inFIFODepths must have a depth for each of {len(layer.inputs)} input(s), "
            f"not {depths!r} ({name!r})"
        )
    return {key: value for key, value in values.items() if key in keys}


def keys_of(layer: Layer) -> tuple[str, ...]:
    """Keys that ``layer`` has."""
    return KEYS.get(type(layer), OTHER_KEYS)


def check_value(key: str, value: Any, name: str) -> None:
    """Refuse a value that ``key`` cannot have."""
    if key in ("PE", "SIMD"):
        if type(value) is not int or value < 1:
            raise FoldingError(f"{key} must be a positive integer, not {value!r} ({name!r})")
        return
    if key == "inFIFODepths":
        if not isinstance(value, list) or not all(type(d) is int and d >= 2 for d in value):
            raise FoldingError(
                f"{key} must be a list of integers, 2 or more each, not {value!r} ({name!r})"
            )
        return
    legal: tuple[object, ...] | None
    legal = tuple(RamStyle) if key == "ram_style" else IGNORED_KEYS[key].values
    if legal is not None and value not in legal:
        choices = ", ".join(str(choice) for choice in legal)
        raise FoldingError(f"{key} must be one of {choices}, not {value!r} ({name!r})")


def parse_defaults(defaults: Any) -> Callable[[Layer], Entry]:
    """Default values of a layer, from the section ``Defaults``."""
    if not isinstance(defaults, dict):
        raise FoldingError(f"'Defaults' must be an object, not {defaults!r}")
    rows: list[tuple[str, Any, frozenset[type[Layer]]]] = []
    for key, given in defaults.items():
        if key not in DEFAULT_KEYS and key not in IGNORED_KEYS:
            raise FoldingError(f"'Defaults' has no key {key!r}{suggestion(key, DEFAULT_KEYS)}")
        pairs = given if isinstance(given, list) else [given, "all"]
        if len(pairs) % 2:
            raise FoldingError(f"'Defaults' must give values and kinds in pairs, not {given!r}")
        for value, kinds in zip(pairs[::2], pairs[1::2], strict=True):
            check_value(key, value, "Defaults")
            rows.append((key, value, kinds_meant(kinds)))

    def of(layer: Layer) -> Entry:
        keys = keys_of(layer)
        return {key: value for key, value, kinds in rows if type(layer) in kinds and key in keys}

    return of


def kinds_meant(kinds: Any) -> frozenset[type[Layer]]:
    """The layers that ``kinds``, FINN's operators or "all", means."""
    if kinds == "all":
        return frozenset(KINDS.values()) - {LabelSelect}
    names = kinds if isinstance(kinds, list) else [kinds]
    plain = [re.sub(r"(_Batch)?(_hls|_rtl)?$", "", str(name)) for name in names]
    for name in plain:
        if name not in KINDS:
            raise FoldingError(f"'Defaults' names no kind {name!r}{suggestion(name, KINDS)}")
    return frozenset(KINDS[name] for name in plain)


# ---- completion -------------------------------------------------------------------------------


def complete(
    entries: Mapping[str, Entry], defaults: Callable[[Layer], Entry], dataflow: Dataflow
) -> FoldingPlan:
    """The plan with an entry for every layer."""
    source, *layers = (layer for layer in layers_of(dataflow) if is_folded(layer))
    given = {layer.name: {**defaults(layer), **entries.get(layer.name, {})} for layer in layers}
    plan: dict[str, Folding] = {source.name: Folding()}
    for layer in layers:
        values = given[layer.name]
        if isinstance(layer, LabelSelect):
            values = {"PE": lanes_given(feeder(layer, dataflow), plan)} | values
        plan[layer.name] = folding_from(values)
        if isinstance(layer, FoldedLayer):
            replace(layer, folding=plan[layer.name])  # refuses what does not divide
    first = next(iter(folded_readers(source.name, dataflow)))
    lanes = lanes_into(layer_called(first, dataflow), plan[first], dataflow)
    plan[source.name] = folding_from({"PE": lanes} | dict(entries.get(source.name, {})))
    depths = {
        name: tuple(values["inFIFODepths"])
        for name, values in given.items()
        if "inFIFODepths" in values
    }
    return FoldingPlan(plan, depths)


def layer_called(name: str, dataflow: Dataflow) -> Layer:
    """The layer called ``name``."""
    return next(layer for layer in layers_of(dataflow) if layer.name == name)


def feeder(layer: Layer, dataflow: Dataflow) -> Layer:
    """The layer whose folding decides in how many lanes the input of ``layer`` comes."""
    layer = layer_called(layer.inputs[0], dataflow)
    while not is_folded(layer):
        layer = layer_called(layer.inputs[0], dataflow)
    return layer


def lanes_given(layer: Layer, plan: Mapping[str, Folding]) -> int:
    """Lanes that ``layer`` gives."""
    lanes = plan[layer.name].pe
    return lanes * len(layer.levels) if isinstance(layer, ThermometerUnit) else lanes


def folding_from(values: Entry) -> Folding:
    """The folding that checked ``values`` describe."""
    return Folding(
        pe=values.get("PE", 1),
        simd=values.get("SIMD", 1),
        ram_style=RamStyle(values.get("ram_style", RamStyle.AUTO)),
    )
