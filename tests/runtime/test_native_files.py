"""Files for the native engine: damaged, foreign, for another processor, for a Raspberry Pi."""

import hashlib
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import edgernn
from edgernn.errors import ArtifactError, EngineError, OutputError
from edgernn.export.c import write_shared_library
from edgernn.export.c.targets import target_named
from edgernn.ir import cpu, sofile
from edgernn.ir.sofile import FOOTER, LibraryInfo, pack_library, parse_library
from edgernn.ops import Embedding, Linear
from edgernn.runtime.engines import native, native_library
from tests.ops.cases import all_cases
from tests.ops.cases.base import CaseBuilder
from tests.ops.test_engines import reference_run

CASES = {case.name: case for case in all_cases()}


@pytest.fixture(scope="module")
def gru(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("native") / "gru.so"
    write_shared_library(CASES["gru_5_3"].graph, path)
    return path


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("native") / "other.so"
    write_shared_library(CASES["swap"].graph, path)
    return path


def test_damaged_files_are_refused_before_they_are_loaded(
    gru: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loaded(name: str) -> None:
        raise AssertionError(f"{name} was loaded")

    monkeypatch.setattr(native_library.ctypes, "CDLL", loaded)
    data, rng = gru.read_bytes(), np.random.default_rng(0)
    path = tmp_path / "model.so"
    for number in range(600):
        mutated = bytearray(data)
        kind = number % 4
        if kind == 0:
            del mutated[int(rng.integers(len(data))) :]
        elif kind == 1:
            mutated[int(rng.integers(len(data)))] ^= int(rng.integers(1, 256))
        elif kind == 2:
            start = int(rng.integers(len(data) - 1))
            del mutated[start : start + int(rng.integers(1, 200))]
        else:
            start = int(rng.integers(len(data)))
            mutated[start:start] = rng.bytes(int(rng.integers(1, 200)))
        path.write_bytes(mutated)
        with pytest.raises(ArtifactError, match=r"model\.so"):
            native.open(path)


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"not a library at all" * 10])
def test_foreign_files_are_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.so"
    path.write_bytes(data)
    with pytest.raises(ArtifactError, match="not a shared library written by edgernn"):
        edgernn.load(path)


def test_other_libraries_are_refused() -> None:
    library = importlib.util.find_spec("numpy.linalg._umath_linalg")
    assert library is not None
    with pytest.raises(ArtifactError, match="not a shared library written by edgernn"):
        native.open(Path(str(library.origin)))


def test_metadata_with_a_right_checksum_is_still_checked(gru: Path, tmp_path: Path) -> None:
    data = gru.read_bytes()
    image_bytes, metadata_bytes, _, _ = FOOTER.unpack(data[-FOOTER.size :])
    image, plain = data[:image_bytes], json.loads(data[image_bytes : image_bytes + metadata_bytes])
    for change, message in [
        ({"machine": "z80"}, "unknown machine"),
        ({"machine": "aarch64" if plain["machine"] != "aarch64" else "x86_64"}, "the image is not for"),
        ({"features": [1]}, "features must be names"),
        ({"lanes": "8"}, "'lanes' must be int"),
        ({"edgernn": {}}, "format version"),
    ]:
        metadata = json.dumps({**plain, **change}).encode()
        digest = hashlib.sha256(image + metadata).digest()
        footer = FOOTER.pack(len(image), len(metadata), digest, sofile.MAGIC)
        (tmp_path / "model.so").write_bytes(image + metadata + footer)
        with pytest.raises(ArtifactError, match=message):
            edgernn.load(tmp_path / "model.so")


def test_code_of_another_model_is_refused(gru: Path, other: Path, tmp_path: Path) -> None:
    data, info = gru.read_bytes(), parse_library(other.read_bytes(), "other")
    image_bytes = FOOTER.unpack(data[-FOOTER.size :])[0]
    (tmp_path / "model.so").write_bytes(pack_library(data[:image_bytes], info))
    with pytest.raises(ArtifactError, match="code and metadata disagree"):
        edgernn.load(tmp_path / "model.so")


def test_missing_processor_feature_is_an_engine_error(gru: Path, tmp_path: Path) -> None:
    data = gru.read_bytes()
    info = parse_library(data, "gru")
    image_bytes = FOOTER.unpack(data[-FOOTER.size :])[0]
    future = LibraryInfo(info.interface, info.machine, (*info.features, "avx4096"), info.lanes)
    (tmp_path / "model.so").write_bytes(pack_library(data[:image_bytes], future))
    with pytest.raises(EngineError, match=r"this one lacks avx4096.*portable"):
        edgernn.load(tmp_path / "model.so")


@pytest.mark.parametrize("name", ["cortex-a72", "armv7", "rpi5"])
def test_library_for_a_raspberry_pi(name: str, tmp_path: Path) -> None:
    pytest.importorskip("ziglang", reason="zig: the package ziglang is not installed")
    path = tmp_path / "pi.so"
    write_shared_library(CASES["lstm_40_33_0"].graph, path, target=name)
    info = parse_library(path.read_bytes(), "pi")
    target = target_named(name)
    assert (info.machine, info.lanes, info.features) == (target.machine, 4, target.features)
    if target.machine != native_library.host_machine():
        with pytest.raises(EngineError, match=f"built for {target.machine}, this process runs on"):
            edgernn.load(path)


def test_portable_library_needs_no_feature(tmp_path: Path) -> None:
    case = CASES["lstm_40_33_0"]
    write_shared_library(case.graph, tmp_path / "portable.so", portable=True)
    assert parse_library((tmp_path / "portable.so").read_bytes(), "portable").features == ()
    session = edgernn.load(tmp_path / "portable.so")
    want = reference_run(case)[0]
    for frames, (y,) in zip(case.frames, want, strict=True):
        np.testing.assert_allclose(session.step(*frames), y, atol=1e-5)


def test_large_tables_are_linked_not_compiled(tmp_path: Path) -> None:
    builder = CaseBuilder("large_table")
    row = builder.builder.add1(Embedding(), [builder.tokens(20_000, 1), builder.weight(20_000, 32)])
    case = builder.done(builder.builder.add1(Linear(), [row, builder.weight(5, 32), builder.weight(5)]))
    write_shared_library(case.graph, tmp_path / "model.so")
    engine = native.open(tmp_path / "model.so")
    for frames, (y,) in zip(case.frames, reference_run(case)[0], strict=True):
        np.testing.assert_allclose(engine.run(*frames)[0], y, atol=1e-5)


def test_file_that_was_replaced_is_loaded_anew(tmp_path: Path) -> None:
    path, x = tmp_path / "model.so", np.ones(3, np.float32)
    for name in ("linear_3_4", "swap", "linear_3_4"):
        write_shared_library(CASES[name].graph, path)
        session = edgernn.load(path)
        want = reference_run(CASES[name])[0][0][0]
        np.testing.assert_allclose(session.step(CASES[name].frames[0][0]), want, atol=1e-5)
        kept = edgernn.load(path)
        assert kept.step(x).shape == want.shape


def test_compiler_for_another_machine_is_noticed(tmp_path: Path) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text('#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\necho "no ELF image, but a file" > "$2"\n')
    compiler.chmod(0o755)
    with pytest.raises(OutputError, match="builds for something else"):
        write_shared_library(CASES["swap"].graph, tmp_path / "model.so", cc=str(compiler))
    assert not (tmp_path / "model.so").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor : 0\nflags\t\t: fpu avx2 fma\n", {"fpu", "avx2", "fma"}),
        ("processor : 0\nFeatures\t: fp asimd crc32\n", {"fp", "asimd", "crc32", "neon", "vfpv4"}),
        ("processor : 0\n", set()),
    ],
)
def test_features_of_the_processor(
    text: str, expected: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(cpu, "CPU_INFO", tmp_path / "cpuinfo")
    assert cpu.cpu_features() == expected
    monkeypatch.setattr(cpu, "CPU_INFO", tmp_path / "missing")
    assert cpu.cpu_features() == set()
