"""Finds the user's PyTorch model: ``file.py:name`` or ``package.module:name``."""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from edgernn.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from torch import nn

FORMS = (
    "file.py:name or package.module:name, where name is a torch.nn.Module, its class, or a function that returns one"
)


def load_module(reference: str, arguments: Sequence[str] = ()) -> nn.Module:
    """The module in evaluation mode. ``arguments`` are "key=value" for the class or factory.

    Raises UsageError: no such file or name, an exception in the user's code (with its line), a result
    that is no module. Raises MissingExtraError without PyTorch.
    """
    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError("torch", "export", "a PyTorch model")
    from torch import nn

    source, colon, name = reference.rpartition(":")
    if not colon or not source or not name:
        raise UsageError(f"MODEL {reference!r}: expected {FORMS}")
    found = _attribute(_import(source), name, reference)
    if isinstance(found, nn.Module):
        if arguments:
            raise UsageError(f"MODEL {reference!r} is an instance: --arg has nothing to go to")
        return found.eval()
    if not callable(found):
        raise UsageError(f"MODEL {reference!r} is of type {type(found).__name__}; expected {FORMS}")
    built = _call(found, parse_arguments(arguments), reference)
    if not isinstance(built, nn.Module):
        raise UsageError(f"MODEL {reference!r} returned {type(built).__name__}, a torch.nn.Module is expected")
    return built.eval()


def load_function(reference: str, option: str) -> Callable[..., Any]:
    """A function of the user's: "file.py:name" or "package.module:name". Raises UsageError."""
    source, _, name = reference.rpartition(":")
    if not source or not name:
        raise UsageError(f"{option} {reference!r}: expected file.py:name or package.module:name")
    found = _attribute(_import(source), name, reference)
    if not callable(found):
        raise UsageError(f"{option} {reference!r} is of type {type(found).__name__}; a function is expected")
    function: Callable[..., Any] = found
    return function


def parse_arguments(arguments: Sequence[str]) -> dict[str, Any]:
    """ "key=value" texts; a value is a Python literal, or else the text itself. Raises UsageError."""
    parsed: dict[str, Any] = {}
    for argument in arguments:
        key, equals, text = argument.partition("=")
        if not equals or not key.isidentifier():
            raise UsageError(f"--arg {argument!r}: expected KEY=VALUE with the name of a parameter")
        if key in parsed:
            raise UsageError(f"--arg {key} is given twice")
        try:
            parsed[key] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            parsed[key] = text
    return parsed


def _import(source: str) -> ModuleType:
    if source.endswith(".py"):
        return _import_file(Path(source))
    if not all(part.isidentifier() for part in source.split(".")):
        raise UsageError(f"MODEL {source!r}: neither a .py file nor a module name; expected {FORMS}")
    _add_to_path(Path.cwd())
    with _user_code(f"importing {source}"):
        try:
            return importlib.import_module(source)
        except ModuleNotFoundError as error:
            if error.name is not None and (source == error.name or source.startswith(f"{error.name}.")):
                raise UsageError(f"MODEL: there is no module {error.name!r} here or installed") from None
            raise


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"MODEL: {path}: no such file")
    _add_to_path(path.resolve().parent)
    name = path.stem if path.stem not in sys.modules else f"_edgernn_model_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise UsageError(f"MODEL: {path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with _user_code(f"importing {path}"):
        spec.loader.exec_module(module)
    return module


def _add_to_path(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _attribute(module: ModuleType, name: str, reference: str) -> Any:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise UsageError(f"MODEL {reference!r}: no such name.{_suggest(module, name)}")
        found = getattr(found, part)
    return found


def _suggest(module: ModuleType, name: str) -> str:
    """What the user may have meant: a name that is near, or the modules that the file defines."""
    from torch import nn

    public = [n for n in vars(module) if not n.startswith("_")]
    if near := difflib.get_close_matches(name, public, 1):
        return f" Did you mean {near[0]!r}?"
    own = [n for n in public if _is_module_of(vars(module)[n], module, nn.Module)]
    return f" Models there: {', '.join(own)}" if own else ""


def _is_module_of(value: Any, module: ModuleType, base: type) -> bool:
    if isinstance(value, type):
        return issubclass(value, base) and value.__module__ == module.__name__
    return isinstance(value, base)


def _call(function: Callable[..., Any], arguments: dict[str, Any], reference: str) -> Any:
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError as error:
        raise UsageError(
            f"MODEL {reference!r} cannot be called with {arguments or 'no arguments'}: {error}; "
            f"it is {reference.rpartition(':')[2]}{inspect.signature(function)}. Give --arg KEY=VALUE"
        ) from None
    except ValueError:  # built in, without a signature
        pass
    with _user_code(f"calling {reference}"):
        return function(**arguments)


@contextmanager
def _user_code(doing: str) -> Iterator[None]:
    """An exception of the user's code becomes a UsageError that shows the line."""
    try:
        yield
    except UsageError:
        raise
    except SystemExit as error:
        raise UsageError(f"{doing}: the code ended the program (exit code {error.code})") from None
    except SyntaxError as error:
        line = f"\n    {error.text.strip()}" if error.text else ""
        raise UsageError(f"{doing}: {error.filename}:{error.lineno}: {error.msg}{line}") from error
    except Exception as error:
        raise UsageError(f"{doing}: {_place(error)}{type(error).__name__}: {error}") from error


def _place(error: BaseException) -> str:
    """The innermost line outside of installed packages and of edgernn."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if not _is_foreign(f.filename)]
    if not own:
        return ""
    last = own[-1]
    code = f"    {last.line}\n  " if last.line else ""
    return f"\n  {last.filename}:{last.lineno}, in {last.name}\n{code}"


def _is_foreign(filename: str) -> bool:
    package = str(Path(__file__).resolve().parents[2])
    foreign = ("<frozen", f"{package}/edgernn/", sys.base_prefix)
    return filename.startswith(foreign) or "site-packages" in filename
