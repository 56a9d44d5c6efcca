"""The three forms of a report say the same, whatever is in it."""

import json
import math
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from edgernn.errors import MissingExtraError
from edgernn.validation.render import render_html, render_json, render_markdown
from edgernn.validation.results import Drift, Latency, PropertyResult, Report
from tests.validation.reports import artifact, output, report

VOID = {"meta", "br", "i", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Checks that every element is closed, and collects text, tags and attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, key, value or "") for key, value in attrs]
        if tag not in VOID - {"i"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, key, value or "") for key, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


FAILING = report(
    artifact(),
    artifact(
        "onnxruntime",
        "out/m.onnx",
        outputs=[output(error=math.inf, curve=[(0, 1e-7), (1, math.nan), (2, math.inf)])],
        properties=[PropertyResult("reset", False, "another stream after reset")],
    ),
)


@pytest.mark.parametrize("render", [render_markdown, lambda r: "".join(Page(render_html(r)).text)])
def test_figures_of_a_report_that_passed(render: object) -> None:
    text = render(report(artifact(), artifact("native", "out/m.so")))  # type: ignore[operator]
    for figure in (
        "tagger", "All 2 artifacts agree", "m.ern", "numba", "2.0 KiB", "2.00e-7", "130.0", "99.99%", "9.87",
        "1.00e-5", "8,784", "9,072", "192", "4 random sequences", "a machine", "torch",
    ):  # fmt: skip
        assert figure in text
    assert "FAILED" not in text
    assert "✗" not in text


@pytest.mark.parametrize("render", [render_markdown, lambda r: "".join(Page(render_html(r)).text)])
def test_a_failure_is_named_and_not_hidden(render: object) -> None:
    text = render(FAILING)  # type: ignore[operator]
    assert "1 of 2 artifacts do not agree with the PyTorch model." in text
    assert "differs by inf, 1e-05 allowed" in text
    assert "reset: another stream after reset" in text


def test_json_is_the_whole_report_without_numbers_that_json_cannot_name() -> None:
    plain = json.loads(render_json(FAILING), parse_constant=pytest.fail)
    assert plain["passed"] is False
    assert [a["passed"] for a in plain["artifacts"]] == [True, False]
    assert plain["artifacts"][1]["outputs"][0]["max_error"] is None
    assert plain["artifacts"][1]["outputs"][0]["error_by_frame"] == [[0, 1e-7], [1, None], [2, None]]
    sizes = {"shape": [48], "weights": 9072, "macs": 8784, "bytes": 9360, "times": 1}
    assert plain["layers"][0] == {"name": "gru", "op": "gru", **sizes}


def test_the_page_needs_nothing_else() -> None:
    html = render_html(report(artifact()))
    page = Page(html)
    assert "://" not in html
    assert "@import" not in html
    assert "url(" not in html
    assert {tag for tag, _, _ in page.attributes} & {"script", "link", "img", "iframe"} == set()
    assert "prefers-color-scheme: dark" in html


def test_names_are_text_not_markup() -> None:
    nasty = report(artifact(path="a<b>|`x`.ern"), model="<script>x</script>", data="a|b & [c](d)")
    page = Page(render_html(nasty))
    assert "script" not in {tag for tag, _, _ in page.attributes}
    assert "<script>x</script>" in page.text
    markdown = render_markdown(nasty)
    assert "\\<script\\>" in markdown
    rows = [line for line in markdown.splitlines() if line.startswith("| a")]
    assert len(re.findall(r"(?<!\\)\|", rows[0])) == 11


@pytest.mark.parametrize(
    "sparse",
    [
        report(),
        report(artifact(outputs=[], properties=[], drift=[], latency=None)),
        report(artifact(outputs=[output(curve=[])], drift=[Drift("y", 0, 0.0, 0.0, 0.0)])),
        report(artifact(outputs=[output(error=0.0, curve=[(0, 0.0)])])),
        report(artifact(latency=Latency(1, 0.0, 0.0, 0.0))),
        report(*(artifact() for _ in range(11))),
        replace(report(artifact()), layers=[], states=[], versions={}, machine=""),
    ],
)
def test_what_is_missing_is_left_out(sparse: Report) -> None:
    Page(render_html(sparse))
    assert render_markdown(sparse).startswith("# tagger")
    json.loads(render_json(sparse))


def test_an_empty_report_claims_nothing() -> None:
    assert "No artifact was checked." in render_markdown(report())
    assert "✓" not in "".join(Page(render_html(report())).text)


def test_the_same_engine_on_two_files_is_told_apart() -> None:
    markdown = render_markdown(report(artifact("native", "out/m.c"), artifact("native", "out/m.so")))
    assert "native (.c)" in markdown
    assert "native (.so)" in markdown


def test_the_size_of_source_text_is_called_that() -> None:
    assert "source text" in render_html(report(artifact("native", "out/m.c")))
    assert "source text" not in render_html(report(artifact("native", "out/m.so")))


def test_lines_lie_inside_the_plot_and_larger_is_higher() -> None:
    html = render_html(report(artifact(outputs=[output(curve=[(0, 1e-9), (50, 1e-7), (100, 1e-3)])])))
    points = re.search(r'class="line"[^>]*points="([^"]*)"', html)
    assert points
    places = [tuple(map(float, pair.split(","))) for pair in points[1].split()]
    xs, ys = zip(*places, strict=True)
    assert list(xs) == sorted(xs)
    assert list(ys) == sorted(ys, reverse=True)
    assert min(xs) >= 0
    assert max(xs) <= 466
    assert min(ys) >= 0
    assert max(ys) <= 250


def test_thinning_keeps_the_peak() -> None:
    curve = [(k, 0.5 if k == 4321 else 1e-7) for k in range(10_000)]
    html = render_html(report(artifact(outputs=[output(error=0.5, curve=curve)])))
    flat = render_html(report(artifact(outputs=[output(error=0.5, curve=[(k, 1e-7) for k in range(10_000)])])))
    assert len(html) < len(render_html(report(artifact()))) + 20_000
    assert html != flat
    assert "0.1</text>" in html
    assert "0.1</text>" not in flat


def test_without_jinja(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match=r"needs the package 'jinja2'.*edgernn\[export\]"):
        render_html(report(artifact()))
    assert render_markdown(report(artifact()))
