"""Models of packages in one form each: Resemblyzer, NSNet2, dgaintel, g2p_en."""

from pathlib import Path

import numpy as np
import pytest

import edgernn
from benchmarks.third_party.dgaintel import GENUINE, Dgaintel, generated, windows
from benchmarks.third_party.g2p import END, MOST_PHONEMES, START, WORDS, G2pEncoder, decoder, letters, spoken
from benchmarks.third_party.model import load, quantized, stream
from benchmarks.third_party.nsnet2 import Nsnet2
from benchmarks.third_party.resemblyzer import Resemblyzer
from edgernn.errors import ValidationError
from tests.third_party.support import check_float, check_integers, needs


@needs(Resemblyzer)
def test_resemblyzer(tmp_path: Path) -> None:
    check_float(Resemblyzer().convert(), Resemblyzer(), tmp_path)


@needs(Resemblyzer)
def test_resemblyzer_is_refused_in_16_bits(tmp_path: Path) -> None:
    """The power of its bands differs by four orders of magnitude, for which rows of 8-bit weights are too coarse."""
    with pytest.raises(ValidationError, match=r"was not written: native: output 'output' differs by"):
        quantized(Resemblyzer().convert(), Resemblyzer()).save(tmp_path / "voice.so")


@needs(Nsnet2)
def test_nsnet2(tmp_path: Path) -> None:
    given = Nsnet2()
    model = given.convert()
    assert {s.shape for s in model.interface.states} == {(400,)}
    check_float(model, given, tmp_path, ("native", "onnxruntime", "tflite"))
    check_integers(model, given, tmp_path)


@needs(Dgaintel)
def test_dgaintel(tmp_path: Path) -> None:
    given = Dgaintel()
    model = given.convert()
    check_float(model, given, tmp_path)
    check_integers(model, given, tmp_path)
    with load(tmp_path / "dgaintel.ern") as session:
        made = [stream(session, windows(name))[0] > 0.5 for name in generated(12, seed=2)]
        assert np.mean(made) > 0.75
        assert np.mean([stream(session, windows(name))[0] > 0.5 for name in GENUINE]) < 0.25


@needs(G2pEncoder)
def test_g2p_encoder(tmp_path: Path) -> None:
    given = G2pEncoder()
    model = given.convert()
    check_float(model, given, tmp_path)
    check_integers(model, given, tmp_path)


@needs(G2pEncoder)
@pytest.mark.parametrize("scheme", ["float32", "int16x8"])
def test_g2p_writes_the_same_phonemes(scheme: str, tmp_path: Path) -> None:
    """Letter by letter, then phoneme by phoneme from the state of the letters, which is the first of the decoder."""
    first = edgernn.convert(decoder(), inputs=["int:1,T", "1,1,256"], name="decoder")
    second = G2pEncoder().convert()
    if scheme != "float32":
        phonemes = [{"phonemes": np.array([START, *spoken(word)])} for word in WORDS[1::2]]
        first, second = first.quantize(phonemes, scheme), quantized(second, G2pEncoder(), scheme)
    first.save(tmp_path / "decoder.so")
    second.save(tmp_path / "encoder.so")
    words = WORDS[::2]
    with load(tmp_path / "encoder.so") as encoder, load(tmp_path / "decoder.so") as writer:
        found = []
        state = writer.states[0]
        for word in words:
            h = stream(encoder, letters(word)).reshape(state.shape)
            first_state = h if state.scale is None else np.round(h / state.scale).astype(state.dtype)
            writer.reset(**{state.name: first_state})
            written = [START]
            while len(written) <= MOST_PHONEMES:
                best = int(np.argmax(writer.step(written[-1])))
                if best == END:
                    break
                written.append(best)
            found.append(written[1:])
    same = [a == spoken(word) for a, word in zip(found, words, strict=True)]
    assert np.mean(same) >= (1.0 if scheme == "float32" else 0.9)


@needs(G2pEncoder)
def test_hello() -> None:
    """HH EH1 L OW0, in the order in which the package lists its phonemes."""
    assert spoken("hello") == [37, 27, 46, 50]
