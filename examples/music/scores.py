"""Scores of four voices in compressed MusicXML, on a grid of sixteenth notes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.int16]
"""[T, 4]: what soprano, alto, tenor and bass begin in each sixteenth: a note by its MIDI number, REST, or HOLD."""

VOICES = 4
STEPS_PER_QUARTER = 4
HOLD, REST = 0, -1
OCTAVE = 12
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}

Note = tuple[int, int, int]
"""First sixteenth, the one after the last, MIDI number or REST."""


def read(path: Path) -> Grid | None:
    """The grid of a score; None where it does not have four parts of one voice.

    Repeats are not played. Notes that begin and end in the same sixteenth are left out.
    """
    with ZipFile(path) as archive:
        member = next(name for name in archive.namelist() if not name.startswith("META-INF") and name.endswith("xml"))
        score = ElementTree.fromstring(archive.read(member))
    parts = score.findall("part")
    if len(parts) != VOICES or any(part.find(".//chord") is not None for part in parts):
        return None
    voices = [list(_notes(part)) for part in parts]
    length = min(notes[-1][1] for notes in voices)
    grid: Grid = np.full((length, VOICES), HOLD, np.int16)
    for voice, notes in enumerate(voices):
        for begin, end, pitch in notes:
            if begin < min(end, length):
                grid[begin, voice] = pitch
    return grid


def _notes(part: ElementTree.Element) -> Iterator[Note]:
    """The notes and rests of a part, tied ones as one."""
    quarters, divisions = 0.0, 1
    held: Note | None = None
    for element in part.iter():
        if element.tag == "divisions":
            divisions = int(element.text or 1)
        if element.tag != "note" or element.find("grace") is not None:
            continue
        begin = round(quarters * STEPS_PER_QUARTER)
        quarters += int(element.findtext("duration", "0")) / divisions
        note = (begin, round(quarters * STEPS_PER_QUARTER), _pitch(element))
        if held is not None and any(tie.get("type") == "stop" for tie in element.findall("tie")):
            held = (held[0], note[1], held[2])
            continue
        if held is not None:
            yield held
        held = note
    if held is not None:
        yield held


def _pitch(note: ElementTree.Element) -> int:
    pitch = note.find("pitch")
    if pitch is None:
        return REST
    octave, step = int(pitch.findtext("octave", "4")), pitch.findtext("step", "C")
    return OCTAVE * (octave + 1) + SEMITONES[step] + round(float(pitch.findtext("alter", "0")))
