"""Streaming computes nothing twice: a step costs its share of what the layers cost."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmarks.streamed_macs import LIMIT, MODELS, measured, module_macs


@pytest.mark.parametrize("name", MODELS)
def test_a_step_executes_its_share(name: str) -> None:
    row = measured(name)
    assert 0.999 <= row.ratio <= LIMIT


def test_layers_are_counted() -> None:
    conv, gru = nn.Conv1d(3, 4, 5, padding=2), nn.GRU(4, 6, 2, batch_first=True)
    assert module_macs(conv, torch.zeros(1, 3, 10)) == 10 * 4 * 3 * 5
    assert module_macs(gru, torch.zeros(1, 10, 4)) == 10 * 3 * 6 * (4 + 6 + 6 + 6)
