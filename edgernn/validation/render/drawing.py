"""A step program as a drawing (SVG) and as lines of text: what each node reads and gives, and where states live."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from edgernn.ir.graph import Graph, Node
from edgernn.validation.layers import layer_rows

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 190, 52, 26, 34, 20
CHARACTERS = 26
"""That fit into a box."""

HIDDEN = ("reshape",)
"""Ops that do nothing to the elements: their operand is shown in place of their result."""

FILLS = {
    "port": "#e8eefc", "state": "#fdf0d9", "recurrent": "#dff2e1", "product": "#e9e3f7", "other": "#f4f4f4",
}  # fmt: skip
KINDS = {
    "lstm": "recurrent", "gru": "recurrent", "rnn": "recurrent", "linear": "product", "matmul": "product",
    "banded_linear": "product", "embedding": "product",
}  # fmt: skip


@dataclass
class _Box:
    """``reads`` are keys of boxes."""

    key: str
    lines: tuple[str, ...]
    kind: str
    reads: list[str] = field(default_factory=list)
    level: int = 0
    column: float = 0.0


def graph_lines(graph: Graph) -> list[str]:
    """One line a node, in the order of execution, indented under the node before it where it reads that one alone."""
    boxes = _boxes(graph)
    lines: list[str] = []
    before = ""
    for box in boxes.values():
        sources = [key.split(" ", 1)[1] for key in box.reads]
        alone = box.reads == [before] and bool(before)
        link = "│" if alone else " "
        reads = "" if alone or not sources else f"  ← {', '.join(sources)}"
        if not alone and boxes.get(before, box).kind not in ("port", "state"):
            lines.append("")
        lines.append(f"{link} {'  '.join(box.lines)}{reads}")
        before = box.key
    return lines


def graph_svg(parts: Sequence[tuple[str, Graph]]) -> str:
    """A drawing of one program, or of several under each other; each with a title."""
    drawn = [_part(title, graph) for title, graph in parts]
    width, height, bodies = max(d[0] for d in drawn), 0, []
    for _, part_height, body in drawn:
        bodies.append(f'<g transform="translate(0 {height})">{body}</g>')
        height += part_height
    style = (
        "text{font:12px system-ui,sans-serif;fill:#222}.t{font-weight:600;font-size:14px}.s{fill:#666;font-size:11px}"
        "rect{stroke:#888}path{fill:none;stroke:#888}.d{stroke-dasharray:4 3;stroke:#c58a1c}"
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    paper = '<rect width="100%" height="100%" fill="#fff" style="stroke:none"/>'
    return f"{head}<style>{style}</style>{paper}{''.join(bodies)}</svg>\n"


def _boxes(graph: Graph) -> dict[str, _Box]:
    """Of inputs, states, nodes and outputs, each after what it reads."""
    stands_for = {p.value: f"input {p.name}" for p in graph.inputs}
    stands_for |= {s.before: f"state {s.name}" for s in graph.states}
    boxes = {
        f"input {p.name}": _Box(f"input {p.name}", (f"input {p.name}", _type(p.dtype, p.shape)), "port")
        for p in graph.inputs
    }
    for state in graph.states:
        key = f"state {state.name}"
        boxes[key] = _Box(key, (key, f"{_type(state.dtype, state.shape)}, {state.nbytes:,} B"), "state")
    costs = {row.name: (row.weights, row.macs) for row in layer_rows(graph)}
    for node in graph.nodes:
        reads = [stands_for[n] for n in dict.fromkeys(node.inputs) if n in stands_for]
        if node.op.kind in HIDDEN and reads:
            stands_for[node.outputs[0]] = reads[0]
            continue
        key = f"node {node.name}"
        stands_for |= dict.fromkeys(node.outputs, key)
        boxes[key] = _Box(key, _node_lines(graph, node, costs), _kind(node), reads)
    for port in graph.outputs:
        key = f"output {port.name}"
        reads = [stands_for[port.value]] if port.value in stands_for else []
        boxes[key] = _Box(key, (key, _type(port.dtype, port.shape)), "port", reads)
    for state in graph.states:
        boxes[f"state {state.name}"].lines += (f"next: {stands_for.get(state.after, state.after).split(' ', 1)[1]}",)
    return boxes


def _node_lines(graph: Graph, node: Node, costs: Mapping[str, tuple[int, int]]) -> tuple[str, ...]:
    function = getattr(node.op, "function", "")
    value = graph.values[node.outputs[0]]
    weights, macs = costs.get(node.name, (0, 0))
    op = f"{node.op.kind}({function})" if function else node.op.kind
    cost = f"{weights:,} weights, {macs:,} MACs" if macs else f"{weights:,} weights" if weights else ""
    return (node.name, f"{op} → {_type(value.dtype, value.shape)}", *([cost] if cost else []))


def _kind(node: Node) -> str:
    return KINDS.get(node.op.kind.removesuffix("_int16"), "other")


def _type(dtype: str, shape: tuple[int, ...]) -> str:
    return f"{dtype} {'x'.join(map(str, shape)) or 'scalar'}"


def _part(title: str, graph: Graph) -> tuple[int, int, str]:
    """Width, height and contents."""
    boxes = {k: b for k, b in _boxes(graph).items() if b.kind != "state" or _is_read(k, graph)}
    rows = _placed(boxes)
    width = MARGIN * 2 + max(len(row) for row in rows) * (WIDTH + GAP_X) - GAP_X
    width = max(width, 2 * MARGIN + 8 * len(title))
    top = MARGIN + 24
    paths = [_edge(boxes[source], box, top) for box in boxes.values() for source in box.reads if source in boxes]
    shapes = [_rectangle(box, top) for box in boxes.values()]
    height = top + len(rows) * (HEIGHT + GAP_Y)
    head = f'<text class="t" x="{MARGIN}" y="{MARGIN + 6}">{escape(title)}</text>'
    return width, height, "".join([head, *paths, *shapes])


def _is_read(key: str, graph: Graph) -> bool:
    state = next(s for s in graph.states if f"state {s.name}" == key)
    return any(state.before in node.inputs for node in graph.nodes)


def _placed(boxes: Mapping[str, _Box]) -> list[list[_Box]]:
    """Rows from top to bottom: each box below all that it reads, states beside what reads them first."""
    for box in boxes.values():
        levels = [boxes[k].level + 1 for k in box.reads if k in boxes and boxes[k].kind != "state"]
        box.level = max(levels, default=0)
    deepest = max(box.level for box in boxes.values())
    for box in boxes.values():
        if box.key.startswith("output "):
            box.level = deepest
        if box.kind == "state":
            box.level = max(0, min((b.level for b in boxes.values() if box.key in b.reads), default=1) - 1)
    rows: list[list[_Box]] = [[] for _ in range(deepest + 1)]
    for box in boxes.values():
        rows[box.level].append(box)
    for row in rows:
        row.sort(key=lambda b: (b.kind == "state", _middle(b, boxes)))
        for column, box in enumerate(row):
            box.column = column
    return rows


def _middle(box: _Box, boxes: Mapping[str, _Box]) -> float:
    columns = [boxes[k].column for k in box.reads if k in boxes and boxes[k].kind != "state"]
    return math.fsum(columns) / len(columns) if columns else 0.0


def _corner(box: _Box, top: int) -> tuple[float, float]:
    return MARGIN + box.column * (WIDTH + GAP_X), top + box.level * (HEIGHT + GAP_Y)


def _edge(source: _Box, target: _Box, top: int) -> str:
    (x0, y0), (x1, y1) = _corner(source, top), _corner(target, top)
    a, b = (x0 + WIDTH / 2, y0 + HEIGHT), (x1 + WIDTH / 2, y1)
    bend = max(GAP_Y * 0.6, (b[1] - a[1]) / 3)
    dashed = ' class="d"' if source.kind == "state" else ""
    curve = f"C{a[0]:.0f} {a[1] + bend:.0f} {b[0]:.0f} {b[1] - bend:.0f} {b[0]:.0f} {b[1]}"
    return f'<path{dashed} d="M{a[0]:.0f} {a[1]} {curve}"/>'


def _rectangle(box: _Box, top: int) -> str:
    x, y = _corner(box, top)
    round_ = 14 if box.kind in ("port", "state") else 3
    styles = ["n", *["s"] * (len(box.lines) - 1)]
    lines = "".join(
        f'<text class="{style}" x="{x + 8:.0f}" y="{y + 16 + 15 * k}">{escape(_short(line))}</text>'
        for k, (style, line) in enumerate(zip(styles, box.lines, strict=True))
    )
    tip = f"<title>{escape('; '.join(box.lines))}</title>"
    place = f'x="{x:.0f}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="{round_}"'
    return f'<g>{tip}<rect {place} fill="{FILLS[box.kind]}"/>{lines}</g>'


def _short(text: str) -> str:
    return text if len(text) <= CHARACTERS else f"{text[: CHARACTERS - 1]}…"

