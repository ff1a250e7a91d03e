"""Drawn scenes: images with tags, true masks and part masks."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.data.scenes.folder import open_scenes as open_scenes
    from patchlearn.data.scenes.scene import SCENE_CLASSES as SCENE_CLASSES
    from patchlearn.data.scenes.scene import Scene as Scene
    from patchlearn.data.scenes.scene import draw_scene as draw_scene
    from patchlearn.data.settings import SceneSettings as SceneSettings

__getattr__, __dir__ = on_first_use(__name__, __file__)
