"""Models whose weights are in the repository: guitar pedals of NeuralSeed, the test models of RTNeural, FastGRNN."""

from pathlib import Path

import numpy as np
import pytest

import edgernn
from benchmarks.third_party.fastgrnn import FastGrnn, FastGrnnLoop, stored
from benchmarks.third_party.guitar import TubeScreamerGru, TubeScreamerLstm
from benchmarks.third_party.model import ThirdParty, load, stream
from benchmarks.third_party.rtneural import RtNeuralGru, RtNeuralLstm
from tests.third_party.support import TOLERANCE, check_float, check_integers

GIVEN = [TubeScreamerLstm(), TubeScreamerGru(), RtNeuralLstm(), RtNeuralGru(), FastGrnn()]


@pytest.mark.parametrize("given", GIVEN, ids=lambda g: g.name)
def test_streams_and_integers(given: ThirdParty, tmp_path: Path) -> None:
    model = given.convert()
    check_float(model, given, tmp_path)
    check_integers(model, given, tmp_path)


def test_fastgrnn_gives_the_scores_of_its_authors(tmp_path: Path) -> None:
    FastGrnn().convert().save(tmp_path / "har.ern")
    with load(tmp_path / "har.ern") as session:
        for window, scores in zip(FastGrnn().windows(), stored()["logits"], strict=True):
            np.testing.assert_allclose(stream(session, window)[-1], scores, atol=TOLERANCE * np.abs(scores).max())


def test_fastgrnn_as_a_loop_over_time_is_the_step_module(tmp_path: Path) -> None:
    model = edgernn.convert(FastGrnnLoop(), inputs="1,T,3")
    check_float(model, FastGrnn(), tmp_path)
    assert len(model.interface.states) == 1
