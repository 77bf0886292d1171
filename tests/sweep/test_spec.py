# SPDX-License-Identifier: Apache-2.0
"""Sweep files: which points they make, what those refer to, and the mistakes that users make."""

from __future__ import annotations

import pickle
import re
from importlib.resources import files
from pathlib import Path

import pytest

from xnorflow.errors import ConfigError
from xnorflow.sweep import generator
from xnorflow.sweep.generator import generator_digest
from xnorflow.sweep.point import make_tasks, settings
from xnorflow.sweep.spec import load_sweep, parse_sweep

SWEEPS = Path(__file__).parents[2] / "benchmarks" / "sweeps"


def points_of(*studies, **keys):
    document = {"recipe": "digits", "studies": list(studies)} | keys
    return parse_sweep(document, "sweep.toml")[1]


def test_a_grid_makes_all_combinations_for_each_seed():
    points = points_of(
        {"name": "a", "grid": {"weight_bits": [1, "t"], "activation_bits": [2, 4]}}, seeds=[3, 5]
    )
    made = [
        (p.recipe.model.weight_bits, p.recipe.model.activation_bits, p.recipe.train.seed)
        for p in points
    ]
    assert made == [(w, a, s) for w in (1, "t") for a in (2, 4) for s in (3, 5)]
    assert [p.name for p in points][:3] == ["a-1x2-seed_3", "a-1x2-seed_5", "a-1x4-seed_3"]
    assert not any(p.needs for p in points)


def test_a_list_makes_its_points():
    listed = [{"bits": "1x4", "epochs": 3}, {"bits": "txt", "sparsity": 0.5}]
    points = points_of({"name": "a", "points": listed}, set={"batch_size": 64})
    assert [p.name for p in points] == ["a-1x4-epochs_3-seed_0", "a-txt-sparsity_0.5-seed_0"]
    first, second = (p.recipe for p in points)
    assert (first.model.weight_bits, first.model.activation_bits) == (1, 4)
    assert (first.train.epochs, first.train.batch_size) == (3, 64)
    assert (second.model.weight_bits, second.model.activation_bits) == ("t", "t")
    assert second.prune.sparsity == 0.5


def test_references_mean_points_of_the_same_seed():
    points = points_of(
        {"name": "float", "set": {"float": True}},
        {"name": "wide", "grid": {"bits": ["4x4", "8x8"]}},
        {"name": "fine", "start": "float", "set": {"bits": "2x2"}},
        {"name": "next", "start": {"study": "wide", "bits": "4x4"}, "set": {"bits": "1x1"}},
        {
            "name": "taught",
            "teachers": ["float", {"study": "wide", "bits": "8x8", "seed": 0}],
            "set": {"bits": "1x1"},
        },
        seeds=[0, 1],
    )
    needs = {p.name: p.needs for p in points if p.needs}
    assert needs == {
        "fine-seed_0": ("float-seed_0",),
        "fine-seed_1": ("float-seed_1",),
        "next-seed_0": ("wide-4x4-seed_0",),
        "next-seed_1": ("wide-4x4-seed_1",),
        "taught-seed_0": ("float-seed_0", "wide-8x8-seed_0"),
        "taught-seed_1": ("float-seed_1", "wide-8x8-seed_0"),
    }


def test_a_point_of_one_seed_serves_all(tmp_path):
    points = points_of(
        {"name": "teacher", "seeds": [7]},
        {"name": "taught", "teachers": ["teacher", str(tmp_path)]},
        seeds=[0, 1],
    )
    assert [p.needs for p in points[1:]] == [("teacher-seed_7",)] * 2
    assert points[1].recipe.distil.teachers == ("teacher-seed_7", str(tmp_path))
    tasks = make_tasks(points, tmp_path)
    assert tasks[1].recipe.train.dataset == "digits"
    teachers = tasks[1].recipe.distil.teachers
    assert teachers == (str(tmp_path / "points" / "teacher-seed_7" / "run"), str(tmp_path))


STUDY = {"name": "a"}
MISTAKES = {
    "no studies": ({"studies": []}, r"sweep.toml: studies must be a list of 1 or more, not []"),
    "wrong key": (
        {"studies": [STUDY], "seed": [1]},
        "sweep.toml: unknown key 'seed'; did you mean 'seeds'?",
    ),
    "wrong recipe": ({"recipe": "digitz", "studies": [STUDY]}, "no recipe 'digitz'"),
    "wrong key of a recipe": (
        {"studies": [{"name": "a", "grid": {"sparsety": [0.5]}}]},
        "sweep.toml: study 'a': a recipe has no key 'sparsety'; did you mean 'sparsity'?",
    ),
    "wrong value": (
        {"studies": [{"name": "a", "grid": {"weight_bits": [3]}}]},
        "study 'a': recipe overrides: weight_bits in [model] must be one of 1, 't', 2, 4, 8, not 3",
    ),
    "wrong widths": (
        {"studies": [{"name": "a", "grid": {"bits": ["1x3"]}}]},
        "study 'a': bits must be written as '1x4', of 1, t, 2, 4, 8, not '1x3'",
    ),
    "grid and list": (
        {"studies": [{"name": "a", "grid": {"bits": ["1x1"]}, "points": [{}]}]},
        "study 'a': give a grid or a list of points, not both",
    ),
    "seed in a grid": (
        {"studies": [{"name": "a", "grid": {"seed": [1]}}]},
        "study 'a': seeds are given as 'seeds = [...]'",
    ),
    "the same point twice": (
        {"studies": [{"name": "a", "grid": {"bits": ["1x1", "1x1"]}}]},
        "study 'a' has 'a-1x1-seed_0' twice",
    ),
    "the same study twice": ({"studies": [STUDY, STUDY]}, "there are two studies 'a'"),
    "a later study": (
        {"studies": [{"name": "a", "start": "b"}, {"name": "b"}]},
        "study 'a': 'b' is neither a study further up (there is none) nor a RUN folder",
    ),
    "several points": (
        {"studies": [{"name": "a", "grid": {"bits": ["1x1", "2x2"]}}, {"name": "b", "start": "a"}]},
        "study 'b': 'a' must mean one point, not 2 (a-1x1-seed_0, a-2x2-seed_0): "
        "write { study = 'a', bits = '1x1', ... }",
    ),
    "name that is no folder": (
        {"studies": [{"name": "../a"}]},
        "name of studies[0] must",
    ),
    "hardware": (
        {"studies": [STUDY], "hardware": {"device": "ecp6"}},
        "device in [hardware] must be one of 'ice40', 'ecp5', 'gowin', 'xc7', not 'ecp6'",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_named(case):
    document, message = MISTAKES[case]
    with pytest.raises(ConfigError) as caught:
        parse_sweep({"recipe": "digits"} | document, "sweep.toml")
    if case == "name that is no folder":
        assert "'../a'" in str(caught.value)
    else:
        assert message in str(caught.value)


def test_what_a_point_depends_on_is_in_its_key(tmp_path):
    def keys(**changes):
        study = {"name": "fine", "start": "float", "set": {"epochs": changes.pop("epochs", 3)}}
        first = {"name": "float", "set": {"float": True, "epochs": changes.pop("before", 2)}}
        return [
            (t.train_key, t.key) for t in make_tasks(points_of(first, study, **changes), tmp_path)
        ]

    base = keys()
    assert base == keys()
    assert keys(epochs=4)[0] == base[0]
    assert keys(epochs=4)[1] != base[1]
    assert keys(before=9)[1][0] != base[1][0], "what it begins with was trained otherwise"
    other = keys(hardware={"device": "xc7"})
    assert [train for train, _ in other] == [train for train, _ in base]
    assert all(a[1] != b[1] for a, b in zip(other, base, strict=True))


def test_the_generator_is_its_sources(tmp_path, monkeypatch):
    (tmp_path / "layers").mkdir()
    (tmp_path / "top.py").write_text("a = 1\n")
    (tmp_path / "layers" / "add.py").write_text("b = 2\n")
    monkeypatch.setattr(generator, "files", lambda _: tmp_path)

    def digest():
        return generator_digest.__wrapped__()

    first = digest()
    (tmp_path / "layers" / "add.pyc").write_text("compiled")
    assert digest() == first
    (tmp_path / "layers" / "add.py").write_text("b = 3\n")
    second = digest()
    (tmp_path / "layers" / "add.py").rename(tmp_path / "layers" / "sum.py")
    assert len({first, second, digest()}) == 3
    monkeypatch.setattr(generator, "version", lambda _: "99")
    assert digest() not in (first, second)


def test_the_generator_is_all_of_graph_and_hardware():
    names = [
        path
        for package in generator.PACKAGES
        for path, _ in generator.sources(files(package), package)
    ]
    assert len(names) == len(set(names))
    for module in ("hw/passes/size_fifos", "hw/primitives/ecp5", "hw/build", "ir/graph"):
        package, _, rest = module.partition("/")
        assert f"xnorflow.{package}/{rest}.py" in names


def test_points_travel_to_other_processes(tmp_path):
    tasks = make_tasks(points_of({"name": "a", "set": {"sparsity": 0.5}}), tmp_path)
    assert pickle.loads(pickle.dumps(tasks)) == tasks


def test_settings_say_what_a_point_is():
    points = points_of(
        {"name": "float", "set": {"float": True}},
        {"name": "after", "start": "float", "set": {"bits": "txt", "epochs": 0}},
        {"name": "fine", "start": "float", "set": {"bits": "1x1", "sparsity": 0.9}},
        {"name": "tiles", "set": {"sparsity": 0.5, "pattern": "tiles", "tile": [4, 16]}},
        {"name": "fewer", "set": {"sparsity": 0.5, "remove": "neurons", "criterion": "random"}},
        {"name": "taught", "teachers": ["float", "fine"], "set": {"labelled": 0.1}},
    )
    rows = {p.study: settings(p) for p in points}
    names = ("weight_bits", "activation_bits", "method", "pattern", "teachers")
    assert {study: tuple(row[name] for name in names) for study, row in rows.items()} == {
        "float": ("float", "float", "float", "", ""),
        "after": ("t", "t", "after training", "", ""),
        "fine": ("1", "1", "fine-tuned", "fan-in", ""),
        "tiles": ("1", "1", "trained", "tiles 4x16", ""),
        "fewer": ("1", "1", "trained", "neurons, random", ""),
        "taught": ("1", "1", "trained", "", "float + fine"),
    }
    assert rows["fine"]["sparsity_percent"] == 90.0
    assert rows["taught"]["labelled_percent"] == 10.0
    assert rows["taught"]["architecture"] == "mlp 64-64-64"


@pytest.mark.parametrize("path", sorted(SWEEPS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_sweeps_of_the_benchmarks_can_be_read(path):
    sweep, points = load_sweep(path)
    assert sweep.title
    assert len(points) >= 12
    assert len({p.name for p in points}) == len(points)
    assert re.search(rf"xnorflow sweep \S*{path.name}", path.read_text())
