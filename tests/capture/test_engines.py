"""Models as people write them, on every engine."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

import edgernn
from edgernn.runtime.engines import ENGINES
from tests.capture.support import check, randomized
from tests.capture.test_inputs import Conditioned, Tokens, TwoSequences
from tests.capture.test_layers import GivenStart, HandMade
from tests.capture.test_outputs import Ends
from tests.capture.test_packed import Packed, Sentiment
from tests.capture.test_step_modules import Clockwork, FastGRNN, GRUStep, LayerNormLSTM
from tests.support import require

CLOCKWORK_STATE = {"past": "1,3,6", "fast": "1,4", "count": "1,1", "mean": "1,6"}
MODELS: dict[str, tuple[Callable[[], Any], Any, Any]] = {
    "tokens": (Tokens, "int:1,T", None),
    "two sequences": (TwoSequences, ["1,T,6", "1,T,4"], None),
    "conditioned": (Conditioned, ["1,T,6", "1,3"], None),
    "given start": (GivenStart, ["T,1,6", ("2,1,5", "2,1,5")], None),
    "hand-made start": (lambda: HandMade("full"), "1,T,6", None),
    "ends": (Ends, "1,T,6", None),
    "sentiment": (Sentiment, ["int:T,1", "length:1"], None),
    "packed": (lambda: Packed(True, False, True, False), ["1,T,6", "length:1"], None),
    "GRU cells": (GRUStep, "1,6", ["1,5", "1,5"]),
    "FastGRNN": (FastGRNN, "1,6", "1,5"),
    "layer-norm LSTM": (LayerNormLSTM, "1,6", ("1,5", "1,5")),
    "clockwork": (Clockwork, "1,6", CLOCKWORK_STATE),
}


@cache
def converted(name: str) -> edgernn.Model:
    make, inputs, state = MODELS[name]
    return edgernn.convert(randomized(make()), inputs=inputs, state=state)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("engine", ENGINES)
def test_model_on_engine(engine: str, name: str) -> None:
    require(engine)
    report = check(converted(name), engine)
    assert report.passed, report.failures()
