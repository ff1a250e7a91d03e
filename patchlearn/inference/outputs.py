"""What is written of every picture besides its mask: a row for each class in a table, and files of probabilities."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from patchlearn.core.errors import PatchlearnError
from patchlearn.inference.score_files import NPZ, PNG, check_score_files, write_score_files
from patchlearn.inference.segmenter import Segmentation
from patchlearn.inference.tables import check_table, open_table, rows_of

Write = Callable[[str, Path, Segmentation], None]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Where the numbers go.

    Args:
        table: a file that ends in .csv, .tsv or .jsonl (`patchlearn.inference.tables`); None for none.
        scores: the folder for the probabilities (`patchlearn.inference.score_files`); None for none.
        scores_format: "npz" or "png".
    """

    table: Path | None = None
    scores: Path | None = None
    scores_format: str = NPZ

    @property
    def is_nothing(self) -> bool:
        """Whether neither a table nor scores are wanted."""
        return self.table is None and self.scores is None

    def check(self, classes: Sequence[str], pictures: Iterable[Path], inputs: Sequence[str], out: Path | None) -> None:
        """Fail before the first picture is read.

        Args:
            classes: the K names of the model.
            pictures: which are segmented.
            inputs: files, folders and patterns that name them.
            out: the folder for the masks, which is not read; None for none.

        Raises:
            PatchlearnError: a name cannot be used, or the scores would lie among the pictures.
        """
        if self.table is not None:
            check_table(self.table)
        if self.scores is not None:
            check_score_files(self.scores, self.scores_format, classes)
            self._refuse_pictures(self.scores.resolve(), pictures, inputs, out)

    def _refuse_pictures(self, scores: Path, pictures: Iterable[Path], inputs: Sequence[str], out: Path | None) -> None:
        """Maps among the pictures would be taken for pictures next time."""
        if scores in {picture.resolve().parent for picture in pictures}:
            raise PatchlearnError(f"{self.scores}: holds the pictures. Name another folder for the scores.")
        is_unread = self.scores_format != PNG or (out is not None and scores.is_relative_to(out.resolve()))
        folders = [] if is_unread else [words for words in inputs if Path(words).is_dir()]
        for words in folders:
            if scores.is_relative_to(Path(words).resolve()):
                raise PatchlearnError(
                    f"{self.scores}: lies among the pictures of {words}. Name a folder outside of it."
                )

    @contextmanager
    def writing(self, classes: Sequence[str]) -> Iterator[Write]:
        """A function that writes what is wanted of one picture, given its id, its path and the segmenter's answer.

        The table is there when the block ends without an error.

        Args:
            classes: the K names.
        """
        with ExitStack() as stack:
            add = None if self.table is None else stack.enter_context(open_table(self.table))

            def write(image_id: str, picture: Path, answer: Segmentation) -> None:
                if self.scores is not None:
                    height, width = answer.mask.shape
                    maps, format = answer.probabilities, self.scores_format
                    write_score_files(self.scores, image_id, maps, classes, (height, width), format)
                if add is not None:
                    add(rows_of(str(picture), answer.mask, answer.scores, classes))

            yield write
