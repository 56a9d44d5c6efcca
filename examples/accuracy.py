"""The trained models in float32 and in every integer scheme, on held-out data: python -m examples.accuracy"""

from __future__ import annotations

import sys

from examples.char_lm.run import TASK as CHAR_LM
from examples.classification.run import TASK as CLASSIFICATION
from examples.common.integers import main
from examples.forecasting.run import TASK as FORECASTING
from examples.spoken_digits.run import TASK as SPOKEN_DIGITS

TASKS = (SPOKEN_DIGITS, CLASSIFICATION, CHAR_LM, FORECASTING)

if __name__ == "__main__":
    sys.exit(main(*TASKS))
