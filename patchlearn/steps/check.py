"""A view of the data: every image and mask is decoded once before time is spent on training.

RUN/check/   step.json alone: the data that was found in order
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from patchlearn.steps.data_splits import DataSplit, TrueMasks
from patchlearn.steps.step import Step

if TYPE_CHECKING:
    from patchlearn.core.runtime import Runtime


@dataclass(frozen=True, eq=False)
class CheckData(Step):
    """Decode every image and mask of the data set; `home` is the run folder."""

    name: ClassVar[str] = "check"
    verb: ClassVar[str] = "check"

    images: tuple[DataSplit, ...]
    truth: tuple[TrueMasks, ...]

    @property
    def root(self) -> Path:
        """The data are checked once for all variants."""
        return self.home

    def work(self, runtime: "Runtime") -> None:
        """Decode.

        Raises:
            PatchlearnError: the first ten files that are damaged or do not fit.
        """
        from patchlearn.data.checks.check import check_dataset

        if runtime.accelerator.is_main_process:
            check_dataset(self.images[0].dataset)
