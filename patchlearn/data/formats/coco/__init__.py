"""COCO: images, and a JSON of instances or panoptic segments for each split."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.data.formats.coco.reader import read as read
    from patchlearn.data.formats.coco.reader import recognise as recognise

__getattr__, __dir__ = on_first_use(__name__, __file__)
