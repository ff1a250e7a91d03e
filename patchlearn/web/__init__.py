"""A page to try a run or a model on: photographs go in, scores, maps and masks come out. It needs `patchlearn[web]`."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.web.app import create_app as create_app
    from patchlearn.web.limits import Limits as Limits
    from patchlearn.web.readers import read_target as read_target

__getattr__, __dir__ = on_first_use(__name__, __file__)
