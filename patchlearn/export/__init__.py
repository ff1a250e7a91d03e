"""Trained segmenters and masks for other programs: ONNX, torch.export, annotation formats, VOC's evaluation server."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.export.annotations.write import write_annotations as write_annotations
    from patchlearn.export.onnx import check_onnx as check_onnx
    from patchlearn.export.onnx import export_onnx as export_onnx
    from patchlearn.export.parity import Parity as Parity
    from patchlearn.export.settings import AnnotationSettings as AnnotationSettings
    from patchlearn.export.torch_program import check_torch as check_torch
    from patchlearn.export.torch_program import export_torch as export_torch
    from patchlearn.export.voc_server.check import check_submission as check_submission
    from patchlearn.export.voc_server.write import write_submission as write_submission

__getattr__, __dir__ = on_first_use(__name__, __file__)
