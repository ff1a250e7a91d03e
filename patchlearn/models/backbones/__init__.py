"""timm networks, cut into consecutive stages."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.models.backbones.create import create_stages as create_stages
    from patchlearn.models.backbones.stages import Stages as Stages

__getattr__, __dir__ = on_first_use(__name__, __file__)
