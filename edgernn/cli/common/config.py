"""``edgernn.toml``: the options of an export, written down."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from edgernn.cli.common.tokenizers import is_file_name
from edgernn.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME = "edgernn.toml"
TABLE = "export"
PATHS = ("weights", "calibration", "validation", "output")
LISTS = ("input", "state")
TOKENIZERS = ("tokenizer", "target-tokenizer")
TEXTS = ("model", "quant", "calibration-method", "metric", "mode", "target", "name", "decoders", *TOKENIZERS, *PATHS)
NUMBERS = ("sample-rate", "drift-steps", "max-loss", "max-frames", "lookahead", "chunk")
TABLES = {"arg": "a table of constructor arguments", "quant-layer": "a table of layer patterns and schemes"}
KEYS = (*LISTS, *TEXTS, *NUMBERS, *TABLES, "format", "quiet")
PARAMETERS = {
    "input": "inputs", "state": "states", "arg": "arguments", "format": "formats", "quant-layer": "quant_layers",
}  # fmt: skip


def option(command: Any) -> Any:
    """Adds ``--config``, which fills in what the command line leaves open."""
    return click.option(
        "--config", metavar="FILE", is_eager=True, expose_value=False, callback=_fill_in,
        help=f"Options from the [{TABLE}] table of this TOML file; ./{NAME} if it is there.",
    )(command)  # fmt: skip


def _fill_in(context: click.Context, parameter: click.Parameter, given: str | None) -> None:
    path = Path(given) if given else Path(NAME)
    if given or path.is_file():
        context.default_map = {**(context.default_map or {}), **read(path)}


def read(path: Path) -> dict[str, Any]:
    """The [export] table as values for the parameters of the command. Raises UsageError."""
    try:
        with path.open("rb") as file:
            tables = tomllib.load(file)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not TOML: {error}") from None
    _check_keys(tables, (TABLE,), f"{path}: table")
    table = tables.get(TABLE, {})
    if not isinstance(table, dict):
        raise UsageError(f"{path}: [{TABLE}] must be a table")
    _check_keys(table, KEYS, f"{path}: [{TABLE}] option")
    return {
        PARAMETERS.get(key, key.replace("-", "_")): _value(key, value, path) for key, value in table.items()
    }  # fmt: skip


def _check_keys(found: Iterable[str], known: tuple[str, ...], where: str) -> None:
    for key in found:
        if key not in known:
            near = difflib.get_close_matches(key.replace("_", "-"), known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise UsageError(f"{where} {key!r} is unknown; {hint}")


def _value(key: str, value: Any, path: Path) -> Any:
    where = f"{path}: [{TABLE}] {key}"
    if key == "quiet":
        return _typed(value, bool, "true or false", where)
    if key in NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UsageError(f"{where}: a number expected, found {value!r}")
        return value
    if key in TABLES:
        table = _typed(value, dict, TABLES[key], where)
        return [f"{name}={item!r}" if key == "arg" else f"{name}={item}" for name, item in table.items()]
    if key in LISTS or key == "format":
        items = value if isinstance(value, list) else [value]
        texts = [_typed(item, str, "a text or a list of texts", where) for item in items]
        return texts if key in LISTS else ",".join(texts)
    text = _typed(value, str, "a text", where)
    if key in PATHS or (key == "model" and ".py:" in text) or (key in TOKENIZERS and is_file_name(text)):
        return str(path.parent / text)
    return text


def _typed(value: Any, kind: type, wanted: str, where: str) -> Any:
    if not isinstance(value, kind):
        raise UsageError(f"{where}: {wanted} expected, found {value!r}")
    return value
