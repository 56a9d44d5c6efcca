"""Texts to symbols and back, what is stored in artifacts, and what is refused."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edgernn
from edgernn.cli.common.tokenizers import read_tokenizer
from edgernn.errors import ArtifactError, UsageError
from edgernn.export.c.source import generate
from edgernn.ir.codec import fingerprint
from edgernn.ir.ernfile import read_ern
from edgernn.ir.interface import Interface
from edgernn.ir.tokenizer import Tokenizer
from edgernn.ops import OPS
from tests.export.c_support import WARNINGS, compiler, run, write_sources
from tests.fuzz.mutations import mutated_tree
from tests.runtime.decode.language import SYMBOLS, converted, saved
from tests.support import require

ALPHABET = "\n abcdefghijklmnopqrstuvwxyz\u00e9"[:SYMBOLS]
CHARACTERS = Tokenizer.of_characters(ALPHABET, begin=0, end=0)
WORDS = Tokenizer(
    "words", ("<unk>", "the", "lord", ",", ".", "(", ")", "god's", "1"), unknown=0, lowercase=True, marks=",.()"
)


@settings(max_examples=200, derandomize=True)
@given(st.text(ALPHABET[1:]))
def test_characters_come_back(text: str) -> None:
    assert CHARACTERS.decode(CHARACTERS.encode(text)) == text
    assert CHARACTERS.prompt(text)[0] == 0


@settings(max_examples=200, derandomize=True)
@given(st.text())
def test_bytes_come_back(text: str) -> None:
    tokenizer = Tokenizer("bytes", end=256)
    if text.isascii() or text.encode("utf-8", "ignore").decode() == text:
        assert tokenizer.decode([*tokenizer.encode(text), 256]) == text


def test_words_and_marks() -> None:
    symbols = WORDS.encode("The LORD, (God's) 1 xyzzy -- the.")
    assert [WORDS.vocabulary[k] for k in symbols] == ["the", "lord", ",", "(", "god's", ")", "1", "<unk>", "the", "."]
    assert WORDS.decode(symbols) == "the lord, (god's) 1 <unk> the."
    assert WORDS.after(symbols[:2], symbols[2:5]) == ", (god's"
    assert WORDS.after(symbols[:1], symbols[1:2]) == " lord"


def test_what_is_unknown_is_a_symbol_or_an_error() -> None:
    assert Tokenizer.of_characters("ab?", unknown=2).encode("axb") == [0, 2, 1]
    with pytest.raises(UsageError, match=r"no symbol for 'x'"):
        Tokenizer.of_characters("ab").encode("axb")
    with pytest.raises(UsageError, match=r"symbols are 0 to 1, found 2"):
        Tokenizer.of_characters("ab").decode([2])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "letters", "vocabulary": ["a"]}, "kinds are characters, words, bytes"),
        ({"kind": "characters"}, "have a vocabulary"),
        ({"kind": "bytes", "vocabulary": ["a"]}, "bytes none"),
        ({"kind": "characters", "vocabulary": ["a", "a"]}, "'a' does not"),
        ({"kind": "words", "vocabulary": ["a", ""]}, "'' does not"),
        ({"kind": "words", "vocabulary": ["a"], "end": 1}, "end is one of the symbols 0 to 0"),
        ({"kind": "words", "vocabulary": ["a"], "end": True}, "end cannot be True"),
        ({"kind": "words", "vocabulary": ["a"], "end": "b"}, "end cannot be 'b'"),
        ({"kind": "words", "vocabulary": [1]}, "a list of texts"),
        ({"kind": "words", "vocabulary": ["a"], "lowercase": 1}, "lowercase cannot be 1"),
        ({"kind": "words", "vocabulary": ["a"], "pattern": "x"}, "unknown key 'pattern'"),
        ({"kind": "words", "vocabulary": ["\ud800"]}, "no text in UTF-8"),
        ({"kind": "bytes", "end": 300}, "end is one of the symbols 0 to 257, found 300"),
        ({"vocabulary": ["a"]}, "kinds are"),
    ],
)
def test_mistakes(given: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Tokenizer.from_mapping(given)


@pytest.mark.parametrize("tokenizer", [CHARACTERS, WORDS, Tokenizer("bytes", end=256)], ids=lambda t: t.kind)
def test_json_gives_back_the_same(tokenizer: Tokenizer) -> None:
    plain = json.loads(json.dumps(tokenizer.to_plain()))
    assert Tokenizer.from_plain(plain, "here") == tokenizer


def test_damage_is_noticed() -> None:
    plain = WORDS.to_plain()
    for change in ({"marks": ",.("}, {"crc32": 0}, {"vocabulary": ["a"]}):
        with pytest.raises(ArtifactError, match=r"here.* does not match its checksum"):
            Tokenizer.from_plain({**plain, **change}, "here")
    with pytest.raises(ArtifactError, match="an object with a checksum"):
        Tokenizer.from_plain([1], "here")


def test_whatever_stands_there_is_a_tokenizer_or_an_error() -> None:
    rng, read = Random(0), 0
    for _ in range(3000):
        given = mutated_tree(rng.choice([CHARACTERS, WORDS, Tokenizer("bytes", end=256)]).to_plain(), rng)
        if isinstance(given, dict):
            given.pop("crc32", None)
            given["crc32"] = zlib.crc32(json.dumps(given, sort_keys=True).encode())
        try:
            tokenizer = Tokenizer.from_plain(given, "here")
        except ArtifactError:
            continue
        read += 1
        assert Tokenizer.from_plain(json.loads(json.dumps(tokenizer.to_plain())), "here") == tokenizer
        tokenizer.decode(range(len(tokenizer)))
    assert 300 < read < 2900


def test_options_of_the_command_line(tmp_path: Path) -> None:
    assert read_tokenizer(r"chars:\na\tb\\c").vocabulary == ("\n", "a", "\t", "b", "\\", "c")
    assert len(read_tokenizer("bytes")) == 256
    path = tmp_path / "t.json"
    path.write_text('{"kind": "words", "vocabulary": ["<unk>", "a"], "unknown": "<unk>"}')
    assert read_tokenizer(str(path)) == Tokenizer("words", ("<unk>", "a"), unknown=0)
    for text, message in (("{", "not JSON"), ("[]", "a JSON object expected"), ('{"kind": 3}', "cannot be 3")):
        path.write_text(text)
        with pytest.raises(UsageError, match=f"t.json: .*{message}"):
            read_tokenizer(str(path))
    with pytest.raises(UsageError, match=r"none.json: cannot be read: .*; give a .json file"):
        read_tokenizer(str(tmp_path / "none.json"))


@pytest.mark.parametrize(("suffix", "engine"), [(".ern", "reference"), (".so", "native"), (".onnx", "onnxruntime"),
                                                (".tflite", "tflite")])  # fmt: skip
def test_every_format_holds_it(suffix: str, engine: str, tmp_path: Path) -> None:
    require(engine)
    model = converted("float32")
    without = fingerprint(model.graph)
    model.tokenizer = CHARACTERS
    (path,) = saved(model, tmp_path, suffix)
    with edgernn.load(path, engine) as session:
        assert session.tokenizer == CHARACTERS
        assert session.interface.fingerprint == without


def test_integer_models_keep_it_and_old_artifacts_have_none(tmp_path: Path) -> None:
    model = converted("float32")
    model.tokenizer = CHARACTERS
    quantized = model.quantize(scheme="weights8")
    assert quantized.tokenizer == CHARACTERS == quantized.interface.tokenizer
    (path,) = saved(converted("float32"), tmp_path, ".ern")
    interface, graph = read_ern(path, OPS)
    assert interface.tokenizer is None is graph.tokenizer
    assert "tokenizer" not in interface.program()
    assert Interface.from_json(interface.to_json(), "here") is not None


def test_it_has_to_fit_the_model() -> None:
    model = converted("float32")
    with pytest.raises(UsageError, match=r"has 2 symbols, the model symbols of 29, output of 29"):
        model.tokenizer = Tokenizer.of_characters("ab")


def test_c_holds_the_texts_where_asked_for(tmp_path: Path) -> None:
    model = converted("float32")
    texts = ["\n", "\u00e9", '"', "\\", "?", "0"] + [f"?{k}" for k in range(SYMBOLS - 6)]
    model.tokenizer = Tokenizer("words", tuple(texts))
    source = generate(model.graph, "writer", 1)
    write_sources(source, tmp_path)
    main = '#include <stdio.h>\n#include "writer.h"\nint main(void) { for (int k = 0; k < 29; k++) '
    (tmp_path / "main.c").write_text(main + "printf(\"%s%c\", writer_tokens[k], 1); return 0; }\n")
    command = [*compiler(), *WARNINGS, "-DWRITER_WITH_TOKENS", "main.c", "writer.c", *source.kernels, "-o", "main"]
    run(command, tmp_path)
    assert run(["./main"], tmp_path).split("\1")[:-1] == texts
