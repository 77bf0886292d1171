# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from xnorflow.config import parse_table, read_toml
from xnorflow.errors import ConfigError


class Style(StrEnum):
    AUTO = "auto"
    BLOCK = "block"


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LayerTable(Table):
    pe: Annotated[int, Field(ge=1, le=64)] = 1
    style: Style = Style.AUTO


class ModelTable(Table):
    widths: Annotated[tuple[int, ...], Field(min_length=1, max_length=3)]
    weight_bits: Literal[1, "t", 2, 4, 8] = 1
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    biased: bool = False
    scale: int | str = 1
    layers: list[LayerTable] = []
    named: dict[str, LayerTable] = {}

    @field_validator("widths")
    @classmethod
    def no_thirteen(cls, widths: tuple[int, ...]) -> tuple[int, ...]:
        if 13 in widths:
            raise ValueError("must be without 13")
        return widths


class Document(Table):
    model: ModelTable
    epochs: int = 1


def parse(text: str, folder: Path) -> Document:
    path = folder / "recipe.toml"
    path.write_text(text)
    return parse_table(read_toml(path), Document, str(path))


def message(text: str, folder: Path) -> str:
    """The error for a document, without its folder."""
    with pytest.raises(ConfigError) as caught:
        parse(text, folder)
    return str(caught.value).replace(f"{folder}/", "")


def test_a_good_document_becomes_the_model(tmp_path: Path) -> None:
    text = """
        epochs = 3
        [model]
        widths = [64, 32]
        weight_bits = "t"
        dropout = 0
        [[model.layers]]
        pe = 4
        style = "block"
        [model.named.fc1]
        pe = 2
    """
    assert parse(text, tmp_path) == Document(
        model=ModelTable(
            widths=(64, 32),
            weight_bits="t",
            dropout=0.0,
            layers=[LayerTable(pe=4, style=Style.BLOCK)],
            named={"fc1": LayerTable(pe=2)},
        ),
        epochs=3,
    )


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            "widht = [3]",
            "unknown key 'widht' in [model]; did you mean 'widths'? (known: widths, weight_bits, "
            "dropout, biased, scale, layers, named)",
        ),
        ("", "missing key 'widths' in [model]"),
        ("widths = []", "widths in [model] must be a list of 1 or more, not []"),
        (
            "widths = [1, 2, 3, 4]",
            "widths in [model] must be a list of 3 or fewer, not [1, 2, 3, 4]",
        ),
        ("widths = 3", "widths in [model] must be a list, not 3"),
        ("widths = [3, 'x']", "widths[1] in [model] must be an integer, not 'x'"),
        ("widths = [3.0]", "widths[0] in [model] must be an integer, not 3.0"),
        ("widths = [13]", "widths in [model] must be without 13, not [13]"),
        (
            "widths = [3]\nweight_bits = 3",
            "weight_bits in [model] must be one of 1, 't', 2, 4, 8, not 3",
        ),
        ("widths = [3]\ndropout = 1", "dropout in [model] must be less than 1, not 1"),
        ("widths = [3]\ndropout = '0'", "dropout in [model] must be a number, not '0'"),
        ("widths = [3]\nbiased = 1", "biased in [model] must be true or false, not 1"),
        ("widths = [3]\nscale = true", "scale in [model] must be an integer or a string, not true"),
        ("widths = [3]\nlayers = 3", "layers in [model] must be a list, not 3"),
        ("widths = [3]\nnamed = 3", "named in [model] must be a table, not 3"),
        (
            "widths = [3]\n[[model.layers]]\n[[model.layers]]\npee = 3",
            "unknown key 'pee' in [model.layers[1]]; did you mean 'pe'? (known: pe, style)",
        ),
        (
            "widths = [3]\n[[model.layers]]\npe = 65",
            "layers[0].pe in [model] must be at most 64, not 65",
        ),
        (
            "widths = [3]\n[model.named.fc1]\nstyle = 'ram'",
            "style in [model.named.fc1] must be one of 'auto', 'block', not 'ram'",
        ),
        (
            "widths = [3]\n[modle]\n",
            "unknown table 'modle'; did you mean 'model'? (known: model, epochs)",
        ),
    ],
)
def test_a_wrong_document_gives_one_line(table: str, expected: str, tmp_path: Path) -> None:
    assert message(f"[model]\n{table}", tmp_path) == f"recipe.toml: {expected}"


def test_all_mistakes_are_told_misspelt_keys_first(tmp_path: Path) -> None:
    text = "epochs = 'x'\n[model]\nwidths = [0.5]\nweigth_bits = 2"
    unknown, *others = message(text, tmp_path).splitlines()
    assert unknown.startswith("recipe.toml: unknown key 'weigth_bits' in [model]; did you mean")
    assert others == [
        "recipe.toml: widths[0] in [model] must be an integer, not 0.5",
        "recipe.toml: epochs must be an integer, not 'x'",
    ]


def test_a_missing_key_is_told_beside_another_that_is_misspelt(tmp_path: Path) -> None:
    lines = message("[model]\nbiasd = true", tmp_path).splitlines()
    assert "did you mean 'biased'" in lines[0]
    assert lines[1:] == ["recipe.toml: missing key 'widths' in [model]"]


def test_a_long_value_is_shortened(tmp_path: Path) -> None:
    told = message(f"[model]\nwidths = {list(range(100))}", tmp_path)
    assert told.endswith("...")
    assert len(told) < 140


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[model\nwidths = 3", r"not valid TOML: .* \(at line 1, column 7\)"),
        ("[model]\nwidths = [3,,4]", r"not valid TOML: .* \(at line 2, column 13\)"),
        ("a = 1\na = 2", r"not valid TOML: .* \(at (line 2, column 6|end of document)\)"),
    ],
)
def test_a_syntax_error_has_its_line_and_column(text: str, expected: str, tmp_path: Path) -> None:
    assert re.fullmatch(f"recipe.toml: {expected}", message(text, tmp_path))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: there is no such file$"):
        read_toml(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match=r": cannot be read: Is a directory$"):
        read_toml(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b"a = '\xe4'")
    with pytest.raises(ConfigError, match=r"latin\.toml: must be UTF-8 text \(byte 5 is not\)$"):
        read_toml(tmp_path / "latin.toml")


def test_a_table_from_elsewhere_bears_its_own_name() -> None:
    data: dict[str, Any] = {"model": {"widths": (4,), "layers": [{"style": Style.BLOCK}]}}
    assert parse_table(data, Document, "options").model.layers[0].style is Style.BLOCK
    with pytest.raises(ConfigError, match=r"^options: missing key 'model'$"):
        parse_table({}, Document, "options")
