"""XML without entities."""

from pathlib import Path

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.formats.xml_files import first_element, parse_xml

BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'


def test_xml_is_parsed_in_any_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1"):
        declared = encoding.removesuffix("-sig")
        path.write_bytes(f'<?xml version="1.0" encoding="{declared}"?><a><b>été</b></a>'.encode(encoding))
        assert parse_xml(path).findtext("b") == "été"
        assert first_element(path) == "a"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("text", [BOMB, '<!DOCTYPE a SYSTEM "file:///etc/hosts"><a/>'])
def test_a_declaration_is_refused(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(text.encode(encoding))
    with pytest.raises(PatchlearnError, match=r"a\.xml: declares a DOCTYPE or an ENTITY.*Remove it"):
        parse_xml(path)


@pytest.mark.parametrize("text", ["<a", "", '<?xml version="1.0" encoding="xx"?><a/>', "<a>&b;</a>"])
def test_damaged_xml_is_explained(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(PatchlearnError, match=r"a\.xml: not valid XML .*Restore the file"):
        parse_xml(tmp_path / "a.xml")


def test_the_first_element_comes_after_comments_and_declarations(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(
        '<?xml version="1.0"?>\n<!-- <no> -->\n<annotation verified="yes"><b/></annotation>'
    )
    assert first_element(tmp_path / "a.xml") == "annotation"
    (tmp_path / "a.xml").write_text("no XML")
    assert first_element(tmp_path / "a.xml") == ""
