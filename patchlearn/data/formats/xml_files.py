"""XML files of annotations: read without entities, and told apart by their first element."""

import re
from pathlib import Path
from xml.etree import ElementTree

from patchlearn.core.errors import PatchlearnError

DECLARATIONS = (b"<!DOCTYPE", b"<!ENTITY")
BEGINNING = 4096  # bytes in which the first element begins
COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
ELEMENT = re.compile(rb"<([A-Za-z_][\w.-]*)")


def parse_xml(path: Path) -> ElementTree.Element:
    """The root element of a file.

    A document type can declare entities that expand to gigabytes, or that name other files. Annotations need none.

    Raises:
        PatchlearnError: the file is not valid XML, or declares a document type or an entity.
    """
    content = path.read_bytes()
    # In UTF-16 a zero byte lies beside each of these letters. No other encoding that is read hides them.
    if any(word in content.replace(b"\0", b"") for word in DECLARATIONS):
        raise PatchlearnError(f"{path}: declares a DOCTYPE or an ENTITY, and annotations need none. Remove it.")
    try:
        return ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # the last two: a wrong encoding
        raise PatchlearnError(f"{path}: not valid XML ({error}). Restore the file.") from None


def first_element(path: Path) -> str:
    """The name of the root element; only the beginning of the file is read. "" where there is none."""
    with path.open("rb") as file:
        beginning = file.read(BEGINNING).replace(b"\0", b"")
    found = ELEMENT.search(COMMENT.sub(b"", beginning))
    return found[1].decode("ascii") if found else ""
