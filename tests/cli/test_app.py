"""The command group: speed, listing, and the way from exceptions to exit codes."""

import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from edgernn.cli.common.app import VERBS, app
from edgernn.cli.common.failure import Terminated, run_guarded
from edgernn.errors import ArtifactError, BudgetError, EdgeRNNError, UnsupportedModelError, ValidationError
from tests.cli.support import ROOT, cli, ok

HEAVY = ("torch", "numpy", "rich", "jinja2", "matplotlib", "onnx", "numba")


def test_help_lists_the_verbs_without_importing_anything_heavy() -> None:
    code = (
        "import sys; from edgernn.cli import main; assert main(['--help']) == 0; "
        f"print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    )
    best_s = 10.0
    for _ in range(3):
        begin = os.times()
        run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        end = os.times()
        own = end.children_user + end.children_system - begin.children_user - begin.children_system
        best_s = min(best_s, own)
    assert run.stderr.strip() == "[]"
    assert all(verb in run.stdout for verb in VERBS)
    assert best_s < 0.3, "seconds of processor time"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str) -> None:
    assert "Usage: edgernn" in ok(cli(verb, "--help")).out


def test_without_arguments_the_help_is_shown() -> None:
    assert "Commands:" in ok(cli()).out


def test_version() -> None:
    assert ok(cli("--version")).out.startswith("edgernn")


def test_a_misspelt_verb() -> None:
    result = cli("exprot")
    assert result.code == 2
    assert "Did you mean 'export'?" in result.err


def test_errors_are_json_with_json() -> None:
    result = cli("inspect", "nothing.ern", "--json")
    assert result.code == 2
    assert result.json["error"]["type"] == "ArtifactError"
    assert "nothing.ern: no such file" in result.json["error"]["message"]
    assert result.err == ""
    unknown = cli("run", "--nonsense", "--json")
    assert unknown.json["error"]["exit_code"] == unknown.code == 2


def failing(error: BaseException) -> click.Group:
    @click.group()
    def group() -> None: ...

    @group.command("fail")
    @click.option("--debug", is_flag=True)
    def fail(debug: bool) -> None:
        raise error

    return group


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ValidationError("differs"), 1, "error: differs"),
        (BudgetError("too large"), 1, "error: too large"),
        (ArtifactError("damaged"), 2, "error: damaged"),
        (UnsupportedModelError("no", node="n", source="f.py:3"), 3, "f.py:3: cannot convert 'n': no"),
        (EdgeRNNError("other"), 1, "error: other"),
        (OSError(28, "No space left on device", "out/x"), 2, "error: out/x: No space left on device"),
        (PermissionError(13, "Permission denied", "a", None, "b"), 2, "error: a -> b: Permission denied"),
        (click.BadParameter("bad"), 2, "Invalid value: bad"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (BrokenPipeError(), 0, ""),
        (ZeroDivisionError("oops"), 70, "this is a bug in edgernn: ZeroDivisionError: oops"),
    ],
)
def test_exit_codes(error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_guarded(failing(error), ["fail"]) == code
    captured = capsys.readouterr()
    assert message in captured.err
    assert ("Traceback" in captured.err) == (code == 70)


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt, 130), (Terminated, 143)])
def test_an_interrupt_in_a_callback_of_a_library_is_heard(error: type[BaseException], code: int) -> None:
    """ctypes ignores what its callbacks raise."""

    def raises() -> None:
        raise error

    @click.command()
    def work() -> None:
        ctypes.CFUNCTYPE(None)(raises)()
        time.sleep(0.01)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            sum(range(1000))

    group = click.Group("edgernn", commands={"work": work})
    assert run_guarded(group, ["work"]) == code


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_guarded(failing(ArtifactError("damaged")), ["fail", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_engines() -> None:
    rows = {row["name"]: row for row in ok(cli("engines", "--json")).json["engines"]}
    assert rows["reference"]["installed"]
    assert rows["reference"]["runs"] == [".ern"]
    assert list(rows["reference"]["packages"]) == ["numpy"]
    assert rows["onnxruntime"]["runs"] == [".onnx"]
    table = ok(cli("engines")).out
    assert all(name in table for name in rows)


def test_an_engine_that_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from edgernn.errors import MissingExtraError
    from edgernn.runtime.engines import reference

    missing = MissingExtraError("thing", "extra", "the engine")
    monkeypatch.setattr(reference, "missing", lambda: missing)
    row = next(r for r in ok(cli("engines", "--json")).json["engines"] if r["name"] == "reference")
    assert not row["installed"]
    assert "pip install 'edgernn[extra]'" in row["missing"]
    assert "'edgernn[extra]'" in ok(cli("engines")).out


def test_inspect(plain: Path, several: Path) -> None:
    shown = ok(cli("inspect", plain, "--json")).json
    (x,) = shown["inputs"]
    assert (x["name"], x["shape"], x["dtype"], x["kind"], x["limit"]) == ("x", [3], "float32", "frame", None)
    assert shown["states"][0]["bytes"] == shown["state_bytes"] == 16
    assert (shown["hop"], shown["delay"], shown["scheme"], shown["mode"]) == (1, 0, "float32", "stream")
    assert len(shown["fingerprint"]) == 64
    gru, linear = shown["nodes"]
    assert (gru["op"], gru["shape"], gru["weights"], gru["macs"]) == ("gru", [4], 12 * 3 + 12 * 4 + 24, 84)
    assert (linear["op"], linear["weights"], linear["macs"]) == ("linear", 10, 8)
    assert (shown["weights"], shown["macs"], shown["weight_bytes"]) == (118, 92, 472)
    text = ok(cli("inspect", several)).out
    for word in ("several", "total", "16 bytes, initially zero", "MACs a step"):
        assert word in text


ABSENT = ("torch", "onnx", "onnxruntime", "jinja2", "matplotlib", "numba", "safetensors", "flatbuffers")


def test_a_device_without_the_extras_can_run_inspect_and_list(plain: Path) -> None:
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({ABSENT}))\n"
        "from edgernn.cli import main\n"
        f"for call in (['run', {str(plain)!r}], ['inspect', {str(plain)!r}], ['engines']): assert main(call) == 0\n"
        "sys.exit(main(['export', 'x.py:Net', '--input', '1,T,3']))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, input="1,2,3\n", capture_output=True, text=True, check=False
    )
    assert run.returncode == 2, run.stderr
    assert "(reference)" in run.stderr
    assert "pip install 'edgernn[export]'" in run.stderr
    assert "MACs a step" in run.stdout
    assert "pip install 'edgernn[numba]'" in " ".join(run.stdout.split())


def test_inspect_of_a_damaged_file(plain: Path, tmp_path: Path) -> None:
    (tmp_path / "x.ern").write_bytes(plain.read_bytes()[:-5])
    result = cli("inspect", tmp_path / "x.ern")
    assert result.code == 2
    assert "damaged" in result.err


def test_the_group_is_what_the_package_installs() -> None:
    assert sorted(app.list_commands(click.Context(app))) == sorted(VERBS)
