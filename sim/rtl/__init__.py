# SPDX-License-Identifier: Apache-2.0
"""The RTL engine: the emitted Verilog through CXXRTL, with every stream in view."""

from xnorflow.sim.rtl.cache import ObjectCache
from xnorflow.sim.rtl.engine import RtlEngine
from xnorflow.sim.rtl.trace import RtlTrace
from xnorflow.sim.stalls import Stalls

__all__ = ["ObjectCache", "RtlEngine", "RtlTrace", "Stalls"]
