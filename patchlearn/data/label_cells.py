"""The labels in the cells of a table: what separates them is found out, and no name is split unasked."""

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.labels import normal_form
from patchlearn.data.settings import AUTO, SEPARATORS

UNKNOWN = "?"  # before a name: nobody judged this class for this image
STRONG = (";", "|", ",")  # separate labels wherever they occur outside of quotes
DOUBTFUL = ("/", "+")  # may be part of a name
SHOWN = 60  # characters of a cell in a message
TOKEN = re.compile(r"\"([^\"]*)\"|'([^']*)'|([^\"']+)")
BRACKETS = ("[]", "()", "{}")
KINDS = (list, tuple, set)
DECIMALS = re.compile(r"^(\d+)\.0+$")  # a whole number with decimals
WORDS = {value: name for name, value in SEPARATORS.items()}


@dataclass(frozen=True)
class Cell:
    """The text of one cell, and where it stands."""

    text: str
    place: str


@dataclass(frozen=True)
class Labels:
    """Names of the classes in an image, and of those that nobody judged."""

    present: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def parse_cells(cells: Sequence[Cell], classes: Collection[str] | None = None, separator: str = AUTO) -> list[Labels]:
    """The labels of every cell of a column.

    - A list (`["cat", "dog"]`) and names in quotes are taken as they are.
    - Semicolons, pipes or commas separate labels; names may then contain spaces.
    - Spaces separate labels where each part stands alone in another cell, or where the parts are classes.
    - `?dog` says that nobody judged the class dog.
    - `2.0`, which a spreadsheet makes of 2, is the class 2 where this is a class and 2.0 is none.

    Args:
        cells: of the whole column.
        classes: the names, where a list of classes says them.
        separator: "auto", or one of `patchlearn.data.settings.SEPARATORS`.

    Raises:
        PatchlearnError: it is not clear what separates the labels; the message says how to make it clear.

    >>> parse_cells([Cell("cat, red car", "line 2"), Cell("", "line 3")])
    [Labels(present=('cat', 'red car'), unknown=()), Labels(present=(), unknown=())]
    """
    names = {normal_form(name) for name in classes} if classes else None
    firsts: dict[str, Cell] = {}  # a hundred thousand cells hold few different texts
    for cell in cells:
        firsts.setdefault(cell.text, cell)
    distinct = {text: Cell(normal_form(text), cell.place) for text, cell in firsts.items()}
    sign = SEPARATORS[separator] if separator != AUTO else _separator(list(distinct.values()), names)
    if names is None and separator == AUTO:
        _refuse_doubtful(list(distinct.values()), sign)
    labels = {text: _labels(_split(cell, sign, names), cell, names or ()) for text, cell in distinct.items()}
    return [labels[cell.text] for cell in cells]


def _labels(names: Sequence[str], cell: Cell, classes: Collection[str]) -> Labels:
    if UNKNOWN in names:
        raise PatchlearnError(
            f"{cell.place}: {_shortened(cell.text)!r} names no class after the question mark. Write ?dog if nobody has "
            "looked for a dog, or leave out the line if nobody has judged the image."
        )
    unknown = [name.removeprefix(UNKNOWN).strip() for name in names if name.startswith(UNKNOWN)]
    present = [name for name in names if not name.startswith(UNKNOWN)]
    return Labels(*(tuple(_whole(name, classes) for name in each) for each in (present, unknown)))


def _whole(name: str, classes: Collection[str]) -> str:
    whole = DECIMALS.sub(r"\1", name)
    return whole if name not in classes and whole in classes else name


def _separator(cells: Sequence[Cell], names: Collection[str] | None) -> str:
    """What separates labels in this column."""
    found: dict[str, Cell] = {}
    for cell in cells:
        if _listed(cell) is None and not (names and cell.text in names):
            plain = "".join(text for text, is_quoted in _tokens(cell) if not is_quoted)
            found.update({sign: cell for sign in STRONG if sign in plain and sign not in found})
    if len(found) > 1:
        places = " and ".join(
            f"a {WORDS[sign]} ({cell.place}: {_shortened(cell.text)!r})" for sign, cell in found.items()
        )
        raise PatchlearnError(f"{places}: two signs separate labels. Use one, or name it: --data.separator semicolon.")
    return next(iter(found), " ")


def _refuse_doubtful(cells: Sequence[Cell], sign: str) -> None:
    """Without a list of classes, `adhesive tape` may be one class or two, and so may `cat/dog`."""
    alone = {cell.text for cell in cells}
    for cell in cells:
        for name in _split(cell, sign, None) if _listed(cell) is None else ():
            if any(each in name for each in DOUBTFUL) and not _is_quoted(cell):
                raise PatchlearnError(_doubt(cell, name, next(each for each in DOUBTFUL if each in name)))
        words = _split(cell, sign, None) if sign == " " and _listed(cell) is None and not _is_quoted(cell) else []
        strange = [word for word in words if word.removeprefix(UNKNOWN) not in alone]
        if len(words) > 1 and strange:
            raise PatchlearnError(
                f"{cell.place}: {_shortened(cell.text)!r} may be one class or {len(words)}, for {strange[0]!r} stands "
                "alone in no line. Write one class a line into classes.txt, or semicolons between labels. If spaces "
                "separate them, add --data.separator space."
            )


def _is_quoted(cell: Cell) -> bool:
    return any(is_quoted for _, is_quoted in _tokens(cell))


def _doubt(cell: Cell, name: str, sign: str) -> str:
    return (
        f"{cell.place}: the label {name!r} contains {sign!r}. Separate labels by semicolons. If this is the name of a "
        "class, list the classes in classes.txt."
    )


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _split(cell: Cell, sign: str, names: Collection[str] | None) -> list[str]:
    listed = _listed(cell)
    if listed is not None:
        return listed
    if names and cell.text in names:
        return [cell.text]
    parts: list[str] = []
    for text, is_quoted in _tokens(cell):
        pieces = [text] if is_quoted else [piece.strip() for piece in text.split(sign)]
        parts += [piece for piece in pieces if piece]
    return _joined(parts, names) if names and sign == " " else parts


def _joined(words: Sequence[str], names: Collection[str]) -> list[str]:
    """Words joined to the longest names of classes: `adhesive tape scratch` holds two."""
    found, start = [], 0
    while start < len(words):
        ends = range(len(words), start, -1)
        end = next((end for end in ends if " ".join(words[start:end]).removeprefix(UNKNOWN) in names), start + 1)
        found.append(" ".join(words[start:end]))
        start = end
    return found


def _tokens(cell: Cell) -> Iterator[tuple[str, bool]]:
    """(text, whether it stood in quotes); an apostrophe inside of a word is no quote."""
    if '"' not in cell.text and not re.search(r"(^|[\s,;|])'", cell.text):
        yield cell.text, False
        return
    for double, single, plain in TOKEN.findall(cell.text):
        if double or single:
            yield (double or single).strip(), True
        elif plain:
            yield plain, False


def _listed(cell: Cell) -> list[str] | None:
    """The names of a list in JSON or Python's notation, of a tuple or a set; None where the cell is none."""
    if cell.text[:1] + cell.text[-1:] not in BRACKETS:
        return None
    try:
        found = ast.literal_eval(cell.text)
    except (ValueError, SyntaxError):
        if not cell.text.startswith("["):  # (cat) may be a name
            return None
        raise PatchlearnError(f'{cell.place}: {cell.text!r} is no list of names. Write ["cat", "dog"].') from None
    names = [found] if isinstance(found, str) else found  # ('cat') is no tuple
    return [str(name).strip() for name in names if str(name).strip()] if isinstance(names, KINDS) else None
