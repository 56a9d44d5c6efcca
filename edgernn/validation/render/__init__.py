"""A report as Markdown, as JSON, and as one self-contained HTML page with plots."""

from edgernn.validation.render.html import render_html, require_jinja
from edgernn.validation.render.jsontext import plain_json, render_json
from edgernn.validation.render.markdown import render_markdown

__all__ = ["plain_json", "render_html", "render_json", "render_markdown", "require_jinja"]
