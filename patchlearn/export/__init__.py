"""A trained segmenter and its masks for other programs: ONNX, torch.export, annotation formats, VOC's server."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.export.annotations.write import AnnotationSettings as AnnotationSettings
    from patchlearn.export.annotations.write import write_annotations as write_annotations
    from patchlearn.export.graph import export_onnx as export_onnx
    from patchlearn.export.graph import export_torch as export_torch
    from patchlearn.export.voc_server import check_submission as check_submission
    from patchlearn.export.voc_server import write_submission as write_submission

__getattr__, __dir__ = on_first_use(__name__, __file__)
