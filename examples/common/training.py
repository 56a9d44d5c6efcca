"""What the training scripts share: one loop, and the files it leaves behind."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

Batch = TypeVar("Batch")
Module = TypeVar("Module", bound=nn.Module)
SEEDS = (1, 2, 3)


@dataclass(frozen=True)
class Optimization:
    """AdamW with one rise and fall of the learning rate; gradients are clipped to a norm."""

    epochs: int
    learning_rate: float
    weight_decay: float = 1e-2
    gradient_norm: float = 1.0


def optimize(
    module: nn.Module,
    epoch: Callable[[], Iterable[Batch]],
    loss_of: Callable[[Batch], Tensor],
    config: Optimization,
    label: str,
) -> None:
    """Train ``module`` in place.

    epoch    gives the batches of one epoch, the same number each time
    loss_of  the loss of one batch
    label    what stands before the epoch in the line of progress
    """
    optimizer = torch.optim.AdamW(module.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    schedule: torch.optim.lr_scheduler.OneCycleLR | None = None
    for number in range(config.epochs):
        batches = list(epoch())
        if schedule is None:
            steps = config.epochs * len(batches)
            schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, total_steps=steps)
        total = 0.0
        for batch in batches:
            optimizer.zero_grad()
            loss = loss_of(batch)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(module.parameters(), config.gradient_norm)
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
        print(f"\r{label}  epoch {number + 1}/{config.epochs}  loss {total / len(batches):.3f} ", end="", flush=True)
    print()


def write_weights(module: nn.Module, path: Path, dtype: torch.dtype = torch.float32) -> None:
    """Write weights and buffers as safetensors, floats in ``dtype``."""
    temporary = path.with_suffix(".tmp")
    tensors = {name: tensor.contiguous() for name, tensor in module.state_dict().items()}
    save_file({name: t.to(dtype) if t.is_floating_point() else t for name, t in tensors.items()}, temporary)
    os.replace(temporary, path)


def train_seeds(
    train: Callable[[int], Module], score: Callable[[Module], dict[str, Any]], weights: Path, about: dict[str, Any],
    dtype: torch.dtype = torch.float32,
) -> int:  # fmt: skip
    """Train SEEDS, write the weights of the first, and metrics.json beside them; the exit code.

    train  a module by seed
    score  what metrics.json says of a module; "score" is that of its task
    about  what it says besides: data, split, config
    dtype  that the weights are rounded to and stored in
    """
    torch.set_num_threads(1)
    rows = []
    for seed in SEEDS:
        start_s = time.perf_counter()
        module = rounded(train(seed).eval(), dtype)
        row = {"seed": seed, **score(module), "train_s": round(time.perf_counter() - start_s, 1)}
        print(row, flush=True)
        rows.append(row)
        if seed == SEEDS[0]:
            write_weights(module, weights, dtype)
    write_metrics(weights.with_name("metrics.json"), {**about, "weights_of_seed": SEEDS[0], "seeds": rows})
    return 0


@torch.no_grad()
def rounded(module: Module, dtype: torch.dtype) -> Module:
    """``module`` with weights that ``dtype`` can hold."""
    for weight in module.parameters():
        weight.copy_(weight.to(dtype).to(weight.dtype))
    return module


def write_metrics(path: Path, found: dict[str, Any]) -> None:
    """Write what was trained and how well it does, as JSON with the version of PyTorch."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps({**found, "torch": torch.__version__}, indent=2) + "\n")
    os.replace(temporary, path)
