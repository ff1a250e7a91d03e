"""The lines about trust, and their section of the report."""

from pathlib import Path

import pytest

from patchlearn.core.files import write_json
from patchlearn.core.types import Dataset
from patchlearn.report.page import write_report
from patchlearn.report.trust import trust_lines, trust_rows


def facts(findings: int = 1, flagged: bool = True) -> dict[str, object]:
    texts = [{"kind": "nothing", "text": f"red: finding {number}."} for number in range(findings)]
    return {
        "variant": "plain", "split": "train", "estimated_miou": 0.314, "interval": [0.2, 0.45], "flagged": flagged,
        "classes": {"red": texts, "blue": [{"kind": "whole", "text": "blue: a <finding>."}] if findings else []},
    }  # fmt: skip


def test_the_first_line_is_the_estimate() -> None:
    (line,) = trust_lines(facts(findings=0))
    assert line.startswith("masks of plain: about 31 mIoU (20 to 45), estimated without true masks.")
    assert line.endswith("Look at them before you use them.")
    assert trust_lines(facts(findings=0, flagged=False))[0].endswith("estimated without true masks.")


@pytest.mark.parametrize(("findings", "lines"), [(1, 3), (4, 6), (5, 6), (9, 6)])
def test_there_are_at_most_six_lines_and_every_class_has_its_turn(findings: int, lines: int) -> None:
    said = trust_lines(facts(findings))
    assert len(said) == lines
    assert said[1:3] == ["  red: finding 0.", "  blue: a <finding>."]
    assert ("more findings" in said[-1]) == (findings + 1 > 5)
    if findings == 9:
        assert said[-1].startswith("  6 more findings")


def test_a_class_with_findings_is_shown_with_pictures(run: Path, data: Dataset) -> None:
    write_json(run / "plain" / "trust" / "trust.json", facts())
    (row,) = trust_rows(run, data, ["plain", "progressive"])
    red, blue = row["classes"]
    assert (red["name"], red["texts"], len(red["pictures"])) == ("red", ["red: finding 0."], 4)
    shown = {picture["id"] for picture in blue["pictures"]}
    assert shown <= {sample.id for sample in data.split("train") if 1 in sample.labels}
    assert all(picture[kind].startswith("data:") for picture in red["pictures"] for kind in ("image", "heat", "mask"))


def test_the_report_has_the_section_unless_it_is_outdated(run: Path, data: Dataset) -> None:
    write_json(run / "plain" / "trust" / "trust.json", facts())
    page = write_report(run, data, ["plain"], title="t", learned=8).read_text()
    assert "How far to trust the masks" in page
    assert "blue: a &lt;finding&gt;." in page
    left_out = [run / "plain" / "trust"]
    assert (
        "How far to trust"
        not in write_report(run, data, ["plain"], title="t", learned=8, left_out=left_out).read_text()
    )
