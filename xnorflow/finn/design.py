# SPDX-License-Identifier: Apache-2.0
"""What FINN gets of a RUN folder: the network as the hardware has it, and its folding."""

from __future__ import annotations

from dataclasses import dataclass

from xnorflow.finn.folding import FinnFolding, finn_folding
from xnorflow.finn.form import FinnForm, finn_form
from xnorflow.hw.build import DEFAULT_CLOCK_MHZ, BuildOptions, load_built, make_dataflow
from xnorflow.hw.families import Device
from xnorflow.hw.passes import Fold, FoldingPlan, Fuse, Simplification, simplify
from xnorflow.hw.passes.folding import is_folded, plan_of
from xnorflow.hw.passes.rewrite import layers_of
from xnorflow.ir import Dataflow, Network, SparseMVAU
from xnorflow.rundir import RunFolder
from xnorflow.sim.lockstep import as_built

__all__ = ["FAMILY", "FinnDesign", "finn_design"]

FAMILY = Device.XC7
"""Family whose cells are compared with FINN's estimates, and for which folding is chosen."""


@dataclass(frozen=True, slots=True)
class FinnDesign:
    """A network for FINN, with the design that it is compared with.

    Parameters
    ----------
    network
        The network that is exported: simplified as for the hardware, and in FINN's form.
    folding
        Its folding.
    changes
        Where FINN gets another network or folding than the hardware has, a sentence each.
    dataflow
        Our hardware for it.
    clock_mhz
        Clock of that hardware.
    is_built
        Whether that hardware is ``RUN/rtl``; else it is what ``build --device xc7`` would make.
    """

    network: Network
    folding: FinnFolding
    changes: tuple[str, ...]
    dataflow: Dataflow
    clock_mhz: float
    is_built: bool


def finn_design(folder: RunFolder, *, plain: bool = False) -> FinnDesign:
    """The design of ``folder`` for FINN: as it is built, or else as it would be by default.

    Parameters
    ----------
    plain
        Whether the network stays as ``export --to qonnx`` writes it, with all that is known to go
        wrong in FINN.

    Raises
    ------
    ArtifactError
        If there is no network, or ``RUN/rtl`` is of another one.
    """
    model = folder.network()
    is_built = folder.rtl.exists()
    left_out: frozenset[Simplification] = frozenset()
    if is_built:
        design, built = load_built(folder, model)
        dataflow, clock_mhz = design.dataflow, float(built["clock_mhz"])
        left_out = Simplification.named(built["simplified_without"])
    else:
        dataflow, clock_mhz = make_dataflow(model, BuildOptions(device=FAMILY)), DEFAULT_CLOCK_MHZ
    network = simplify(as_built(model, dataflow), left_out).network
    form = FinnForm(network, ()) if plain else finn_form(network)
    folding = finn_folding(folded_as(form.network, dataflow))
    skipped = (
        f"layer {node.name!r}: FINN visits all tiles of weights, also those of zeros alone"
        for node in dataflow.nodes
        if isinstance(node, SparseMVAU)
    )
    changes = (*form.changes, *skipped, *folding.changes)
    return FinnDesign(form.network, folding, changes, dataflow, clock_mhz, is_built)


def folded_as(network: Network, dataflow: Dataflow) -> Dataflow:
    """Layers for ``network`` with the folding of those of the same names in ``dataflow``."""
    layers = Fuse().apply(network)
    plan = plan_of(dataflow).layers
    names = [layer.name for layer in layers_of(layers) if is_folded(layer)]
    return Fold(FoldingPlan({name: plan[name] for name in names})).apply(layers)
