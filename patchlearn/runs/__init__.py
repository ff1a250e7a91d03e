"""What a run is: the recipe, the order of the steps, and a trained model found again."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.runs.load import load as load
    from patchlearn.runs.recipe import LoadedRecipe as LoadedRecipe
    from patchlearn.runs.recipe import dump_recipe as dump_recipe
    from patchlearn.runs.recipe import load_recipe as load_recipe
    from patchlearn.runs.run import Run as Run
    from patchlearn.runs.run import open_run as open_run
    from patchlearn.runs.run import take as take
    from patchlearn.runs.settings import Recipe as Recipe
    from patchlearn.runs.settings import Variant as Variant
    from patchlearn.runs.target import find_target as find_target
    from patchlearn.runs.views import evaluate as evaluate
    from patchlearn.runs.views import report as report
    from patchlearn.runs.views import run_all as run_all

__getattr__, __dir__ = on_first_use(__name__, __file__)
