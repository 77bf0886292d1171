# SPDX-License-Identifier: Apache-2.0
"""Settings of the documentation."""

import sys
from importlib.metadata import version as package_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "xnorflow"
author = "the xnorflow developers"
copyright = author
version = release = package_version("xnorflow")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "command_help",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"xnorflow {version}"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
napoleon_google_docstring = False
napoleon_custom_sections = ["Timing", ("Members", "params_style")]
