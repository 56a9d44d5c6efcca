"""The progress bar: on terminals only, after a second only, gone at the end."""

import io
import time

import pytest
from rich.console import Console

from edgernn.cli.common import progress
from edgernn.cli.common.progress import Bar


def screen(*, terminal: bool = True) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=100)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No patience."""
    monkeypatch.setattr(progress, "PATIENCE_S", 0.0)


def work(bar: Bar) -> None:
    for done in range(30):
        bar("drift", done * 1000, 100_000)
        time.sleep(0.01)


@pytest.mark.usefixtures("at_once")
def test_stage_and_count_are_shown_on_a_terminal() -> None:
    console = screen()
    with Bar(console=console) as bar:
        bar("converting")
        work(bar)
    assert "drift" in text(console)
    assert " of 100,000" in text(console)
    assert text(console).endswith("\x1b[2K")


def test_quick_work_shows_nothing() -> None:
    console = screen()
    with Bar(console=console) as bar:
        work(bar)
    assert "drift" not in text(console)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(("terminal", "enabled"), [(False, True), (True, False)])
def test_files_and_quiet_runs_get_nothing(terminal: bool, enabled: bool) -> None:
    console = screen(terminal=terminal)
    with Bar(enabled=enabled, console=console) as bar:
        work(bar)
    assert text(console) == ""


@pytest.mark.usefixtures("at_once")
def test_an_exception_ends_the_bar() -> None:
    console = screen()

    def fail() -> None:
        with Bar(console=console) as bar:
            work(bar)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    shown = text(console)
    time.sleep(0.2)
    assert text(console) == shown
    assert "\x1b[?25h" in shown
