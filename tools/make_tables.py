"""Writes edgernn/ops/integer/tables.py: functions of integer models as 256 straight lines each.

    python tools/make_tables.py > edgernn/ops/integer/tables.py
"""

import numpy as np

from edgernn.ops.integer.fit import fit_table

HEADER = '''"""Tables of integer models. Written by tools/make_tables.py; not to be edited.

Rows are (value, slope) of 256 intervals; see ``arithmetic.look_up``. Argument v: SIGMOID, TANH: Q3.12;
EXP_MINUS: exp(-u) for u = v + 32768 in Q4.12; LOG_1_PLUS: log(1 + f) for f = v + 32768 in Q0.16. Results: Q0.15.
"""

# fmt: off
import numpy as np
'''
ONE = 32768.0
FUNCTIONS = {
    "SIGMOID": lambda v: ONE / (1 + np.exp(-v / 4096)),
    "TANH": lambda v: ONE * np.tanh(v / 4096),
    "EXP_MINUS": lambda v: ONE * np.exp(-(v + 32768) / 4096),
    "LOG_1_PLUS": lambda v: ONE * np.log1p((v + 32768) / 65536),
}


def show(name: str, rows: np.ndarray) -> str:
    """The table as Python source."""
    cells = [f"({a}, {b})" for a, b in rows.tolist()]
    lines = ["    " + ", ".join(cells[k : k + 6]) + "," for k in range(0, 256, 6)]
    return f"\n{name} = np.array([\n" + "\n".join(lines) + "\n], dtype=np.int16)\n"


if __name__ == "__main__":
    print(HEADER + "".join(show(name, fit_table(f)) for name, f in FUNCTIONS.items()), end="")
