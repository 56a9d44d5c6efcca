"""edgernn.toml."""

from pathlib import Path

import click
import pytest

from edgernn.cli.common.config import read
from edgernn.cli.export import command
from edgernn.errors import UsageError
from tests.cli.support import cli


def written(folder: Path, text: str) -> Path:
    path = folder / "edgernn.toml"
    path.write_text(text)
    return path


def test_every_option(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        [export]
        model = "nets/model.py:Net"
        input = ["1,T,40", "length:1"]
        state = "1,64"
        weights = "w.pt"
        calibration = "data.npz"
        quant = "float32"
        calibration-method = "mse"
        mode = "stream"
        format = ["ern", "c"]
        target = "cortex_a72"
        name = "net"
        sample-rate = 16000
        drift-steps = 500
        output = "out"
        quiet = true
        arg = { hidden = 128, kind = "big" }
        """,
    )
    assert read(path) == {
        "model": f"{tmp_path}/nets/model.py:Net", "inputs": ["1,T,40", "length:1"], "states": ["1,64"],
        "weights": f"{tmp_path}/w.pt", "calibration": f"{tmp_path}/data.npz",
        "quant": "float32", "calibration_method": "mse",
        "mode": "stream", "formats": "ern,c", "target": "cortex_a72", "name": "net",
        "sample_rate": 16000, "drift_steps": 500,
        "output": f"{tmp_path}/out", "quiet": True, "arguments": ["hidden=128", "kind='big'"],
    }  # fmt: skip


def test_every_key_is_an_option_of_export(tmp_path: Path) -> None:
    parameters = {p.name for p in command.params}
    from edgernn.cli.common.config import KEYS, PARAMETERS

    assert {PARAMETERS.get(key, key.replace("-", "_")) for key in KEYS} <= parameters
    left_out = parameters - {PARAMETERS.get(key, key.replace("-", "_")) for key in KEYS}
    assert left_out == {"config", "as_json", "debug"}


def test_a_tokenizer_is_a_file_or_says_itself(tmp_path: Path) -> None:
    for given, wanted in (("words.json", f"{tmp_path}/words.json"), ("chars:ab", "chars:ab"), ("bytes", "bytes")):
        assert read(written(tmp_path, f'[export]\ntokenizer = "{given}"'))["tokenizer"] == wanted


def test_a_package_is_not_a_path(tmp_path: Path) -> None:
    assert read(written(tmp_path, '[export]\nmodel = "pack.nets:Net"'))["model"] == "pack.nets:Net"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[export]\nwieghts = "x"', r"\[export\] option 'wieghts' is unknown; did you mean 'weights'\?"),
        ("[export]\ndrift_steps = 3", r"did you mean 'drift-steps'\?"),
        ("[export]\nzzz = 3", "known are input, state"),
        ("[exports]\n", r"table 'exports' is unknown; did you mean 'export'\?"),
        ("export = 3", r"\[export\] must be a table"),
        ("[export]\nmodel = 3", r"\[export\] model: a text expected, found 3"),
        ("[export]\ninput = [3]", "a text or a list of texts expected, found 3"),
        ('[export]\ndrift-steps = "many"', "a number expected, found 'many'"),
        ("[export]\ndrift-steps = true", "a number expected, found True"),
        ('[export]\nquiet = "yes"', "true or false expected"),
        ("[export]\narg = [1]", "a table of constructor arguments expected"),
        ("[export\n", "not TOML"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(written(tmp_path, text))


def test_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "edgernn.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not TOML"):
        read(tmp_path / "edgernn.toml")


def parse(*arguments: str) -> dict[str, object]:
    """The parameters that ``edgernn export`` sees."""
    with command.make_context("export", list(arguments)) as context:
        return context.params


def test_the_file_in_the_current_folder_fills_in_and_the_command_line_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, '[export]\nmodel = "a.b:Net"\ninput = "1,T,4"\nformat = "ern"\ndrift-steps = 7')
    found = parse("--drift-steps", "9", "--input", "1,T,5")
    assert (found["model"], found["inputs"], found["drift_steps"]) == ("a.b:Net", ("1,T,5",), 9)
    assert found["formats"] == ("ern",)
    assert parse("c.d:Other", "--format", "c,onnx")["model"] == "c.d:Other"


def test_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    other = tmp_path / "other.toml"
    other.write_text('[export]\nmodel = "a.b:Net"\noutput = "o"')
    found = parse("--config", str(other))
    assert (found["model"], found["output"]) == ("a.b:Net", f"{tmp_path}/o")
    assert cli("export", "--config", "nothing.toml").code == 2


def test_values_are_checked_like_those_of_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for line in (
        'format = "ern,exe"',
        'quant = "int4"',
        'mode = "chunks"',
        "max-frames = 0",
        "lookahead = -1",
        "chunk = 0",
        "drift-steps = -1",
        "sample-rate = 0",
    ):
        written(tmp_path, f'[export]\nmodel = "a.b:Net"\n{line}')
        with pytest.raises(click.BadParameter):
            parse()
