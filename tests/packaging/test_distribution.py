"""What is built from the tree: the wheel, and the sdist and the wheel that it builds."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest
import tomllib

from tests.packaging.test_packages import ROOT, SETUPTOOLS, package_folders


def build(source: Path, kind: str, target: Path) -> Path:
    """Build a wheel or an sdist with the installed setuptools and return the file."""
    call = [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", str(target)]
    run = subprocess.run([*call, str(source)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    (built,) = target.iterdir()
    return built


def unpack(sdist: Path, target: Path) -> Path:
    """The folder of an unpacked sdist."""
    with tarfile.open(sdist) as archive:
        archive.extractall(target, filter="data")
    (folder,) = target.iterdir()
    return folder


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the sdist alone: nothing of the tree is at hand."""
    source = unpack(sdist, tmp_path_factory.mktemp("source"))
    return build(source, "wheel", tmp_path_factory.mktemp("wheel"))


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def expected_files() -> set[str]:
    """Every source and data file of the packages, under its name in a wheel."""
    expected = set()
    for package, folder in package_folders().items():
        patterns = ["*.py", *SETUPTOOLS["package-data"].get(package, [])]
        files = {file for pattern in patterns for file in folder.glob(pattern)}
        base = PurePosixPath(*package.split("."))
        expected |= {str(base / file.relative_to(folder).as_posix()) for file in files}
    return expected


def test_the_wheel_holds_every_module_and_data_file_and_nothing_else(wheel: Path) -> None:
    packed = {name for name in names(wheel) if ".dist-info/" not in name}
    assert packed == expected_files()


def test_the_wheel_carries_licence_and_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (licence,) = [name for name in archive.namelist() if name.endswith("/LICENSE")]
        (entries,) = [name for name in archive.namelist() if name.endswith("/entry_points.txt")]
        assert b"Apache License" in archive.read(licence)
        assert b"edgernn = edgernn.cli:main" in archive.read(entries)


def test_the_sdist_holds_what_builds_tests_and_trains(sdist: Path, tmp_path: Path) -> None:
    folder = unpack(sdist, tmp_path)
    metadata = tomllib.loads((folder / "pyproject.toml").read_text())
    assert metadata["project"]["name"] == "edgernn"
    kept = ("Makefile", "constraints.txt", "tests/packaging/base_only.py", "examples/spoken_digits/train.py")
    for path in kept:
        assert (folder / path).is_file(), path
    assert not list(folder.rglob("*.pyc"))
