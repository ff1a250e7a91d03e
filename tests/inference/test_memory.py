from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from known_network import known_segmenter
from PIL import Image

from patchlearn.inference.memory import OF_NUMBER, predict_bytes, predict_need, refine_need
from patchlearn.inference.score_arrays import MapFormat
from patchlearn.inference.settings import InferenceSettings
from patchlearn.maps.memory import mask_bytes
from patchlearn.maps.settings import PseudoSettings

SETTINGS = PseudoSettings()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.new("RGB", (60, 40)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


@pytest.mark.parametrize(
    ("shape", "format", "labels"),
    [
        ((7, 10, 15), MapFormat(), 8),
        ((7, 10, 15), MapFormat(kind="probabilities"), 7),
        ((10, 15, 7), MapFormat(layout="hwc"), 8),
        ((10, 15, 7), MapFormat(classes=6, kind="probabilities"), 7),
    ],
)
def test_the_header_of_an_array_says_how_many_labels_there_are(
    picture: Path, shape: tuple[int, ...], format: MapFormat, labels: int
) -> None:
    np.save(picture.with_suffix(".npy"), np.zeros(shape, np.float32))
    expected = mask_bytes((40, 60), labels, SETTINGS) + OF_NUMBER * 7 * 10 * 15
    assert refine_need(picture, picture.with_suffix(".npy"), SETTINGS, format) == (expected, str(picture))


def test_a_mask_is_counted_with_the_known_classes_or_the_usual_number(picture: Path) -> None:
    known = refine_need(picture, picture, SETTINGS, MapFormat(classes=3))
    assert known == (mask_bytes((40, 60), 4, SETTINGS), str(picture))
    assert refine_need(picture, picture, SETTINGS, MapFormat())[0] == mask_bytes((40, 60), 21, SETTINGS)


def test_a_file_that_cannot_be_read_takes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    (tmp_path / "a.npy").write_text("no array")
    assert refine_need(tmp_path / "a.png", tmp_path / "a.npy", SETTINGS, MapFormat())[0] == 0
    assert predict_need(tmp_path / "a.png", known_segmenter(), InferenceSettings())[0] == 0


def test_an_image_takes_more_the_more_is_asked_of_it(picture: Path) -> None:
    segmenter, plain = known_segmenter(), InferenceSettings(flip=False)
    size = (3000, 4000)
    least = predict_bytes(size, segmenter, plain)
    more = (InferenceSettings(), replace(plain, scales=(1.0, 2.0)), replace(plain, crf="irn"))
    assert all(predict_bytes(size, segmenter, settings) > least for settings in more)
    assert predict_bytes(size, segmenter, replace(plain, window=320)) < least
    assert predict_bytes((6000, 8000), segmenter, plain) > 1.5 * least
    assert predict_need(picture, segmenter, plain) == (predict_bytes((40, 60), segmenter, plain), str(picture))
