"""The archive for PASCAL VOC's evaluation server: written, and checked before it is sent."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.export.voc_server.check import check_submission as check_submission
    from patchlearn.export.voc_server.layout import FOLDERS as FOLDERS
    from patchlearn.export.voc_server.write import write_submission as write_submission

__getattr__, __dir__ = on_first_use(__name__, __file__)
