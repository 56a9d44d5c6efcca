"""The C of encoders with decoders: libraries that are proved, and programs that write what sessions write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgernn
from edgernn.errors import FrameError, UnsupportedModelError, UsageError
from edgernn.runtime.decode import Sampler
from edgernn.runtime.seq2seq import Seq2SeqSession
from edgernn.seq2seq_model import Seq2SeqModel
from tests.export.c_support import WARNINGS, compiler, run
from tests.seq2seq.models import SYMBOLS, attentive, feeding, plain, shifting

MOST, LENGTH = 10, 12
SAMPLER = Sampler(1.3, top_k=7, seed=9)
WIDTHS = (1, 3, 6)
MODELS = {"attentive": attentive, "plain": plain, "feeding": feeding}
SOURCES = [np.random.default_rng(k).integers(0, SYMBOLS, n).astype(np.int32) for k, n in enumerate((MOST, 1, 6))]


def converted(name: str, scheme: str) -> Seq2SeqModel:
    model = edgernn.convert(MODELS[name](max_output=LENGTH), inputs="int:1,T", max_frames=MOST, name="tr")
    assert isinstance(model, Seq2SeqModel)
    return model if scheme == "float32" else model.quantize(SOURCES, scheme)


def program(kind: str) -> str:
    """A C program that writes for each source: by the best symbol, drawn, and by searches; then a snapshot."""
    sources = "\n".join(f"    {{{', '.join(map(str, s.tolist()))}}}," for s in SOURCES)
    lengths = ", ".join(str(len(s)) for s in SOURCES)
    return f"""#include <stdio.h>
#include "tr.h"

static tr_state model;
static tr_text texts[TR_TEXTS({max(WIDTHS)})];
static {kind} scores[TR_OUTPUT_SCORES_SIZE];
static int32_t row[TR_OUTPUT_SCORES_SIZE], symbols[TR_MAX_OUTPUT];
static uint8_t blob[TR_SNAPSHOT_BYTES];
static const int32_t sources[{len(SOURCES)}][{MOST}] = {{
{sources}
}};
static const size_t lengths[] = {{{lengths}}}, widths[] = {{{", ".join(map(str, WIDTHS))}}};

static void print(size_t count)
{{
    for (size_t k = 0; k < count; k++)
        printf("%d ", (int)symbols[k]);
    printf("\\n");
}}

int main(void)
{{
    const ern_sampler best = {{0, 0, 65536, 0}};
    const ern_sampler drawn = {{{SAMPLER.temperature_q16}, {SAMPLER.top_k}, {SAMPLER.top_p_q16}, {SAMPLER.seed}}};
    size_t count;
    tr_init(&model);
    if (tr_step(&model, symbols, scores) != ERN_OUT_OF_RANGE || tr_encode(&model, 0, sources[0]) != ERN_OUT_OF_RANGE)
        return 2;
    for (size_t k = 0; k < {len(SOURCES)}; k++) {{
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {{
            if (tr_encode(&model, lengths[k], sources[k]) != ERN_OK)
                return 1;
            if (tr_search(&model, texts, widths[w], scores, row, symbols, TR_MAX_OUTPUT, &count) != ERN_OK)
                return 1;
            print(count);
        }}
        if (tr_generate(&model, &best, scores, symbols, TR_MAX_OUTPUT, &count) != ERN_OK)
            return 1;
        print(count);
        if (tr_encode(&model, lengths[k], sources[k]) != ERN_OK)
            return 1;
        if (tr_generate(&model, &drawn, scores, symbols, TR_MAX_OUTPUT, &count) != ERN_OK)
            return 1;
        print(count);
    }}
    tr_snapshot(&model, blob);
    for (size_t k = 0; k < sizeof blob; k++)
        printf("%02x", (unsigned)blob[k]);
    return 0;
}}
"""


def from_session(session: Seq2SeqSession) -> list[list[int]]:
    rows = []
    for source in SOURCES:
        rows += [session.generate(source, beam=width) for width in WIDTHS]
        rows += [session.generate(source), session.generate(source, sampler=SAMPLER)]
    return rows


@pytest.mark.parametrize(("name", "scheme"), [("attentive", "int16x8"), ("feeding", "int8"), ("plain", "float32")])
def test_a_compiled_program_writes_what_sessions_write(name: str, scheme: str, tmp_path: Path) -> None:
    model = converted(name, scheme)
    for suffix in ("so", "c"):
        assert model.save(tmp_path / f"tr.{suffix}").passed
    model.save(tmp_path / "tr.ern")
    (tmp_path / "main.c").write_text(program("float" if scheme == "float32" else "int16_t"))
    files = sorted(path.name for path in tmp_path.glob("*.c"))
    run([*compiler(), *WARNINGS, "-O1", *files, "-o", "main"], tmp_path)
    *lines, blob = run(["./main"], tmp_path).splitlines()
    written = [[int(word) for word in line.split()] for line in lines]
    sessions = [edgernn.load(tmp_path / "tr.so"), edgernn.load(tmp_path / "tr.ern", engine="reference")]
    for session in sessions:
        assert isinstance(session, Seq2SeqSession)
        assert from_session(session) == written
        if scheme != "float32":
            assert session.snapshot() == bytes.fromhex(blob)
    assert len({tuple(row) for row in written}) > 3


def test_states_that_move_are_not_overwritten_before_they_did(tmp_path: Path) -> None:
    model = edgernn.convert(shifting(), inputs="int:1,T", max_frames=MOST, name="tr")
    assert model.save(tmp_path / "tr.so").passed
    exchanging = edgernn.convert(shifting(exchanges=True), inputs="int:1,T", max_frames=MOST, name="tr")
    with pytest.raises(UnsupportedModelError, match="exchanges two of its states"):
        exchanging.save(tmp_path / "other.so")
    assert not (tmp_path / "other.so").exists()


def test_the_library_refuses_what_does_not_fit(tmp_path: Path) -> None:
    converted("plain", "float32").save(tmp_path / "tr.so")
    session = edgernn.load(tmp_path / "tr.so")
    assert isinstance(session, Seq2SeqSession) and session.engine == "native"
    with pytest.raises(UsageError, match="encode"):
        session.step(1)
    with pytest.raises(FrameError):
        session.encode(np.array([SYMBOLS]))
    session.encode(SOURCES[0])
    with pytest.raises(FrameError):
        session.step(SYMBOLS)
    session.reset()
    with pytest.raises(UsageError, match="encode"):
        session.step(1)
