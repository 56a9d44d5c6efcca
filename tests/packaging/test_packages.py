"""The package list, the data files and the pins agree with what is in the tree."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import tomllib

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PROJECT["tool"]["setuptools"]
ROOMS = ("export", "runtime", "boards")
NOT_PACKED = {".py", ".pyc", ".tmp", ".nbi", ".nbc"}


def package_folders() -> dict[str, Path]:
    """Every folder with an ``__init__.py``, under the name that it is imported by."""
    rooms = [ROOT / "edgernn", *(ROOT / room for room in ROOMS)]
    inits = [init for room in rooms for init in room.rglob("__init__.py")]
    relative = {init.parent.relative_to(ROOT) for init in inits if "edgernn/" not in _through_link(init)}
    return {_name(folder): ROOT / folder for folder in relative}


def _through_link(path: Path) -> str:
    """The part of a path up to a room's symlink when it goes through one, else nothing."""
    parts = path.relative_to(ROOT).parts
    return "edgernn/" if parts[0] == "edgernn" and len(parts) > 1 and parts[1] in ROOMS else ""


def _name(folder: Path) -> str:
    parts = folder.parts if folder.parts[0] == "edgernn" else ("edgernn", *folder.parts)
    return ".".join(parts)


def test_the_package_list_names_exactly_the_folders_that_exist() -> None:
    assert sorted(SETUPTOOLS["packages"]) == sorted(package_folders())


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_is_a_relative_symlink_and_mapped(room: str) -> None:
    link = ROOT / "edgernn" / room
    assert link.is_symlink()
    assert str(link.readlink()) == f"../{room}"
    assert SETUPTOOLS["package-dir"][f"edgernn.{room}"] == room


def _packed(file: Path, package: str, folder: Path) -> bool:
    patterns = SETUPTOOLS["package-data"].get(package, [])
    return any(fnmatch(str(file.relative_to(folder)), pattern) for pattern in patterns)


def test_every_data_file_in_a_package_is_packed() -> None:
    folders = package_folders()
    owner = {folder: name for name, folder in folders.items()}
    forgotten = []
    for file in (f for room in ("edgernn", *ROOMS) for f in (ROOT / room).rglob("*")):
        if _through_link(file) or file.suffix in NOT_PACKED or not file.is_file():
            continue
        folder = next(parent for parent in file.parents if parent in owner)
        if not _packed(file, owner[folder], folder):
            forgotten.append(str(file.relative_to(ROOT)))
    assert forgotten == []


APART = ("tflite-runtime", "flash")
"""Extras that `make` does not install: an engine that needs NumPy 1, and tools that need boards."""


def _requirement_name(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def test_every_requirement_of_make_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {_requirement_name(line) for line in lines if line and not line.startswith("#")}
    extras = PROJECT["project"]["optional-dependencies"]
    installed = [name for name in extras if name not in APART]
    wanted = {
        _requirement_name(r)
        for requirements in (PROJECT["project"]["dependencies"], *(extras[name] for name in installed))
        for r in requirements
    }
    assert wanted - {"edgernn"} - pinned == set()


def test_all_takes_every_extra_but_dev_and_what_stands_apart() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    taken = set(re.search(r"\[(.*)\]", extras["all"][0])[1].split(","))  # type: ignore[index]
    assert taken == set(extras) - {"all", "dev", *APART}
