"""The HTML page and the texts of profiles, whatever their source."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from edgernn.boards.manifest import Region
from edgernn.boards.profile import (
    ESTIMATED,
    EXACT,
    MEASURED,
    Budgets,
    Figure,
    FlashUse,
    NodeCost,
    Profile,
    RamUse,
    excesses,
    text,
)
from edgernn.boards.profile.page import render_page, view

VOID = {"meta", "br"}

ESTIMATE = Profile(
    "a <b>.ern", "net", "int16x8", "nucleo-f446re", "cortex-m4", 180_000_000, "c", "emulated", 3, "frames.npy",
    Figure.of([900, 1000, 1100], EXACT), Figure.of([1800, 2000, 2200], ESTIMATED, 8, 500.0),
    Figure.of([10.0, 11.1, 12.2], ESTIMATED, 8, 2.8), 1000.0,
    (
        NodeCost("gru", "gru_int16", 800.0, 1500.0, {"ern_gru_s16": (700.0, 1400.0), "memcpy": (100.0, 100.0)}),
        NodeCost("gru_2", "gru_int16", 150.0, 400.0, {"ern_gru_s16": (150.0, 400.0)}),
        NodeCost("step", "checks", 50.0, 100.0, {"net_step": (50.0, 100.0)}),
    ),
    FlashUse(5000, 2048, 3000), RamUse(100, 200, 0, 150, 46),
    Region(0x0800_0000, 524_288), Region(0x2000_0000, 131_072),
)  # fmt: skip
MEASUREMENT = Profile(
    "net.ern", "net", "int16x8", "nucleo-f446re", "cortex-m4", 180_000_000, "c", "serial port", 3, "frames.npy",
    cycles=Figure.of([1900, 2000, 2300], MEASURED), time_us=Figure.of([10.5, 11.0, 12.7], MEASURED),
    extra={"temperature_c": 41},
)  # fmt: skip


class Tree(HTMLParser):
    """Checks that tags close in order, and keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.widths: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        assert not {"src", "href"} & set(found), "the page needs nothing else"
        if tag not in VOID:
            self.open.append(tag)
        if "width:" in (style := found.get("style") or ""):
            self.widths.append((found.get("class") or "", style.split("width:")[1].rstrip("%")))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def parse(page: str) -> Tree:
    """The page as it is written."""
    tree = Tree()
    tree.feed(page)
    tree.close()
    assert not tree.open
    return tree


def test_the_page_is_whole_and_needs_nothing_else() -> None:
    page = render_page([ESTIMATE, MEASUREMENT], list(excesses([ESTIMATE], Budgets(ram_bytes=400))))
    tree = parse(page)
    assert "<script" not in page and "http" not in page and "a <b>.ern" not in page
    for expected in ("Over budget", "estimated ±8 %", "measured", "0x08000000", "temperature_c", "By layer", "By op"):
        assert any(expected in found for found in tree.texts), expected


def test_boxes_of_a_flame_are_as_wide_as_what_they_take() -> None:
    tree = parse(render_page([ESTIMATE]))
    for kind in ("node", "part"):
        widths = [float(width) for classes, width in tree.widths if classes.split()[:1] == [kind]]
        assert sum(widths) == pytest.approx(100, abs=0.01)
    nodes = [float(width) for classes, width in tree.widths if classes.split()[:1] == ["node"]]
    assert nodes == pytest.approx([75, 20, 5], abs=0.01)


def test_ops_are_the_sum_of_their_nodes_and_shares_are_of_cycles() -> None:
    found = view(ESTIMATE)
    assert [(row.op, row.cost, round(row.percent)) for row in found.ops] == [
        ("gru_int16", 1900.0, 95), ("checks", 100.0, 5),
    ]  # fmt: skip
    assert found.unit == "cycles, estimated ±8 %"
    assert [part.bytes for part in found.flash] == [5000, 2048, 3000] and found.ram_total == 496


def test_figures_say_how_they_were_obtained() -> None:
    assert text.figure(ESTIMATE.time_us) == "11.1 (10 to 12.2) estimated ±8 %"
    assert text.figure(MEASUREMENT.time_us) == "11 (10.5 to 12.7) measured"
    assert text.typical(ESTIMATE.instructions) == "1,000"
    assert text.waiting(ESTIMATE) == "estimated ≤ 16" and text.waiting(MEASUREMENT) == text.NOTHING


def test_budgets_hold_for_the_upper_end_of_an_estimate_and_for_the_largest_measurement() -> None:
    assert not list(excesses([ESTIMATE], Budgets(450, 10_048, 13.2)))
    (over,) = excesses([ESTIMATE], Budgets(step_us=13.1))
    assert over.found == pytest.approx(12.2 * 1.08) and "at most 13.1 is allowed" in over.text
    assert "estimated ±8 %" in over.text
    assert not list(excesses([MEASUREMENT], Budgets(step_us=12.7)))
    assert [over.what for over in excesses([ESTIMATE], Budgets(449, 10_047))] == ["RAM in bytes", "flash in bytes"]
    (unknown,) = excesses([MEASUREMENT], Budgets(ram_bytes=10**6))
    assert unknown.found is None and "is not known" in unknown.text
