"""Drawn scenes: images with tags, true masks and part masks, made on the spot."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.data.scenes.scenes import SceneSettings as SceneSettings
    from patchlearn.data.scenes.scenes import draw_scene as draw_scene
    from patchlearn.data.scenes.scenes import open_scenes as open_scenes

__getattr__, __dir__ = on_first_use(__name__, __file__)
