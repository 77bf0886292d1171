# SPDX-License-Identifier: Apache-2.0
"""Builds this network with FINN: estimates, simulated performance, and a bitfile.

It needs Vivado and Vitis HLS, and FINN or finn-plus. In the folder of this file:

    finn run build.py                          with finn-plus
    ./run-docker.sh build_custom THIS_FOLDER   with FINN, in the folder of its sources

Files beside this one:

    model.onnx     the network
    folding.json   PE and SIMD of each layer, by the names that FINN gives them
    config.json    FINN's settings: board, clock, what to make; change them there
    *.npy          images, and the labels that FINN's models and hardware must give for them

Results are in the folder "output": reports in "report", the bitfile in "bitfile", and whether
labels are right in "verification_output".
"""

import json
import sys
from pathlib import Path

PATHS = ("output_dir", "folding_config_file", "verify_input_npy", "verify_expected_output_npy")
"""Settings that are paths in this folder."""


def main() -> int:
    """Run FINN's whole flow; gives 0 if it succeeds."""
    from finn.builder.build_dataflow import build_dataflow_cfg
    from finn.builder.build_dataflow_config import DataflowBuildConfig

    folder = Path(__file__).resolve().parent
    settings = json.loads((folder / "config.json").read_text())
    for key in PATHS:
        settings[key] = str(folder / settings[key])
    config = DataflowBuildConfig.from_json(json.dumps(settings))
    return int(build_dataflow_cfg(str(folder / "model.onnx"), config))


if __name__ == "__main__":
    sys.exit(main())
