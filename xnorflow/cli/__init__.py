# SPDX-License-Identifier: Apache-2.0
"""The command line: ``xnorflow COMMAND``, one module a command, each loaded when it is run.

Exit codes: 0 fine, 1 a check found a mismatch, 2 the user can mend it, 130 interrupted.
"""

from xnorflow.cli.run import main

__all__ = ["main"]
