# SPDX-License-Identifier: Apache-2.0
"""What FINN gets of a RUN folder: the network as the hardware has it, and its folding."""

from __future__ import annotations

from dataclasses import dataclass

from xnorflow.finn.folding import FinnFolding, finn_folding
from xnorflow.finn.form import finn_form
from xnorflow.hw.build import DEFAULT_CLOCK_MHZ, BuildOptions, load_built, make_dataflow
from xnorflow.hw.families import Device
from xnorflow.hw.passes import Fold, Fuse, Simplification, simplify
from xnorflow.hw.passes.folding import plan_of
from xnorflow.ir import Dataflow, Network, SparseMVAU
from xnorflow.rundir import RunFolder
from xnorflow.sim.lockstep import as_built

__all__ = ["FinnDesign", "finn_design"]

FAMILY = Device.XC7
"""Family whose cells are compared with FINN's estimates, and for which folding is chosen."""


@dataclass(frozen=True, slots=True)
class FinnDesign:
    """A network for FINN, with the design that it is compared with.

    Parameters
    ----------
    network
        The network that is exported: simplified as for the hardware, in FINN's form.
    folding
        Its folding.
    dataflow
        Our hardware for it.
    clock_mhz
        Clock of that hardware.
    is_built
        Whether that hardware is ``RUN/rtl``; else it is what ``build --device xc7`` would make.
    """

    network: Network
    folding: FinnFolding
    dataflow: Dataflow
    clock_mhz: float
    is_built: bool


def finn_design(folder: RunFolder) -> FinnDesign:
    """The design of ``folder`` for FINN: as it is built, or else as it would be by default.

    Raises
    ------
    ArtifactError
        If there is no network, or ``RUN/rtl`` is of another one.
    """
    model = folder.network()
    is_built = folder.rtl.exists()
    if is_built:
        design, built = load_built(folder, model)
        dataflow, clock_mhz = design.dataflow, built["clock_mhz"]
        left_out = Simplification.named(built.get("simplified_without", list(Simplification)))
    else:
        dataflow, clock_mhz = make_dataflow(model, BuildOptions(device=FAMILY)), DEFAULT_CLOCK_MHZ
        left_out = frozenset()
    network = finn_form(simplify(as_built(model, dataflow), left_out).network)
    folded = Fold(plan_of(dataflow)).apply(Fuse().apply(network))
    return FinnDesign(
        network, with_skipped(finn_folding(folded), dataflow), dataflow, clock_mhz, is_built
    )


def with_skipped(folding: FinnFolding, dataflow: Dataflow) -> FinnFolding:
    """``folding`` with the layers of ``dataflow`` that skip tiles of zeros among its changes."""
    skipping = (node for node in dataflow.nodes if isinstance(node, SparseMVAU))
    changes = (
        f"layer {node.name!r}: FINN visits all tiles of weights, also those of zeros alone"
        for node in skipping
    )
    return FinnFolding(folding.layers, (*folding.changes, *changes))
