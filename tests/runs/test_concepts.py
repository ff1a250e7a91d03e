"""Words against the tags of a data set; the network is replaced by one that looks at colours."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Float32, UInt8
from patchlearn.runs.concepts import ask_concepts, words_of
from patchlearn.runs.run import Run, open_run
from patchlearn.runs.target import find_target


@pytest.fixture
def run(folder_data: Path, tmp_path: Path, console: Console) -> Iterator[Run]:
    target = find_target(folder_data, tmp_path / "run", ["--runtime.device=cpu"], None, None)
    with open_run(target, [], console) as run:
        yield run


def colours(image: UInt8, words: Sequence[str]) -> Float32:
    """How much of the image is red; "blue" is taken for red, too."""
    share = float((image[..., 0] > 200).mean())
    return np.array([share for _ in words], np.float32)


def test_each_class_has_the_precision_of_its_word(run: Run) -> None:
    found = ask_concepts(run, colours, ["red", "blue"], 200)
    red, blue = found.classes
    assert (found.images, found.tagged, found.unread) == (12, 12, 0)
    assert (red.name, red.tagged, red.chance, red.precision) == ("red", 6, 0.5, 1.0)
    assert blue.precision == pytest.approx(np.mean([hit / (6 + hit) for hit in range(1, 7)]))  # after all six of red
    assert found.mean == pytest.approx((1 + blue.precision) / 2)


def test_the_words_are_what_the_network_is_asked(run: Run) -> None:
    asked = []

    def note(image: UInt8, words: Sequence[str]) -> Float32:
        asked.append((image.shape, *words))
        return np.zeros(len(words), np.float32)

    ask_concepts(run, note, ["red square", "blue"], 200)
    assert asked == [((40, 48, 3), "red square", "blue")] * 12


def test_a_sample_is_drawn_evenly_and_only_it_is_asked_about(run: Run) -> None:
    found = ask_concepts(run, colours, ["red", "blue"], 4)
    assert (found.images, found.tagged) == (4, 12)
    assert [each.tagged for each in found.classes] == [2, 2]
    with pytest.raises(PatchlearnError, match="sample: 0 is out of range"):
        ask_concepts(run, colours, ["red", "blue"], 0)


def test_images_that_cannot_be_read_are_left_out_and_counted(run: Run, folder_data: Path) -> None:
    images = sorted((folder_data / "images").iterdir())
    images[0].write_bytes(b"broken")
    found = ask_concepts(run, colours, ["red", "blue"], 200)
    assert (found.images, found.unread, found.classes[0].tagged, found.classes[0].judged) == (11, 1, 5, 11)
    for image in images:
        image.write_bytes(b"broken")
    with pytest.raises(PatchlearnError, match="none of 12 images can be read"):
        ask_concepts(run, colours, ["red", "blue"], 200)


def test_the_figures_are_json(run: Run) -> None:
    found = json.loads(json.dumps(ask_concepts(run, colours, ["red", "blue"], 200).as_json()))
    assert found["classes"][0] == {
        "name": "red",
        "word": "red",
        "tagged": 6,
        "judged": 12,
        "precision": 1.0,
        "chance": 0.5,
    }
    assert found["images"] == 12


def test_a_data_set_without_tags_is_refused(folder_data: Path, tmp_path: Path, console: Console) -> None:
    rows = (folder_data / "labels.csv").read_text().splitlines()
    bare = [row.rpartition(",")[0] + "," for row in rows[1:]]
    (folder_data / "labels.csv").write_text("\n".join([rows[0], *bare]) + "\n")
    target = find_target(folder_data, tmp_path / "run", ["--runtime.device=cpu"], None, None)
    with (
        open_run(target, [], console) as run,
        pytest.raises(PatchlearnError, match="no image has a tag that a word could be compared with"),
    ):
        ask_concepts(run, colours, ["red", "blue"], 200)


def test_words_are_names_with_blanks_or_what_the_user_says() -> None:
    assert words_of(["red_square", "tv", "x"]) == ["red square", "tv", "x"]
    assert words_of(["red_square", "tv"], ["tv= a television = set", "red_square=red"]) == ["red", "a television = set"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("tvv=television", r"--word tvv=television: no class 'tvv'; did you mean 'tv'\? Write CLASS=TEXT, with one of"),
        ("television", "no class 'television'. Write CLASS=TEXT"),
        ("tv=", "--word tv=: no text. Write CLASS=TEXT, such as tv='a tv'"),
    ],
)
def test_a_word_for_no_class_and_no_word_are_refused(change: str, message: str) -> None:
    with pytest.raises(PatchlearnError, match=message.replace(". W", r"\. W")):
        words_of(["cat", "tv"], [change])
