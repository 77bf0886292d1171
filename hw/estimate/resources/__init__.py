# SPDX-License-Identifier: Apache-2.0
"""What layers and designs take of an FPGA, by formula."""

from xnorflow.hw.estimate.resources.estimate import (
    RESOURCES,
    Resources,
    design_resources,
    layer_resources,
    rough_resources,
)

__all__ = ["RESOURCES", "Resources", "design_resources", "layer_resources", "rough_resources"]
