"""Settings of annotations check themselves."""

import pytest
from test_public_names import loaded_by

from patchlearn.core.errors import PatchlearnError
from patchlearn.export.settings import PER, SHAPES, AnnotationSettings


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"per": "instance"}, r"^per: 'instance' is not an option\. Choose one of: class, component"),
        ({"shapes": "polygon"}, "^shapes: 'polygon' is not an option; did you mean 'polygons'"),
    ],
)
def test_wrong_options_name_the_right_ones(changes: dict[str, str], complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=complaint):
        AnnotationSettings(**changes)


def test_all_options_are_allowed() -> None:
    for per in PER:
        for shapes in SHAPES:
            AnnotationSettings(per=per, shapes=shapes)


def test_settings_load_neither_torch_nor_numpy() -> None:
    assert not loaded_by("import patchlearn.export.settings") & {"torch", "numpy", "PIL"}
