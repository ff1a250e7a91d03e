"""What a verb of a run works on: a recipe, a run folder, or a folder of data with one of the built-in recipes.

A run folder is marked by the file `run.json`, which is written before anything else. Every other folder is data.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from patchlearn.core.errors import PatchlearnError, did_you_mean
from patchlearn.core.files import read_json, write_json
from patchlearn.core.run_folder import BY_HAND, RECIPE, RUN_MARKER
from patchlearn.runs.builtin import STANDARD, builtin_recipes, recipe_file

RUNS = Path("runs")  # where run folders lie by default
RECIPES = (".yaml", ".yml")


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a verb works on.

    Args:
        recipe: the file of the recipe.
        folder: the run folder.
        overrides: options such as `--data.root=photos`, those of the user last.
        data: the folder of data that was named in place of a recipe.
    """

    recipe: Path
    folder: Path
    overrides: tuple[str, ...] = ()
    data: Path | None = None


def find_target(
    target: Path, out: Path | None, overrides: Sequence[str], recipe: str | None = None, format: str | None = None
) -> Target:
    """The recipe, the run folder and the overrides that a verb's words mean.

    Args:
        target: a YAML file, the name of a built-in recipe, a run folder, or a folder of data.
        out: the run folder; by default the target if it is one, else `runs/NAME`.
        overrides: options of the user.
        recipe: a file or a name, for a folder of data; by default `standard`.
        format: of the data, for a folder of data; by default it is found out.

    Raises:
        PatchlearnError: there is no such target or recipe, or the run folder is one of other data.
    """
    if is_run(target):
        _refuse("--recipe", recipe, f"{target} is a run folder, which has its own")
        return _of_run(target, out, overrides, format)
    if target.is_dir():
        return _of_data(target, out, overrides, recipe, format)
    if target.is_file() and target.suffix not in RECIPES:
        raise PatchlearnError(
            f"{target}: is a file, and no recipe (*.yaml). Name the folder of the images: {target.parent}."
        )
    _refuse("--recipe", recipe, f"{target} is a recipe itself")
    if not target.exists() and target.suffix not in RECIPES and str(target) not in builtin_recipes():
        raise PatchlearnError(
            f"{target}: no such folder or recipe{did_you_mean(str(target), builtin_recipes())} Name a folder of "
            f"images, a run folder, a YAML file, or one of: {', '.join(builtin_recipes())}."
        )
    file = target if target.suffix in RECIPES else recipe_file(str(target))
    return Target(recipe=file, folder=out or RUNS / target.stem, overrides=_with_format(overrides, format))


def is_run(folder: Path) -> bool:
    """Whether the folder is that of a run. Runs of before 0.1 have a recipe and steps, but no mark."""
    if (folder / RUN_MARKER).is_file():
        return True
    return (folder / RECIPE).is_file() and any(folder.glob("*/*/step.json"))


def mark_run(folder: Path, data: str | None) -> Callable[[], None]:
    """Mark a run folder, before anything else is written into it.

    Returns:
        What takes the mark away again, if it was not there before.

    Raises:
        PatchlearnError: the folder holds files and is no run folder.
    """
    if is_run(folder):
        return lambda: None
    found = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    strange = [name for name in found if not name.startswith(".") and name not in (RECIPE, BY_HAND)]
    if strange:
        raise PatchlearnError(
            f"{folder}: holds files and is no run folder ({sorted(strange)[0]}). Name another --out, or move them."
        )
    write_json(folder / RUN_MARKER, {"data": data})
    return lambda: _unmark(folder)


def _unmark(folder: Path) -> None:
    """Only where nothing was written yet: a folder with files and without a mark would be refused."""
    if all(path.name.startswith(".") or path.name == RUN_MARKER for path in folder.iterdir()):
        (folder / RUN_MARKER).unlink()


def note_moved_data(target: Target, data: str | None) -> bool:
    """Whether a run folder that was named itself is now given other data; the mark then names these."""
    mark = target.folder / RUN_MARKER
    known = read_json(mark).get("data") if mark.is_file() else None
    if target.data is not None or known is None or data is None or Path(known) == Path(data).resolve():
        return False
    write_json(mark, {"data": str(Path(data).resolve())})
    return True


def _of_run(run: Path, out: Path | None, overrides: Sequence[str], format: str | None) -> Target:
    """A run that ended before its recipe was written begins anew with the data that its mark names."""
    data = read_json(run / RUN_MARKER).get("data") if (run / RUN_MARKER).is_file() else None
    if not (run / RECIPE).is_file() and data is not None:
        return _of_data(Path(data), out or run, overrides, None, format)
    if not (run / RECIPE).is_file():
        raise PatchlearnError(f"{run}: has no recipe yet. Give the command again with the images or the recipe.")
    return Target(recipe=run / RECIPE, folder=out or run, overrides=_with_format(overrides, format))


def _of_data(data: Path, out: Path | None, overrides: Sequence[str], recipe: str | None, format: str | None) -> Target:
    folder = out or RUNS / (data.resolve().name or "data")
    require_apart(folder, data)
    require_same_data(folder, data)
    given = _with_format((f"--data.root={data.resolve()}", *overrides), format or "auto")
    has_recipe = recipe is None and (folder / RECIPE).is_file()  # the same command goes on with the same recipe
    file = folder / RECIPE if has_recipe else recipe_file(recipe or STANDARD)
    return Target(recipe=file, folder=folder, overrides=given, data=data)


def _with_format(overrides: Sequence[str], format: str | None) -> tuple[str, ...]:
    return (f"--data.format={format}", *overrides) if format else tuple(overrides)


def _refuse(option: str, value: str | None, reason: str) -> None:
    if value is not None:
        raise PatchlearnError(f"{option} {value}: {reason}. Leave {option} out, or name a folder of images.")


def require_apart(folder: Path, data: Path) -> None:
    """Raise `PatchlearnError` if the run folder lies among the images."""
    if folder.resolve().is_relative_to(data.resolve()):
        raise PatchlearnError(f"{folder}: lies among the images of {data}. Name a folder outside of them with --out.")


def require_same_data(folder: Path, data: Path) -> None:
    """Raise `PatchlearnError` if the folder is the run of other data, or of a recipe."""
    if not (folder / RUN_MARKER).is_file():
        return
    known = read_json(folder / RUN_MARKER).get("data")
    if known is None:
        raise PatchlearnError(f"{folder}: is the run of a recipe, not of {data}. Name another --out.")
    if Path(known) != data.resolve():
        raise PatchlearnError(
            f"{folder}: is the run of {known}, not of {data}. Name another --out. If the images have moved, say so: "
            f"patchlearn run {folder} --data.root {data.resolve()}"
        )
