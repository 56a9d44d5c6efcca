"""``edgernn run``: what goes in, what comes out, what is refused."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from edgernn.runtime import load
from tests.cli.support import cli, ok

RNG = np.random.default_rng(3)
FRAMES = RNG.standard_normal((6, 3)).astype(np.float32)
CSV = "\n".join(",".join(map(str, row)) for row in FRAMES).encode() + b"\n"


def expected(artifact: Path, frames: np.ndarray = FRAMES) -> np.ndarray:
    with load(artifact, "reference") as session:
        return np.array(list(session.stream(frames)))


def rows(text: str) -> np.ndarray:
    """The numbers of CSV with a header."""
    return np.array([[float(v) for v in line.split(",")] for line in text.splitlines()[1:]], np.float32)


def test_csv_from_standard_input_to_standard_output(plain: Path) -> None:
    result = ok(cli("run", plain, "--engine", "reference", stdin=CSV))
    assert result.out.splitlines()[0] == "y[0],y[1]"
    np.testing.assert_array_equal(rows(result.out), expected(plain))
    assert "6 frames in" in result.err
    assert "(reference)" in result.err


def test_json_lines_with_json(plain: Path) -> None:
    result = ok(cli("run", plain, "--engine", "reference", "--json", stdin=CSV))
    np.testing.assert_array_equal(np.array([r["y"] for r in result.lines], np.float32), expected(plain))
    summary = json.loads(result.err)
    assert (summary["frames"], summary["engine"], summary["interrupted"]) == (6, "reference", False)
    assert summary["us_per_step"] > 0


@pytest.mark.parametrize("suffix", ["npy", "csv", "jsonl"])
def test_files_in_and_out(plain: Path, tmp_path: Path, suffix: str) -> None:
    np.save(tmp_path / "x.npy", FRAMES)
    output = tmp_path / f"y.{suffix}"
    call = (
        "run",
        plain,
        "--engine",
        "reference",
        "--input",
        tmp_path / "x.npy",
        "--output",
        output,
        "--json",
    )
    summary = ok(cli(*call)).json
    assert summary["frames"] == 6
    if suffix == "npy":
        found = np.load(output)
    elif suffix == "csv":
        found = rows(output.read_text())
    else:
        found = np.array([json.loads(line)["y"] for line in output.read_text().splitlines()], np.float32)
    np.testing.assert_array_equal(found, expected(plain))
    assert {p.name for p in tmp_path.iterdir()} == {"x.npy", output.name}


def test_the_output_of_one_run_is_the_input_of_another(plain: Path, several: Path) -> None:
    first = ok(cli("run", several, "--engine", "reference", "--output", "total=-", stdin=two_inputs()))
    second = ok(cli("run", plain, "--engine", "reference", stdin=first.out.encode()))
    np.testing.assert_array_equal(rows(second.out), expected(plain, FRAMES + 2 * FRAMES))


def two_inputs() -> bytes:
    lines = [json.dumps({"b": (2 * f).tolist(), "a": f.tolist()}) for f in FRAMES]
    return "\n".join(lines).encode() + b"\n"


def test_several_inputs_and_outputs_by_name(several: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", FRAMES)
    np.save(tmp_path / "b.npy", 2 * FRAMES[:4])
    ok(cli(
        "run", several, "--engine", "reference", "--input", f"b={tmp_path / 'b.npy'}", "--input",
        f"a={tmp_path / 'a.npy'}", "--output", f"total={tmp_path / 't.npy'}", "-o", f"h={tmp_path / 'h.npy'}",
    ))  # fmt: skip
    np.testing.assert_array_equal(np.load(tmp_path / "t.npy"), FRAMES[:4] + 2 * FRAMES[:4])
    by_lines = ok(cli("run", several, "--engine", "reference", "--json", stdin=two_inputs()))
    wanted = np.array([r["h"] for r in by_lines.lines[:4]], np.float32)
    np.testing.assert_array_equal(np.load(tmp_path / "h.npy"), wanted)


def test_several_outputs_as_csv(several: Path) -> None:
    result = ok(cli("run", several, "--engine", "reference", stdin=two_inputs()))
    assert result.out.splitlines()[0] == "total[0],total[1],total[2],h[0],h[1],h[2],h[3]"


def test_tokens(tokens: Path) -> None:
    result = ok(cli("run", tokens, "--engine", "reference", stdin=b"1\n2\n9\n"))
    np.testing.assert_array_equal(rows(result.out), expected(tokens, np.array([1, 2, 9])))


def test_wav(plain: Path, tmp_path: Path) -> None:
    samples = RNG.integers(-9999, 9999, 10).astype("<i2")
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    head = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", 20)
    (tmp_path / "x.wav").write_bytes(b"RIFF" + struct.pack("<I", 56) + head + samples.tobytes())
    result = ok(cli("run", plain, "--engine", "reference", "--input", tmp_path / "x.wav"))
    frames = (samples[:9].reshape(3, 3) / 2**15).astype(np.float32)
    np.testing.assert_array_equal(rows(result.out), expected(plain, frames))
    assert "the last 1 samples do not fill a frame of 3" in result.err
    wrong = (tmp_path / "x.wav").read_bytes().replace(struct.pack("<II", 8000, 16000), struct.pack("<II", 44100, 88200))
    (tmp_path / "x.wav").write_bytes(wrong)
    refused = cli("run", plain, "--input", tmp_path / "x.wav", "--engine", "reference")
    assert refused.code == 2
    assert "sampled at 44100 Hz, the model expects 8000 Hz" in refused.err


@pytest.mark.parametrize("limit", [0, 1, 4, 100])
def test_limit(plain: Path, limit: int) -> None:
    result = ok(cli("run", plain, "--engine", "reference", "--limit", limit, stdin=CSV))
    assert len(result.out.splitlines()) == 1 + min(limit, 6)


def test_a_snapshot_continues_where_the_last_run_ended(plain: Path, tmp_path: Path) -> None:
    kept = tmp_path / "state.bin"
    lines = CSV.splitlines(keepends=True)
    call = ("run", plain, "--engine", "reference", "--snapshot", kept)
    first = ok(cli(*call, stdin=b"".join(lines[:2])))
    assert f"state saved to {kept}" in first.err
    second = ok(cli(*call, stdin=b"".join(lines[2:])))
    assert f"continued from and saved to {kept}" in second.err
    np.testing.assert_array_equal(np.concatenate([rows(first.out), rows(second.out)]), expected(plain))
    assert [p.name for p in tmp_path.iterdir()] == ["state.bin"]


def test_a_failed_run_leaves_the_old_snapshot(plain: Path, tmp_path: Path) -> None:
    kept = tmp_path / "state.bin"
    ok(cli("run", plain, "--engine", "reference", "--snapshot", kept, stdin=CSV))
    before = kept.read_bytes()
    assert cli("run", plain, "--engine", "reference", "--snapshot", kept, stdin=b"1,2,3\n1,2\n").code == 2
    assert kept.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"nonsense", b"ERNS" + bytes(60)])
def test_a_snapshot_that_does_not_fit(plain: Path, tmp_path: Path, content: bytes) -> None:
    kept = tmp_path / "state.bin"
    kept.write_bytes(content)
    result = cli("run", plain, "--engine", "reference", "--snapshot", kept, stdin=CSV)
    assert result.code == 2
    assert f"{kept}: " in result.err
    assert "delete the file to start anew" in result.err
    assert (result.out, kept.read_bytes()) == ("", content)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"1,2,3\n1,2\n", "standard input, line 2: 3 float32 values for input 'x' expected, found 2 fields"),
        (b"1,2,3\n1,nan,3\n", "standard input, line 2: input 'x': element (1,) is nan, not finite"),
        (b"[1,2,3]\n[1,2,1e99]\n", "standard input, line 2: input 'x': element (2,) is 1e+99, not finite"),
        (b"[1,2,3]\n[[1,2,3]]\n", "standard input, line 2: input 'x': a frame has shape (3,), found (1, 3)"),
    ],
)
def test_a_bad_frame_is_named_and_what_came_before_it_is_kept(plain: Path, text: bytes, message: str) -> None:
    result = cli("run", plain, "--engine", "reference", stdin=text)
    assert result.code == 2
    assert message in result.err
    assert len(rows(result.out)) == 1


def test_an_index_out_of_range(tokens: Path) -> None:
    result = cli("run", tokens, "--engine", "reference", stdin=b"3\n10\n")
    assert "line 2: input 'token': element () is 10, not in 0..9" in result.err


def test_a_bad_frame_leaves_no_npy(plain: Path, tmp_path: Path) -> None:
    call = ("run", plain, "--engine", "reference", "--output", tmp_path / "y.npy")
    assert cli(*call, stdin=b"1,2,3\n1,2\n").code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--engine", "fast"], "'fast' is not one of 'auto', 'native'"),
        (
            ["--engine", "onnxruntime"],
            "engine 'onnxruntime' runs .onnx files; this .ern file runs on numba, reference",
        ),
        (["--input", "x.mp3"], "unknown suffix '.mp3'"),
        (["--input", "nothing.npy"], "nothing.npy: cannot be read: No such file"),
        (["--input", "z=x.npy"], "no input 'z'; it has x"),
        (["--output", "nowhere/y.csv"], "nowhere/y.csv: cannot be written: No such file"),
        (["--output", "y.txt"], "unknown suffix '.txt'"),
        (["--limit", "-1"], "-1 is not in the range x>=0"),
        (["--snapshot", "nowhere/s"], "nowhere/s: cannot be written: No such file"),
    ],
)
def test_options_that_do_not_fit(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = cli("run", plain, "--engine", "reference", *options, stdin=CSV)
    assert result.code == 2
    assert message in " ".join(result.err.split())
    assert list(tmp_path.iterdir()) == []


def test_a_missing_artifact() -> None:
    assert "nothing.ern: no such file" in cli("run", "nothing.ern").err


def test_quiet(plain: Path) -> None:
    assert ok(cli("run", plain, "--engine", "reference", "--quiet", stdin=CSV)).err == ""
