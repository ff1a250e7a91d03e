"""Drawn scenes: images with tags and true masks, of animals (with part masks), surfaces or cells."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.data.scenes.cells import CELL_CLASSES as CELL_CLASSES
    from patchlearn.data.scenes.cells import draw_cells as draw_cells
    from patchlearn.data.scenes.drawn import Drawn as Drawn
    from patchlearn.data.scenes.folder import open_scenes as open_scenes
    from patchlearn.data.scenes.scene import SCENE_CLASSES as SCENE_CLASSES
    from patchlearn.data.scenes.scene import Scene as Scene
    from patchlearn.data.scenes.scene import draw_scene as draw_scene
    from patchlearn.data.scenes.surfaces import SURFACE_CLASSES as SURFACE_CLASSES
    from patchlearn.data.scenes.surfaces import Surface as Surface
    from patchlearn.data.scenes.surfaces import draw_surface as draw_surface
    from patchlearn.data.settings import SceneSettings as SceneSettings

__getattr__, __dir__ = on_first_use(__name__, __file__)
