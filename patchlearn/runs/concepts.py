"""Whether words suffice: SAM 3 is asked for the word of each class, and its answers are compared with the tags."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from patchlearn.core.errors import PatchlearnError, did_you_mean
from patchlearn.core.settings import require_at_least
from patchlearn.core.types import Sample
from patchlearn.data.names import counted
from patchlearn.runs.run import Run

if TYPE_CHECKING:
    from patchlearn.core.types import Float32, UInt8
    from patchlearn.evaluate.concepts import WordScore

Presence = Callable[["UInt8", Sequence[str]], "Float32"]  # image, words → how probable each word is, K


@dataclass(frozen=True, kw_only=True)
class ConceptScores:
    """What came of it.

    Args:
        images: on which the words were asked.
        tagged: images that somebody tagged.
        unread: images that cannot be read, and were left out.
        classes: of each class.
        mean: average precision over the classes; None if no class has one.
    """

    images: int
    tagged: int
    unread: int
    classes: tuple["WordScore", ...]
    mean: float | None

    def as_json(self) -> dict[str, Any]:
        """As JSON can hold it."""
        classes = [{**asdict(each), "chance": each.chance} for each in self.classes]
        return {**asdict(self), "classes": classes}


def words_of(classes: Sequence[str], changes: Iterable[str] = ()) -> list[str]:
    """The word of each class: its name, with blanks for underscores, or what the user says.

    Args:
        classes: their names.
        changes: CLASS=TEXT.

    Raises:
        PatchlearnError: a change names no class, or has no text.

    >>> words_of(["hairline_crack", "tv"], ["tv=television"])
    ['hairline crack', 'television']
    """
    words = {name: name.replace("_", " ") for name in classes}
    for change in changes:
        name, _, text = change.partition("=")
        if name not in words:
            raise PatchlearnError(
                f"--word {change}: no class {name!r}{did_you_mean(name, words)} Write CLASS=TEXT, with one of: "
                f"{', '.join(classes)}."
            )
        if not text.strip():
            raise PatchlearnError(f"--word {change}: no text. Write CLASS=TEXT, such as {name}='a {name}'.")
        words[name] = text.strip()
    return list(words.values())


def ask_concepts(run: Run, presence: Presence, words: Sequence[str], most: int) -> ConceptScores:
    """Ask for every word on a sample of the tagged images, and compare the answers with the tags.

    Args:
        run: opened; its data.
        presence: of SAM 3, see `patchlearn.models.sam3.Sam3.presence`.
        words: of the K classes.
        most: images at most, see `patchlearn.data.subset.balanced_subset`.

    Raises:
        PatchlearnError: nobody tagged an image, or none can be read.
    """
    import numpy as np

    from patchlearn.data.checks.mask_pairs import tagged_images
    from patchlearn.data.subset import balanced_subset
    from patchlearn.evaluate.concepts import mean_precision, word_scores

    require_at_least("sample", most, 1)
    tagged, root = tagged_images(run.dataset), run.dataset.root
    if not tagged:
        raise PatchlearnError(f"{root}: no image has a tag that a word could be compared with. Tag some of each class.")
    drawn = balanced_subset(tagged, most)
    asked, answers = _answers(run, drawn, presence, words)
    if not asked:
        raise PatchlearnError(f"{root}: none of {counted(len(drawn), 'image')} can be read. Check the files.")
    scores = word_scores(np.stack(answers), asked, run.dataset.classes, words)
    return ConceptScores(
        images=len(asked),
        tagged=len(tagged),
        unread=len(drawn) - len(asked),
        classes=scores,
        mean=mean_precision(scores),
    )


def _answers(
    run: Run, samples: Sequence[Sample], presence: Presence, words: Sequence[str]
) -> tuple[list[Sample], list["Float32"]]:
    """(the samples that can be read, the answers to all words, K for each)."""
    from patchlearn.core.progress import progress
    from patchlearn.data.images import read_image

    asked, answers = [], []
    with progress(run.runtime.console, "words", len(samples)) as advance:
        for sample in samples:
            try:
                image = read_image(sample.image)
            except PatchlearnError:
                continue  # the data check names it
            finally:
                advance("")
            answers.append(presence(image, words))
            asked.append(sample)
    return asked, answers
