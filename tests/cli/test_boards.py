"""``edgernn boards``, ``build`` and ``flash``."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from edgernn.boards import list_boards, load_board, read_image
from edgernn.export import c as c_export
from tests.cli.support import cli, ok

NEEDED = {"elftools": "pyelftools", "ziglang": "ziglang", "intelhex": "intelhex"}


@pytest.fixture
def net(plain: Path) -> Path:
    """An .ern file, where firmware can be built from it."""
    missing = [package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    return plain


def test_boards_lists_all_of_them() -> None:
    text = ok(cli("boards")).out
    assert all(f" {name} " in text for name in list_boards())
    rows = ok(cli("boards", "--json")).json["boards"]
    assert [row["id"] for row in rows] == list_boards()
    pico = next(row for row in rows if row["id"] == "pico")
    assert pico["core"]["clock_hz"] == load_board("pico").core.clock_hz
    assert pico["formats"] == ["elf", "bin", "hex", "uf2"] and pico["flash_tools"] == ["uf2", "pyocd"]


def test_boards_show_tells_of_one() -> None:
    text = ok(cli("boards", "show", "nucleo-h743zi")).out
    assert "ST Nucleo-H743ZI" in text and "0x08000000" in text and "axi_sram" in text and "480 MHz" in text
    assert "serial port: " in text and "115,200 bits a second, core at 64 MHz" in text
    assert ok(cli("boards", "show", "pico", "--json")).json["serial"]["core_clock_hz"] == 12_000_000
    assert ok(cli("boards", "show", "rpi4", "--json")).json["ram_bytes"][0] == 1 << 30
    failed = cli("boards", "show", "nucleo")
    assert failed.code == 2 and "there is no board 'nucleo'" in failed.err


def test_build_writes_what_the_board_takes(net: Path, tmp_path: Path) -> None:
    plain = ok(cli("build", net, "--board", "pico", "-o", tmp_path / "out", "--json")).json
    names = [Path(file).name for file in plain["files"]]
    assert names == [f"{net.stem}-pico.{form}" for form in ("bin", "elf", "hex", "uf2")]
    assert all(Path(file).stat().st_size > 256 for file in plain["files"]) and not plain["notes"]
    image = read_image(tmp_path / "out" / f"{net.stem}-pico.elf")
    assert image.sizes.flash == plain["flash_bytes"] and image.model().state_bytes == plain["model_bytes"]
    again = ok(cli("build", net, "--board", "nucleo-f446re", "--format", "hex", "-o", tmp_path / "out")).out
    assert "of flash" in again and again.rstrip().endswith(f"{net.stem}-nucleo-f446re.hex")


def test_build_says_where_a_board_has_no_serial_port(net: Path, tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "boards" / "microbit" / "board.toml").read_text()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "board.toml").write_text(text.partition("[links.serial]")[0])
    for board, serves in ((tmp_path / "mine", False), ("microbit", True)):
        plain = ok(cli("build", net, "--board", board, "--format", "elf", "-o", tmp_path, "--json")).json
        functions = {s.name for s in read_image(Path(plain["files"][0])).symbols}
        assert plain["serves"] == serves == ("edgernn_link_take" in functions)
        assert any("has no [links.serial]" in note for note in plain["notes"]) != serves


def test_build_takes_c_files_packed_for_the_core(net: Path, tmp_path: Path) -> None:
    from edgernn.ir.ernfile import read_ern
    from edgernn.ops import OPS

    (tmp_path / "c").mkdir()
    c_export.write(read_ern(net, OPS)[1], tmp_path / "c" / "net.c")
    ok(cli("build", tmp_path / "c" / "net.c", "--board", "microbit", "--format", "elf", "-o", tmp_path))
    assert (tmp_path / "net-microbit.elf").is_file()


def test_build_says_what_is_wrong_and_leaves_nothing(net: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for arguments, message in (
        ([net, "--board", "host"], "firmware is for other boards"),
        ([net, "--board", "nucleo-f446re", "--format", "uf2"], "takes no .uf2; it takes elf, bin, hex"),
        ([net, "--board", "nucleo-f446re", "--format", "srec"], "'srec' is not a form of firmware"),
        ([tmp_path / "net.onnx", "--board", "pico"], "expected an .ern file, or the .c"),
    ):
        failed = cli("build", *arguments, "-o", out)
        assert failed.code == 2 and message in failed.err, failed.err
        assert not out.exists()


def test_flash_prints_the_command_in_a_dry_run(net: Path, tmp_path: Path) -> None:
    result = ok(cli("flash", net, "--board", "nucleo-f446re", "--dry-run"))
    assert result.out.rstrip().endswith(f"pyocd load --target stm32f446xe {net.stem}-nucleo-f446re.elf")
    (tmp_path / "INFO_UF2.TXT").write_text("Board-ID: RPI-RP2\n")
    result = ok(cli("flash", net, "--board", "pico", "--drive", tmp_path, "--dry-run", "--json"))
    assert result.json["command"] == f"cp {net.stem}-pico.uf2 {tmp_path}" and not result.json["done"]
    assert sorted(path.name for path in tmp_path.glob("*.uf2")) == []


def test_flash_copies_to_the_drive(net: Path, tmp_path: Path) -> None:
    (tmp_path / "INFO_UF2.TXT").write_text("Board-ID: RPI-RP2\n")
    assert "copied" in ok(cli("flash", net, "--board", "pico", "--drive", tmp_path)).out
    assert (tmp_path / f"{net.stem}-pico.uf2").stat().st_size % 512 == 0
    firmware = tmp_path / f"{net.stem}-pico.uf2"
    failed = cli("flash", firmware, "--board", "nucleo-f446re")
    assert failed.code == 2 and "pyocd takes .elf, .hex, .bin" in failed.err
