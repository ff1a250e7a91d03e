"""What everything stands on: the types every step shares, errors, files, the runtime."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.core.errors import PatchlearnError as PatchlearnError
    from patchlearn.core.runtime import Runtime as Runtime
    from patchlearn.core.types import Dataset as Dataset
    from patchlearn.core.types import Sample as Sample
    from patchlearn.core.types import ScoreMaps as ScoreMaps

__getattr__, __dir__ = on_first_use(__name__, __file__)
