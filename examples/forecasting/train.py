"""Train the forecaster: python -m examples.forecasting.train

Three seeds, each scored on the last 20 % of the hours, which take no part in training or in choosing anything; the
weights written are those of the first. About three minutes on one core.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from examples.common.training import Optimization, optimize, train_seeds
from examples.forecasting import data
from examples.forecasting.data import Series
from examples.forecasting.model import WEIGHTS, Forecaster

CONFIG = Optimization(epochs=125, learning_rate=5e-3)
BATCH = 8
LENGTH_H = 14 * data.DAY_H
UNSCORED_H = data.DAY_H


def epoch(series: Series, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of fortnights from random places of the hours that training may see."""
    known = data.trained_hours(series) - max(data.HORIZONS_H)
    for _ in range(known // (LENGTH_H * BATCH)):
        spans = [slice(start, start + LENGTH_H) for start in rng.integers(0, known - LENGTH_H, BATCH)]
        yield tuple(torch.from_numpy(np.stack([a[s] for s in spans])) for a in (series.features, series.targets))  # type: ignore[misc]


def loss(model: torch.nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Mean absolute error, without the first day of each fortnight, in which the state settles."""
    hours, wanted = batch
    errors: Tensor = (model(hours) - wanted)[:, UNSCORED_H:].abs()
    return errors.mean()


def train(series: Series, seed: int, config: Optimization = CONFIG) -> Forecaster:
    """A trained forecaster; the same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = Forecaster()
    optimize(model, lambda: epoch(series, rng), lambda batch: loss(model, batch), config, f"seed {seed}")
    return model.eval()


@torch.no_grad()
def errors(model: torch.nn.Module, series: Series) -> list[float]:
    """Mean absolute errors in kWh over the held-out hours, 1 and 24 hours ahead; the state comes from before them."""
    start = data.trained_hours(series)
    found = model(torch.from_numpy(series.features[None, start - data.LEAD_IN_H :]))[0, data.LEAD_IN_H :]
    return [round(float(e), 4) for e in data.held_out_errors(series, found.numpy())]


def score(model: torch.nn.Module, series: Series) -> dict[str, Any]:
    """The errors, and their mean, which is the score."""
    found = errors(model, series)
    return {"score": round(float(np.mean(found)), 4), "mae_kwh": found}


def main() -> int:
    """Train every seed, then write the weights and the metrics."""
    series = data.load()
    simple = {name: data.held_out_errors(series, found) for name, found in data.simple_forecasts(series).items()}
    about = {
        "data": f"{data.PACKAGE.package}=={data.PACKAGE.version} {data.DEMAND}",
        "split": "by time: the last 20 % are held out",
        "held_out_hours": len(series) - data.trained_hours(series),
        "horizons_h": data.HORIZONS_H,
        "without_model_mae_kwh": {name: [round(float(e), 4) for e in found] for name, found in simple.items()},
        "config": asdict(CONFIG),
    }
    return train_seeds(lambda seed: train(series, seed), lambda model: score(model, series), WEIGHTS, about)


if __name__ == "__main__":
    sys.exit(main())
