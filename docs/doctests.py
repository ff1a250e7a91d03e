"""An extension of griffe for mkdocs.yml: doctests at the end of a docstring become its section of examples.

The docstrings of this package have no heading above their doctests. In Markdown, `>>>` would be a quotation.
"""

from typing import Any

import griffe


class Doctests(griffe.Extension):
    """Puts the heading `Examples:` above the doctests of every docstring."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Griffe calls this for every object that it has read."""
        if obj.docstring is not None:
            obj.docstring.value = with_heading(obj.docstring.value)


def with_heading(text: str) -> str:
    """The docstring with the heading above each run of paragraphs that begin with `>>>`."""
    paragraphs, inside = [], False
    for paragraph in text.split("\n\n"):
        is_doctest = paragraph.startswith(">>>")
        if is_doctest:
            indented = "\n".join(f"    {line}" if line else line for line in paragraph.splitlines())
            paragraph = indented if inside else f"Examples:\n{indented}"
        paragraphs.append(paragraph)
        inside = is_doctest
    return "\n\n".join(paragraphs)
