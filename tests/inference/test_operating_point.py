"""Scores and tags of held-out images."""

import shutil
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from known_network import known_segmenter
from PIL import Image
from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.manifest import file_digest
from patchlearn.core.types import Sample
from patchlearn.evaluate.operating_point import Rate
from patchlearn.inference.operating_point import ScoredImages, operating_points, score_images, unlearned


def sample(folder: Path, name: str, red: float, labels: tuple[int, ...] = (), **facts: tuple[int, ...]) -> Sample:
    path = folder / f"{name}.png"
    Image.new("RGB", (32, 32), (round(255 * red), 0, 0)).save(path)
    return Sample(id=name, image=path, labels=labels, **facts)


def test_learned_images_are_left_out_by_path_and_by_content(tmp_path: Path) -> None:
    learned = [sample(tmp_path, "a", 0.1), sample(tmp_path, "b", 0.2)]
    other = sample(tmp_path, "c", 0.3)
    copy = replace(other, id="d", image=Path(shutil.copy(learned[0].image, tmp_path / "d.png")))
    (tmp_path / "link.png").symlink_to(learned[1].image)
    link = replace(other, id="link", image=tmp_path / "link.png")
    assert unlearned([other, copy, link, learned[1]], learned, file_digest) == (other,)


def test_files_of_a_size_of_their_own_are_not_read(tmp_path: Path) -> None:
    learned, new = sample(tmp_path, "a", 0.1), sample(tmp_path, "b", 0.2)
    new.image.write_bytes(new.image.read_bytes() + b"\0")
    digest = Mock()
    assert unlearned([new], [learned], digest) == (new,)
    digest.assert_not_called()


def test_scores_and_tags_stand_side_by_side(tmp_path: Path, console: Console) -> None:
    samples = [
        sample(tmp_path, "a", 0.8, labels=(1,)),
        sample(tmp_path, "b", 0.4, unknown=(1,)),
        sample(tmp_path, "c", 0.2, labels=(0,)),
    ]
    samples[1].image.with_name("damaged.png").write_bytes(b"no image")
    damaged = replace(samples[0], id="damaged", image=tmp_path / "damaged.png")
    images = score_images(known_segmenter(), [*samples[:1], damaged, *samples[1:]], ("lamp", "red"), console)
    assert images.scores[:, 0] == pytest.approx([0.8, 0.4, 0.2], abs=0.005)
    assert images.tags.tolist() == [[1, -1], [-1, -1], [0, -1]]  # blue is no class of the data
    (failure,) = images.failures
    assert "damaged.png" in failure


def test_without_common_classes_nothing_can_be_scored(console: Console) -> None:
    with pytest.raises(PatchlearnError, match="the classes cat, dog, and the model red, blue: none in common"):
        score_images(known_segmenter(), [], ("cat", "dog"), console)


def test_every_class_has_its_point_and_unknown_images_count_for_none() -> None:
    scores = np.array([[0.9, 0.1], [0.2, 0.1], [0.3, 0.1], [0.4, 0.1]])
    tags = np.array([[1, -1], [0, -1], [-1, -1], [0, 1]], np.int8)
    red, blue = operating_points(ScoredImages(scores=scores, tags=tags), false_alarms=0.5)
    assert (red.threshold, red.false_alarms, red.misses) == (pytest.approx(0.3), Rate(1, 2), Rate(0, 1))
    assert (blue.threshold, blue.false_alarms) == (None, Rate(0, 0))
