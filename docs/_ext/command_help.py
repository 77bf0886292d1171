# SPDX-License-Identifier: Apache-2.0
"""The directive ``command-help``: what ``xnorflow COMMAND --help`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import click
from docutils import nodes
from docutils.parsers.rst import Directive

from xnorflow.cli.group import SUBCOMMANDS, root

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class CommandHelp(Directive):
    """A section for each command with its help."""

    option_spec: ClassVar[dict[str, object]] = {}

    def run(self) -> list[nodes.Node]:
        """One section a command, in the order of ``xnorflow --help``."""
        return [self.section(name) for name in SUBCOMMANDS]

    def section(self, name: str) -> nodes.Node:
        """Heading and help of one command."""
        settings = root.context_settings | {"max_content_width": 88}
        context = click.Context(root, info_name="xnorflow", **settings)
        command = root.get_command(context, name)
        assert command is not None, "it is in the table of commands"
        text = command.get_help(click.Context(command, parent=context, info_name=name))
        section = nodes.section(ids=[f"xnorflow-{name}"])
        section += nodes.title(text=f"xnorflow {name}")
        section += nodes.literal_block(text, text, language="text")
        return section


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True}
