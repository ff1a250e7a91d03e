"""Masks as COCO, CVAT, Label Studio and VOC files."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.export.annotations.write import AnnotationSettings as AnnotationSettings
    from patchlearn.export.annotations.write import write_annotations as write_annotations

__getattr__, __dir__ = on_first_use(__name__, __file__)
