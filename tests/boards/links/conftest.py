"""The protocol's device side, compiled once a session."""

from __future__ import annotations

import pytest

from .native import Line, NativeBoard, build_native


@pytest.fixture(scope="session")
def native_board(tmp_path_factory: pytest.TempPathFactory) -> NativeBoard:
    """The board that all tests of a session share."""
    return build_native(tmp_path_factory.mktemp("native"))


@pytest.fixture
def line(native_board: NativeBoard) -> Line:
    """A faultless line to a board that has just been switched on."""
    native_board.reset()
    return Line(native_board)
