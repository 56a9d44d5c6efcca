"""Scores become symbols, and symbols music."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import mido
import numpy as np
import pytest

from examples.music import data, play, scores
from examples.music.data import Chorale
from examples.music.scores import HOLD, REST, Grid
from examples.music.train import Transposed

VOICE = """<part><measure><attributes><divisions>2</divisions></attributes>
<note><pitch><step>{0}</step><octave>4</octave></pitch><duration>2</duration></note>
<note><grace/><pitch><step>C</step><octave>6</octave></pitch></note>
<note><rest/><duration>1</duration></note>
<note><pitch><step>B</step><alter>-1</alter><octave>3</octave></pitch><duration>1</duration><tie type="start"/></note>
</measure><measure><note><pitch><step>B</step><alter>-1</alter><octave>3</octave></pitch><duration>2</duration>
<tie type="stop"/></note></measure></part>"""


def score(path: Path, voices: str) -> Path:
    with ZipFile(path, "w") as archive:
        archive.writestr("META-INF/container.xml", "<container/>")
        archive.writestr(
            "score.musicxml", f"<score-partwise>{''.join(VOICE.format(v) for v in voices)}</score-partwise>"
        )
    return path


def grid() -> Grid:
    """Two sixteenths, then one that all voices but the bass hold."""
    return np.array([[67, 64, 60, 48], [HOLD, 65, REST, HOLD], [HOLD, HOLD, HOLD, 50]], np.int16)


def test_a_score_is_read_with_ties_and_rests(tmp_path: Path) -> None:
    found = scores.read(score(tmp_path / "four.mxl", "GECA"))
    assert found is not None
    assert found[:, 0].tolist() == [67, 0, 0, 0, REST, 0, 58, 0, 0, 0, 0, 0]
    assert found[0].tolist() == [67, 64, 60, 69]
    assert scores.read(score(tmp_path / "three.mxl", "GEC")) is None


def test_symbols_are_the_grid() -> None:
    symbols = data.as_symbols(grid())
    assert np.array_equal(data.as_grid(symbols), grid())
    assert len(set(data.as_symbols(np.full((1, 4), HOLD, np.int16))[0].tolist())) == 4
    with pytest.raises(ValueError, match=f"they are from {data.LOWEST} to {data.HIGHEST}"):
        data.as_symbols(np.full((1, 4), data.HIGHEST + 1, np.int16))


def test_transposing_moves_all_notes_alike() -> None:
    chorale = Chorale("x", grid())
    keys = set()
    for symbols in (Transposed([chorale], seed)[0] for seed in range(20)):
        notes = chorale.symbols < data.PITCHES
        assert np.array_equal(symbols[~notes], chorale.symbols[~notes])
        keys |= set((symbols - chorale.symbols)[notes].tolist())
        assert len(set((symbols - chorale.symbols)[notes].tolist())) == 1
    assert len(keys) > 3


def test_notes_are_as_long_in_midi_as_in_the_grid(tmp_path: Path) -> None:
    assert list(play.sung(grid()))[-2:] == [(3, 0, 2, 48), (3, 2, 3, 50)]
    file = mido.MidiFile(play.write_midi(grid(), tmp_path / "x.mid"))
    bass = [(m.type, m.note, m.time) for m in file.tracks[3] if m.type.startswith("note")]
    assert bass == [("note_on", 48, 0), ("note_off", 48, 240), ("note_on", 50, 0), ("note_off", 50, 120)]
    tenor = [(m.type, m.note, m.time) for m in file.tracks[2] if m.type.startswith("note")]
    assert tenor == [("note_on", 60, 0), ("note_off", 60, 120)]


def test_a_note_sounds_at_its_pitch() -> None:
    alone = np.full((16, 4), HOLD, np.int16)
    alone[0] = [69, REST, REST, REST]
    samples = play.sound(alone)
    loudest = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))).argmax() * play.RATE_HZ / len(samples)
    assert loudest == pytest.approx(440, abs=1)


def test_without_the_model_it_says_how_to_get_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert play.main([], artifact=tmp_path / "music.so") == 2
    assert "make example NAME=music" in capsys.readouterr().err
