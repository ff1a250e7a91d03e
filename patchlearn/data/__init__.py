"""Images with image-level labels: formats, reading, checks, transforms, drawn scenes."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.data.checks.check import check_dataset as check_dataset
    from patchlearn.data.checks.findings import examine as examine
    from patchlearn.data.clicks.pixels import labelled_pixels as labelled_pixels
    from patchlearn.data.clicks.points_table import ClickRow as ClickRow
    from patchlearn.data.clicks.points_table import write_points as write_points
    from patchlearn.data.clicks.read import read_clicks as read_clicks
    from patchlearn.data.clicks.values import Box as Box
    from patchlearn.data.clicks.values import Clicks as Clicks
    from patchlearn.data.clicks.values import ImageClicks as ImageClicks
    from patchlearn.data.clicks.values import Point as Point
    from patchlearn.data.images import read_image as read_image
    from patchlearn.data.images import read_indices as read_indices
    from patchlearn.data.images import read_mask as read_mask
    from patchlearn.data.objects.collect import as_dataset as as_dataset
    from patchlearn.data.objects.collect import collect as collect
    from patchlearn.data.objects.collect import from_frame as from_frame
    from patchlearn.data.objects.collect import from_huggingface as from_huggingface
    from patchlearn.data.objects.collect import from_torchvision as from_torchvision
    from patchlearn.data.open import open_dataset as open_dataset
    from patchlearn.data.scenes.folder import open_scenes as open_scenes
    from patchlearn.data.settings import AugmentSettings as AugmentSettings
    from patchlearn.data.settings import ClickSettings as ClickSettings
    from patchlearn.data.settings import DataSettings as DataSettings
    from patchlearn.data.settings import SceneSettings as SceneSettings

__getattr__, __dir__ = on_first_use(__name__, __file__)
