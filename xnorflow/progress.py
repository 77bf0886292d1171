# SPDX-License-Identifier: Apache-2.0
"""How work that takes seconds tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["StageProgress"]

StageProgress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is: frames, images,
or parts."""
