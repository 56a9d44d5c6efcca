"""What the documents say is true: links and paths lead somewhere, commands exist, code runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from edgernn.cli.common.app import VERBS, app
from edgernn.export.c.targets import TARGETS as TARGETS_OF_C
from examples.spoken_digits.data import PACKAGED
from tests.docs.markdown import DOCUMENTS, ROOT, anchors, blocks, commands, inline_code, links
from tests.docs.reader import Reader, normalised, same_but_for_numbers

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
ROOMS = ("edgernn/", "export/", "runtime/", "boards/", "tests/", "examples/", "benchmarks/", "tools/", "docs/")
TARGETS = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
MAKE = re.compile(r"\bmake ([a-z][\w-]*)")


@every_document
def test_links_lead_to_files_and_headings(document: Path) -> None:
    broken = []
    for target in links(document):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert broken == []


@every_document
def test_paths_in_the_text_exist(document: Path) -> None:
    """A path may have parts in <angle brackets>, which stand for any name."""
    missing = []
    for code in inline_code(document):
        if code.startswith(ROOMS) and re.fullmatch(r"[\w./<>*-]+", code):
            pattern = re.sub(r"<\w+>", "*", code).rstrip("/")
            if not any(ROOT.glob(pattern)):
                missing.append(code)
    assert missing == []


@every_document
def test_make_targets_exist(document: Path) -> None:
    named = [code for code in inline_code(document) if code.startswith("make ")]
    named += [block.text for block in blocks(document) if block.language in ("sh", "console", "")]
    assert {target for text in named for target in MAKE.findall(text)} <= TARGETS


def test_every_target_of_the_raspberry_pi_page_exists() -> None:
    page = ROOT / "docs/runtime-on-a-raspberry-pi.md"
    named = {code for code in inline_code(page) if re.match(r"(cortex|armv|aarch)", code)}
    assert len(named) >= 5
    assert named <= set(TARGETS_OF_C)


def command_lines(document: Path) -> list[str]:
    """Every `edgernn ...` in blocks that are not run, and in the text."""
    lines = [code for code in inline_code(document) if code.startswith("edgernn ")]
    for block in blocks(document):
        if block.language in ("sh", ""):
            lines += re.findall(r"edgernn [^|\n]*", block.text.replace("\\\n", " "))
        if block.language == "console":
            lines += [found for command, _ in commands(block) for found in re.findall(r"edgernn [^|\n]*", command)]
    return lines


@every_document
def test_commands_have_the_verbs_and_options_that_are_shown(document: Path) -> None:
    wrong = []
    for line in command_lines(document):
        words = [word for word in shlex.split(line, comments=True)[1:] if word != "…"]
        if not words or words[0] == "VERB" or words[0].startswith("-"):
            continue
        if words[0] not in VERBS:
            wrong.append(line)
            continue
        command = app.get_command(click.Context(app), words[0])
        assert command is not None
        options = {name for parameter in command.params for name in parameter.opts} | {"-h", "--help"}
        wrong += [f"{line}: {w}" for w in words if w.startswith("-") and w != "-" and w.split("=")[0] not in options]
    assert wrong == []


def uses_recordings(document: Path) -> bool:
    return any("examples.spoken_digits" in block.text for block in blocks(document))


@every_document
def test_code_runs_and_prints_what_is_shown(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if uses_recordings(document) and not PACKAGED.installed:
        pytest.skip("the recordings of the spoken-digit example are not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    reader = Reader(tmp_path)
    for block in blocks(document):
        reader.follow(block)


def test_a_document_that_shows_other_words_is_found() -> None:
    printed = "23 frames in 0.01 s\n┃ gru │ 9,072 ┃\nreport: out/net.html\n"
    same_but_for_numbers("7 frames in 1.5 s\n...\nreport: out/net.html\n", printed, "here")
    assert normalised("┃ gru │ 9,072 ┃\n") == ["gru #"]
    with pytest.raises(AssertionError, match="the document shows"):
        same_but_for_numbers("23 frames in 0.01 s\nreport: out/other.html\n", printed, "here")
    with pytest.raises(AssertionError, match="the document shows"):
        same_but_for_numbers("report: out/net.html\n23 frames in 0.01 s\n", printed, "here")
