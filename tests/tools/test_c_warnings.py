"""The C check accepts clean files and rejects what the flags forbid."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tools import c_warnings

CLEAN = "int twice(int x);\nint twice(int x) { return 2 * x; }\n"
NARROWING = "short half(int x);\nshort half(int x) { return x / 2; }\n"
# Only the optimiser sees this one.
OUT_OF_BOUNDS = """int f(void);
int f(void) { int t[4] = {1, 2, 3, 4}; int s = 0; for (int i = 0; i <= 4; i++) s += t[i]; return s; }
"""

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


@pytest.fixture
def gcc_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c_warnings, "compilers", lambda: {"gcc": ["gcc"]})


@pytest.mark.usefixtures("gcc_only")
@pytest.mark.parametrize(("text", "code"), [(CLEAN, 0), (NARROWING, 1), (OUT_OF_BOUNDS, 1), ("int f(;\n", 1)])
def test_exit_code(tmp_path: Path, text: str, code: int) -> None:
    (tmp_path / "a.c").write_text(text)
    assert c_warnings.main([str(tmp_path)]) == code


@pytest.mark.usefixtures("gcc_only")
def test_one_bad_file_among_good_ones_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "good.c").write_text(CLEAN)
    (tmp_path / "bad.c").write_text(NARROWING)
    assert c_warnings.main([str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "bad.c" in printed
    assert "1 of 2 files clean" in printed


def test_a_folder_without_c_is_an_error(tmp_path: Path) -> None:
    assert c_warnings.main([str(tmp_path)]) == 1


def test_no_compiler_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.c").write_text(CLEAN)
    monkeypatch.setattr(c_warnings, "compilers", dict)
    assert c_warnings.main([str(tmp_path)]) == 1
