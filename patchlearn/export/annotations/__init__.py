"""Masks as annotation files: COCO, CVAT, Label Studio and VOC."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.export.annotations.write import FORMATS as FORMATS
    from patchlearn.export.annotations.write import write_annotations as write_annotations
    from patchlearn.export.settings import AnnotationSettings as AnnotationSettings

__getattr__, __dir__ = on_first_use(__name__, __file__)
