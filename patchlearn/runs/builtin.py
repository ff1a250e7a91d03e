"""The recipes that come with the package: their names, their files, and a copy of one for data of one's own."""

from pathlib import Path

from patchlearn.core.errors import PatchlearnError, did_you_mean

STANDARD = "standard"
FOLDER = Path(__file__).parents[1] / "recipes"
DATA = "data:\n  format: auto\n"  # of the recipe `standard`, where `written_for` enters the folder


def builtin_recipes() -> dict[str, Path]:
    """Name → file, in alphabetical order."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def recipe_file(words: str) -> Path:
    """The file of a recipe that is named, or given as a file.

    Raises:
        PatchlearnError: there is neither; the message lists the names.
    """
    known = builtin_recipes()
    if words in known:
        return known[words]
    if Path(words).is_file():
        return Path(words)
    raise PatchlearnError(
        f"{words}: no such recipe{did_you_mean(words, known)} Name a YAML file, or one of: {', '.join(known)}."
    )


def written_for(data: Path) -> str:
    """The recipe `standard`, with its comments, for a folder of images."""
    text = builtin_recipes()[STANDARD].read_text(encoding="utf-8")
    root = str(data).replace("'", "''")
    return text.replace(DATA, f"{DATA}  root: '{root}'\n")
