# SPDX-License-Identifier: Apache-2.0
"""``python -m xnorflow``: the command line, where its script is not on the PATH."""

import sys

from xnorflow.cli import main

if __name__ == "__main__":
    sys.exit(main())
