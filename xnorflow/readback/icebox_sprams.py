# SPDX-License-Identifier: Apache-2.0
"""Where the SPRAMs of a configured UltraPlus are: a program that runs IceStorm's ``icebox``.

``python icebox_sprams.py FOLDER FILE.asc``, where FOLDER has ``icebox.py``, prints a JSON list: of
each SPRAM that the configuration turns on the pins, each with the tile and the name of the wire
that it is at, as ``icebox_vlog`` names it.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

__all__ = ["main"]

ENABLE = "SPRAM_EN"
"""The bit of the configuration that turns an SPRAM on, among its pins."""


def main(folder: str, file: str) -> None:
    """Print the SPRAMs of the configuration in ``file``."""
    sys.path.insert(0, folder)
    icebox: Any = importlib.import_module("icebox")
    configuration = icebox.iceconfig()
    configuration.read_file(file)
    places = getattr(icebox, "spram_db", {}).get(configuration.device, {})
    pins = [place for place in places.values() if is_on(icebox, configuration, place[ENABLE])]
    print(json.dumps([{pin: at for pin, at in place.items() if pin != ENABLE} for place in pins]))


def is_on(icebox: Any, configuration: Any, bit: tuple[int, int, str]) -> bool:
    """Whether ``bit``, a tile and the name of a bit in it, is set."""
    x, y, name = bit
    tile = icebox.tileconfig(configuration.tile(x, y))
    entries = (entry for entry in configuration.tile_db(x, y) if entry[1:3] == ["IpConfig", name])
    return any(tile.match(entry[0]) for entry in entries)


if __name__ == "__main__":
    main(*sys.argv[1:])
