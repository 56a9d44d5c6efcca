"""The one place that turns exceptions into messages and exit codes."""

from __future__ import annotations

import _thread
import json
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from edgernn.errors import EdgeRNNError

EXIT_USAGE = 2
EXIT_INTERNAL = 70
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143
REPEAT_S = 0.05


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM. Unwinds like Ctrl-C, so that temporary files go."""


def run_guarded(app: click.Command, arguments: list[str]) -> int:
    """Run the command line and return its exit code; failures become messages.

    Messages go to standard error; with ``--json`` a JSON object goes to standard output.
    """
    try:
        with _sigterm_as_exception(), _interrupts_repeated():
            with app.make_context("edgernn", arguments or ["--help"]) as context:
                returned = app.invoke(context)
            _flush()
            return returned if isinstance(returned, int) else 0
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except BrokenPipeError:
        _abandon_stdout()
        return 0
    except Terminated:
        return EXIT_TERMINATED
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return EXIT_INTERRUPTED
    except Exception as error:  # every way out of a command ends here
        if "--debug" in arguments:
            traceback.print_exc()
        return _report(error, as_json="--json" in arguments, debug="--debug" in arguments)


def _report(error: Exception, *, as_json: bool, debug: bool) -> int:
    message, code = _explain(error)
    if code == EXIT_INTERNAL and not debug:
        traceback.print_exception(error)
    try:
        if as_json:
            plain = {"type": type(error).__name__, "message": message, "exit_code": code}
            click.echo(json.dumps({"error": plain}))
        else:
            click.secho("error: ", fg="red", bold=True, nl=False, err=True)
            click.echo(message, err=True)
        _flush()
    except BrokenPipeError:
        _abandon_stdout()
    return code


def _explain(error: Exception) -> tuple[str, int]:
    """Message and exit code."""
    if isinstance(error, EdgeRNNError):
        return str(error), error.exit_code
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "edgernn"
        return f"{error.format_message()}\n  `{command} --help` shows what is allowed", EXIT_USAGE
    if isinstance(error, click.ClickException):
        return error.format_message(), EXIT_USAGE
    if isinstance(error, OSError) and error.strerror:
        names = " -> ".join(str(name) for name in (error.filename, error.filename2) if name)
        return f"{names or 'input or output'}: {error.strerror}", EXIT_USAGE
    return f"this is a bug in edgernn: {type(error).__name__}: {error}", EXIT_INTERNAL


@contextmanager
def _sigterm_as_exception() -> Iterator[None]:
    def handler(signum: int, frame: FrameType | None) -> None:
        raise Terminated

    try:
        before = signal.signal(signal.SIGTERM, handler)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _interrupts_repeated() -> Iterator[None]:
    """Raise an interrupt again that Python ignored, as it does where one lands in a callback from a C library."""
    before = sys.unraisablehook

    def hook(ignored: sys.UnraisableHookArgs) -> None:
        if not issubclass(ignored.exc_type, KeyboardInterrupt):
            before(ignored)
            return
        number = signal.SIGTERM if issubclass(ignored.exc_type, Terminated) else signal.SIGINT
        timer = threading.Timer(REPEAT_S, _thread.interrupt_main, [number])
        timer.daemon = True
        timer.start()

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _abandon_stdout() -> None:
    """The reader of standard output is gone: point it elsewhere, so that closing it raises nothing."""
    import os

    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = None
    finally:
        os.close(sink)
