"""The command line ``edgernn``: one file per verb, imported when the verb is used.

Exit codes: 0 ok, 1 a check failed, 2 usage, 3 unsupported model, 130 interrupted, 143 terminated.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``edgernn`` with these arguments (those of the process by default). Returns the exit code."""
    from edgernn.cli.common.app import app
    from edgernn.cli.common.failure import run_guarded

    return run_guarded(app, list(sys.argv[1:] if arguments is None else arguments))
