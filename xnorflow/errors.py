# SPDX-License-Identifier: Apache-2.0
"""The one hierarchy of errors that a user can cause or meet.

The command line prints the message of an :class:`XnorflowError` as one line on stderr and
exits with its ``exit_code``; everything else is a bug and shows its traceback.
A message says what must hold, what came, and where.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "ArtifactError",
    "ConfigError",
    "DataError",
    "DeviceError",
    "ExportError",
    "FoldingError",
    "GraphError",
    "LoweringError",
    "MismatchError",
    "ModelFileError",
    "OutputError",
    "SimulationError",
    "ToolError",
    "XnorflowError",
]


class XnorflowError(Exception):
    """Base of all errors that are shown to a user as one line."""

    exit_code: ClassVar[int] = 2


class ConfigError(XnorflowError):
    """A recipe, an option or another configuration value is wrong."""


class DataError(XnorflowError):
    """A data set is unknown, missing or corrupt."""


class ArtifactError(XnorflowError):
    """A RUN folder is incomplete, corrupt or of another schema version."""


class OutputError(XnorflowError):
    """An output folder cannot be written, or is already there."""


class GraphError(XnorflowError):
    """A graph breaks a rule of its stage (see :mod:`xnorflow.ir`)."""


class LoweringError(XnorflowError):
    """A network has no exact integer form; says which layer or node, and why."""


class ExportError(XnorflowError):
    """A network cannot be said exactly in the format of another tool; says which node, and why."""


class ModelFileError(XnorflowError):
    """The file of a network from another tool is missing, corrupt, or not what it says."""


class FoldingError(XnorflowError):
    """A folding is illegal, names a layer that is not there, or meets no target."""


class ToolError(XnorflowError):
    """An external tool or an optional package is missing, or failed."""


class SimulationError(XnorflowError):
    """A simulation did not finish (a deadlock, say)."""


class DeviceError(XnorflowError):
    """A board does not answer, or has another design than the host expects."""


class MismatchError(XnorflowError):
    """A check compared two engines and found a difference."""

    exit_code: ClassVar[int] = 1
