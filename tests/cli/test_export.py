"""``edgernn export`` and ``validate`` on real models, end to end."""

import json
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgernn.runtime import Session, load
from tests.cli.support import Result, cli, ok, spawn

SOURCE = """
import torch
from torch import nn

print("a line on standard output")


class Tagger(nn.Module):
    def __init__(self, hidden=6):
        super().__init__()
        self.gru = nn.GRU(4, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 3)

    def forward(self, x):
        y, _ = self.gru(x)
        return self.head(y)


class Both(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(4, 6, batch_first=True, bidirectional=True)

    def forward(self, x):
        return self.gru(x)[0]


class Cell(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(4, 6)

    def forward(self, x, state):
        h, c = self.cell(x, state)
        return h, (h, c)


def tokens():
    return Tokens()


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 4)
        self.gru = nn.GRU(4, 6, batch_first=True)

    def forward(self, x):
        return self.gru(self.embedding(x))[0]
"""
CALL = ("--input", "1,T,4", "--weights", "w.pt", "--format", "onnx")


class Tagger(nn.Module):
    """The module of SOURCE, here."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(4, 6, batch_first=True)
        self.head = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.head(self.gru(x)[0])
        return y


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with net.py, w.pt and calib.npz."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "net.py").write_text(SOURCE)
    torch.manual_seed(1)
    torch.save({"state_dict": Tagger().state_dict()}, folder / "w.pt")
    rng = np.random.default_rng(0)
    np.savez(folder / "calib.npz", x_0=rng.standard_normal((30, 4)), x_1=rng.standard_normal((12, 4)))
    return folder


@pytest.fixture
def here(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The current folder is the project's; the result is a fresh one."""
    monkeypatch.chdir(project)
    return tmp_path / "out"


@pytest.fixture(scope="module")
def exported(project: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The tagger, exported once."""
    out = tmp_path_factory.mktemp("exported") / "a" / "b"
    model = f"{project / 'net.py'}:Tagger"
    options = ["--weights", project / "w.pt", "--calibration", project / "calib.npz", "--drift-steps", 300]
    call = ["export", model, "--input", "1,T,4", "--format", "onnx,ern", "-o", out, *options, "--json"]
    return out, ok(cli(*call))


def test_artifacts_and_reports_are_written_and_nothing_else(exported: tuple[Path, Result]) -> None:
    out, result = exported
    names = ["tagger.ern", "tagger.onnx", "tagger.report.html", "tagger.report.json", "tagger.report.md"]
    assert sorted(p.name for p in out.iterdir()) == names
    assert result.json["files"] == [str(out / name) for name in names]


def test_json_is_the_report(exported: tuple[Path, Result]) -> None:
    out, result = exported
    plain = result.json
    assert plain["passed"] is True
    assert [a["path"] for a in plain["artifacts"]] == [str(out / "tagger.onnx"), str(out / "tagger.ern")]
    assert all(a["drift"][0]["steps"] == 300 for a in plain["artifacts"])
    assert plain["data"] == "random sequences and 2 from calib.npz"
    assert plain["notes"] == ["took the weights under 'state_dict'"]
    written = json.loads((out / "tagger.report.json").read_text())
    assert written == {k: v for k, v in plain.items() if k not in ("files", "notes")}
    assert "a line on standard output" in result.err
    for form in ("md", "html"):
        assert "tagger.onnx" in (out / f"tagger.report.{form}").read_text()


def test_the_artifact_computes_what_the_module_computes(exported: tuple[Path, Result], project: Path) -> None:
    out, _ = exported
    x = np.random.default_rng(5).standard_normal((20, 4)).astype(np.float32)
    np.save(out.parent / "x.npy", x)
    output = out.parent / "y.npy"
    ok(cli("run", out / "tagger.onnx", "--input", out.parent / "x.npy", "--output", output))
    module = Tagger()
    module.load_state_dict(torch.load(project / "w.pt")["state_dict"])
    with torch.no_grad():
        wanted = module(torch.from_numpy(x)[None])[0].numpy()
    np.testing.assert_allclose(np.load(output), wanted, atol=1e-6)


def test_validate(exported: tuple[Path, Result], project: Path) -> None:
    out, _ = exported
    model = f"{project / 'net.py'}:Tagger"
    call = ("validate", out / "tagger.onnx", "--reference", model, "--input", "1,T,4", "--drift-steps", 50)
    same = ok(cli(*call, "--weights", project / "w.pt"))
    assert "It agrees with the PyTorch model." in same.out
    assert "tagger.onnx" in same.out
    plain = ok(cli(*call, "--weights", project / "w.pt", "--json")).json
    assert plain["passed"] is True
    assert plain["artifacts"][0]["drift"][0]["steps"] == 50
    other = cli(*call)
    assert other.code == 1
    assert "made from another model or other weights" in other.err
    assert "no --weights given" in other.err
    on_engine = ok(
        cli(*call[:1], out / "tagger.ern", *call[2:], "--weights", project / "w.pt", "--engine", "reference")
    )
    assert "reference" in on_engine.out


def test_the_table_and_the_path_of_the_page(here: Path) -> None:
    result = ok(cli("export", "net.py:Tagger", *CALL, "--drift-steps", 0, "-o", here))
    for word in ("tagger.onnx", "onnxruntime", "passed", f"report: {here}/tagger.report.html", "SQNR dB"):
        assert word in result.out
    assert "tagger" not in ok(cli("export", "net.py:Tagger", *CALL, "--drift-steps", 0, "-o", here, "-q")).out


def test_options_from_a_file(here: Path, tmp_path: Path, project: Path) -> None:
    config = tmp_path / "edgernn.toml"
    (tmp_path / "net.py").write_text(SOURCE)
    config.write_text(
        '[export]\nmodel = "net.py:Tagger"\ninput = "1,T,4"\nformat = "onnx"\noutput = "out"\ndrift-steps = 0\n'
        'name = "Other-Name"\narg = { hidden = 5 }\nsample-rate = 100\n'
    )
    plain = ok(cli("export", "--config", config, "--json")).json
    assert plain["model"] == "Other_Name"
    assert plain["layers"][0]["shape"] == [5]
    assert (tmp_path / "out" / "Other_Name.onnx").exists()
    assert ok(cli("inspect", tmp_path / "out" / "Other_Name.onnx", "--json")).json["sample_rate_hz"] == 100


def test_a_step_module_with_a_tuple_of_states(here: Path) -> None:
    call = ("--input", "1,4", "--state", "1,6", "--state", "1,6", "--format", "onnx", "--drift-steps", 0)
    plain = ok(cli("export", "net.py:Cell", *call, "-o", here, "--json")).json
    assert [s["shape"] for s in plain["states"]] == [[6], [6]]


def test_a_factory_with_integer_input(here: Path) -> None:
    call = ("--input", "int:1,T", "--format", "onnx", "--drift-steps", 0)
    plain = ok(cli("export", "net.py:tokens", *call, "-o", here, "--json")).json
    assert plain["model"] == "tokens"
    assert plain["inputs"][0]["limit"] == 11
    run = cli("run", here / "tokens.onnx", stdin=b"3\n11\n")
    assert run.code == 2
    assert "is 11, not in 0..10" in run.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["net.py:Tagger"], 2, "--input is missing"),
        ([], 2, "MODEL is missing"),
        (["net.py:Tagger", "--input", "1,T,5"], 2, "Expected 4, got 5"),
        (["net.py:Tagger", "--input", "1,T,x"], 2, "'x' is neither a size nor T"),
        (["net.py:Tagger", "--input", "1,4"], 2, "no input has a time axis T"),
        (["net.py:Both", "--input", "1,T,4"], 3, "bidirectional"),
        (["net.py:Tagger", "--input", "1,T,4", "--weights", "no.pt"], 2, "no.pt: no such file"),
        (
            ["net.py:Tagger", "--input", "1,T,4", "--arg", "hidden=7", "--weights", "w.pt"],
            2,
            "[18, 4] in the file, [21, 4]",
        ),
        (["net.py:Tagger", "--input", "1,T,4", "--calibration", "no.npz"], 2, "no.npz: no such file"),
        (["net.py:Tagger", "--input", "1,T,4", "--format", "onnx,exe"], 2, "'exe' is not a format"),
        (["net.py:Tagger", "--input", "1,T,4", "--quant", "int4"], 2, "'int4' is not one of 'float32', "),
        (["net.py:Tagger", "--input", "1,T,4", "--quant", "int16x8"], 2, "--quant int16x8 needs --calibration"),
        (["net.py:Tagger", "--input", "1,T,4", "--mode", "chunk"], 2, "mode 'chunk' needs lookahead"),
        (["net.py:Tagger", "--input", "1,T,4", "--target", "cortex_a72", "--format", "ern"], 2, "add so to --format"),
        (
            ["net.py:Tagger", "--input", "1,T,4", "--target", "z80", "--format", "so"],
            2,
            "unknown target 'z80'; targets are",
        ),
    ],
)
def test_refusals_write_nothing(here: Path, arguments: list[str], code: int, message: str) -> None:
    result = cli("export", *arguments, "-o", here)
    assert result.code == code
    assert message in result.err
    assert not here.exists()
    if code == 3:
        assert "net.py:" in result.err


def test_calibration_that_does_not_fit(here: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "c.npy", np.zeros((10, 5)))
    result = cli("export", "net.py:Tagger", *CALL, "--calibration", tmp_path / "c.npy", "-o", here)
    assert result.code == 2
    assert "shape [10, 5] does not fit input 'x', [T, 4]" in result.err
    assert not here.exists()


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_folder_that_cannot_be(here: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("here")
    result = cli("export", "net.py:Tagger", *CALL, "-o", tmp_path / place)
    assert result.code == 2
    assert f"{tmp_path / 'file'} is not a folder" in result.err
    assert (tmp_path / "file").read_text() == "here"


def test_a_full_disk(project: Path, tmp_path: Path) -> None:
    """Files of at most 4,000 bytes stand in for a disk without room."""
    import resource

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))

    out = tmp_path / "out"
    with spawn(
        "export", "net.py:Tagger", *CALL, "--drift-steps", 0, "-o", out, cwd=project, preexec_fn=limited
    ) as process:
        _, err = process.communicate(timeout=90)
    assert process.returncode == 2
    assert b"cannot be written: File too large" in err
    assert b"Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_a_folder_has(here: Path) -> None:
    (here / "tagger.report.md").mkdir(parents=True)
    (here / "tagger.onnx").write_text("old")
    result = cli("export", "net.py:Tagger", *CALL, "--drift-steps", 0, "-o", here)
    assert result.code == 2
    assert "tagger.report.md: is a folder" in result.err
    assert (here / "tagger.onnx").read_text() == "old"
    assert len(list(here.iterdir())) == 2


def test_an_artifact_that_disagrees_is_not_written(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is off by 1e-3: the .ern, which comes first, passes; nothing is written all the same."""

    def load_spoiled(path: Path, engine: str) -> Session:
        session = load(path, engine)
        if path.suffix == ".onnx":
            step = session.step
            session.step = lambda *frames: step(*frames) + np.float32(1e-3)
        return session

    monkeypatch.setattr("edgernn.validation.proof.load", load_spoiled)
    here.mkdir()
    (here / "tagger.onnx").write_text("old")
    result = cli("export", "net.py:Tagger", *CALL, "--format", "ern,onnx", "--drift-steps", 0, "-o", here)
    assert result.code == 1
    assert f"{here}/tagger.onnx was not written: onnxruntime: output 'output' differs by 0.001" in result.err
    assert [p.read_text() for p in here.iterdir()] == ["old"]


def test_a_validation_that_fails(exported: tuple[Path, Result], project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, _ = exported

    def load_spoiled(path: Path, engine: str) -> Session:
        session = load(path, engine)
        step = session.step
        session.step = lambda *frames: step(*frames) * np.float32(1.01)
        return session

    monkeypatch.setattr("edgernn.validation.proof.load", load_spoiled)
    model = f"{project / 'net.py'}:Tagger"
    call = ("validate", out / "tagger.onnx", "--reference", model, *CALL[:2], "--weights", project / "w.pt")
    result = cli(*call, "--drift-steps", 0)
    assert result.code == 1
    assert "FAILED" in result.out
    assert "onnxruntime: output 'output' differs by" in result.err
    plain = cli(*call, "--drift-steps", 0, "--json")
    assert (plain.code, plain.json["passed"]) == (1, False)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_export_leaves_nothing(project: Path, tmp_path: Path, number: int, code: int) -> None:
    """Interrupted while it streams for a long time, with an artifact and a folder already begun."""
    out = tmp_path / "a" / "b"
    call = ("export", "net.py:Tagger", *CALL, "--drift-steps", 3_000_000, "-o", out)
    with spawn(*call, cwd=project) as process:
        deadline = time.monotonic() + 90
        while not list(out.rglob("*.onnx")) and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert b"Traceback" not in err
    assert list(tmp_path.iterdir()) == []
