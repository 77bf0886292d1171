# SPDX-License-Identifier: Apache-2.0
"""Maps the four folders at the top onto sub-packages of ``xnorflow``; see also pyproject.toml.

``xnorflow/hw`` and its like are links to ``hw`` for tools that read the source tree; wheels, and
systems without links, rely on the mapping below.
"""

from setuptools import find_packages, setup

SUBPACKAGES = ("quant", "hw", "sim", "bitstreams")


def mapped_packages() -> dict[str, str]:
    """Folder of every package by its import name."""
    mapping = {"xnorflow": "xnorflow"}
    for package in find_packages("xnorflow", exclude=[f"{name}*" for name in SUBPACKAGES]):
        mapping[f"xnorflow.{package}"] = f"xnorflow/{package.replace('.', '/')}"
    for name in SUBPACKAGES:
        mapping[f"xnorflow.{name}"] = name
        for package in find_packages(name):
            mapping[f"xnorflow.{name}.{package}"] = f"{name}/{package.replace('.', '/')}"
    return mapping


setup(packages=sorted(mapped_packages()), package_dir=mapped_packages())
