"""Bidirectional models of packages, over whole segments: SleepECG, g2pM."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.third_party.g2pm import README, G2pM, ambiguous, characters, read
from benchmarks.third_party.model import load, stream
from benchmarks.third_party.sleepecg import SleepEcg, SleepStager, nights, normalized, with_weights
from edgernn.errors import ValidationError
from tests.third_party.support import check_float, check_integers, needs


@needs(SleepEcg)
def test_sleepecg(tmp_path: Path) -> None:
    given = SleepEcg()
    model = given.convert()
    check_float(model, given, tmp_path)
    check_integers(model, given, tmp_path)


@needs(SleepEcg)
def test_sleepecg_with_its_normalization(tmp_path: Path) -> None:
    """In float the layers run from the measures as they are; one 16-bit unit for seconds and fractions is refused."""
    night = nights(1, seed=3)[0]
    model = SleepEcg().converted(SleepStager())
    model.save(tmp_path / "stager.ern")
    with load(tmp_path / "stager.ern") as session, torch.no_grad():
        wanted = with_weights(SleepStager())(torch.from_numpy(night)[None])[0].numpy()
        np.testing.assert_allclose(stream(session, night), wanted, atol=1e-5)
        np.testing.assert_allclose(SleepEcg().original(normalized(night)), wanted, atol=1e-5)
    with pytest.raises(ValidationError, match=r"was not written: .*output 'output' differs by"):
        model.quantize([{"measures": night}], "int16x8").save(tmp_path / "integers.ern")


@needs(G2pM)
def test_g2pm(tmp_path: Path) -> None:
    """The readings of the sentence in the package's documentation, too, in float and in integers."""
    given = G2pM()
    model = given.convert()
    check_float(model, given, tmp_path, ("numba", "native"))
    check_integers(model, given, tmp_path)
    sentence, readings = README
    for suffix in (".ern", "_int16x8.so"):
        with load(tmp_path / f"{given.name}{suffix}") as session:
            found = read(stream(session, characters(sentence)))
            assert tuple(found[k] for k in ambiguous(sentence)) == readings
