"""Loads trained weights into a module. Files are never unpickled beyond tensors."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgernn.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from torch import Tensor, nn

SUFFIXES = (".pt", ".pth", ".ckpt", ".bin", ".safetensors")
NESTED_UNDER = ("state_dict", "model_state_dict", "model", "module", "weights")
PREFIXES = ("module.", "model.", "_orig_mod.", "net.")
SHOWN = 6


def load_weights(module: nn.Module, path: Path) -> str:
    """Put the state dict in ``path`` into ``module``: every key, nothing else, all shapes equal.

    It may stand under one of NESTED_UNDER, and its keys may all have one of PREFIXES, as trainers write
    them. Returns a note on what was unwrapped, or nothing. Raises UsageError naming the keys that differ.
    """
    content, note = _read(path), ""
    for key in NESTED_UNDER:
        if isinstance(content.get(key), Mapping):
            content, note = content[key], f"took the weights under {key!r}"
            break
    weights = {k: v for k, v in content.items() if hasattr(v, "shape")}
    if len(weights) != len(content) or not weights:
        others = [k for k in content if k not in weights]
        raise UsageError(f"{path}: not a state dict: {_listed(others) or 'it holds no tensors'}")
    weights, stripped = _without_prefix(weights, set(module.state_dict()))
    _check(module, weights, path)
    module.load_state_dict(weights)
    return "; ".join(filter(None, (note, f"dropped the prefix {stripped!r} of the keys" if stripped else "")))


def _read(path: Path) -> Mapping[str, Any]:
    if path.suffix not in SUFFIXES:
        raise UsageError(f"--weights {path}: unknown suffix {path.suffix!r}; weights end in {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise UsageError(f"--weights {path}: no such file")
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    if not isinstance(content, Mapping):
        raise UsageError(
            f"--weights {path}: holds {type(content).__name__}, a state dict is expected: "
            "write it with torch.save(model.state_dict(), path)"
        )
    return content


def _read_torch(path: Path) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for files that are foreign, damaged or pickled
        reason = str(error).strip().partition("\n")[0]
        raise UsageError(
            f"--weights {path}: cannot be loaded as tensors alone: {reason}\n"
            "  what to do: write it with torch.save(model.state_dict(), path); "
            "whole pickled models are not loaded"
        ) from error


def _read_safetensors(path: Path) -> Any:
    if importlib.util.find_spec("safetensors") is None:
        raise MissingExtraError("safetensors", "export", "a .safetensors file")
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise UsageError(f"--weights {path}: not a whole safetensors file: {error}") from None


def _without_prefix(weights: dict[str, Tensor], wanted: set[str]) -> tuple[dict[str, Tensor], str]:
    if set(weights) != wanted:
        for prefix in PREFIXES:
            if {k.removeprefix(prefix) for k in weights} == wanted and all(k.startswith(prefix) for k in weights):
                return {k.removeprefix(prefix): v for k, v in weights.items()}, prefix
    return weights, ""


def _check(module: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    own = module.state_dict()
    missing, unexpected = [k for k in own if k not in weights], [k for k in weights if k not in own]
    lines = []
    if missing:
        lines.append(f"missing in the file: {_listed([_with_hint(k, unexpected) for k in missing])}")
    if unexpected:
        lines.append(f"not in the model: {_listed(unexpected)}")
    differing = [k for k in own if k in weights and own[k].shape != weights[k].shape]
    lines += [
        f"{k}: {list(weights[k].shape)} in the file, {list(own[k].shape)} in the model" for k in differing[:SHOWN]
    ]
    if lines:
        raise UsageError(f"--weights {path} does not fit {type(module).__name__}:\n  " + "\n  ".join(lines))


def _with_hint(key: str, candidates: list[str]) -> str:
    near = difflib.get_close_matches(key, candidates, 1, 0.7)
    return f"{key} (there is {near[0]!r})" if near else key


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(str, names[:SHOWN])) + more
