"""In Python and in a notebook: `fit` goes from images and tags to a model, over the same steps as `patchlearn run`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Bands, Dataset, UInt8
from patchlearn.report.contact_sheet import class_key, contact_sheet, side_by_side
from patchlearn.report.loss_curves import with_losses
from patchlearn.runs.builtin import recipe_file
from patchlearn.runs.load import load
from patchlearn.runs.recipe import load_recipe
from patchlearn.runs.target import Target

if TYPE_CHECKING:
    from rich.console import Console

    from patchlearn.inference.segmenter import Segmenter

IN_MEMORY = Path("image")  # for messages
Picture = str | Path | UInt8 | Image.Image


@dataclass(frozen=True)
class TrainedRun:
    """A run folder, to look at.

    Args:
        folder: the run folder.
    """

    folder: Path

    def show(self, images: int = 4, variant: str | None = None) -> Image.Image:
        """Evenly spread training images, a row each: the image, its score map, its pseudo mask, its true mask if any.

        On the right are the losses of the trainings.

        Args:
            images: how many.
            variant: of the run; by default the first.

        Raises:
            PatchlearnError: the run has no such variant, or no maps yet.
        """
        name = self._variant(variant)
        return with_losses(contact_sheet(self.folder, self._dataset(), name, images), self.folder, name)

    def masks(self, variant: str | None = None) -> dict[str, Path]:
        """The pseudo masks of the training images: id → PNG, 0 background, i + 1 class i, 255 undecided."""
        folder = self.folder / self._variant(variant) / "pseudo" / "train"
        return {path.stem: path for path in sorted(folder.glob("*.png"))}

    def _variant(self, name: str | None) -> str:
        names = [variant.name for variant in load_recipe(self.folder / "recipe.yaml").variants]
        if name is not None and name not in names:
            raise PatchlearnError(f"variant: {name!r} is not in {self.folder}. It has: {', '.join(names)}.")
        return name or names[0]

    def _dataset(self) -> Dataset:
        from patchlearn.runs.run import open_data_of

        return open_data_of(load_recipe(self.folder / "recipe.yaml").recipe, self.folder)

    def _repr_html_(self) -> str:
        return f"<b>patchlearn run</b> {escape(str(self.folder))}"


@dataclass(frozen=True)
class Model:
    """A trained segmenter with the run it comes from.

    Args:
        segmenter: the network, its classes and its settings.
        run: where maps, masks and report lie.
    """

    segmenter: "Segmenter"
    run: TrainedRun

    @property
    def classes(self) -> tuple[str, ...]:
        """The K names; in a mask, i + 1 stands for `classes[i]`."""
        return self.segmenter.classes

    def predict(self, image: Picture | Sequence[Picture]) -> Any:
        """The H×W mask of an image, or a list of masks of a list of images: 0 background, i + 1 class i.

        Args:
            image: a path, a PIL image, or H×W×3 uint8 values; or a list of these.
        """
        if isinstance(image, list | tuple):
            return [self.segmenter.predict(self._pixels(each)) for each in image]
        return self.segmenter.predict(self._pixels(image))  # type: ignore[arg-type]

    def predict_proba(self, image: Picture) -> Any:
        """(K+1)×h×w probabilities, background first; on the network's grid."""
        return self.segmenter.probabilities(self._pixels(image))

    def show(self, image: Picture) -> Image.Image:
        """The image beside its mask, with the colours of the classes below."""
        pixels = self._pixels(image)
        return side_by_side(pixels, self.segmenter.predict(pixels), self.classes)

    def _pixels(self, image: Picture) -> UInt8:
        return _pixels(image, self.segmenter.bands)

    def _repr_html_(self) -> str:
        return f"<b>patchlearn model</b> of {escape(str(self.run.folder))}<br>{class_key(self.classes)}"


def fit(
    images: Any,
    tags: Sequence[Any] | None = None,
    *,
    out: str | Path,
    preset: str = "standard",
    settings: Mapping[str, Any] | None = None,
    console: "Console | None" = None,
) -> Model:
    """Train a model from images and their tags; what is complete in `out` is left alone.

    Args:
        images: paths, PIL images or arrays of H×W×3 uint8 values; or, without `tags`, a folder, a table of pandas or
            Polars with columns such as image and labels, or data of torchvision or Hugging Face.
        tags: for each image a list of the names of the classes in it; `?dog` says that nobody judged the class dog,
            None that nobody judged the image.
        out: the run folder. The command line works on it, too: `patchlearn report OUT`.
        preset: the name of a built-in recipe, or a file.
        settings: by name, such as {"classifier.optimisation.epochs": 6}.
        console: where progress is shown; by default the terminal or the notebook.

    Raises:
        PatchlearnError: images and tags do not fit, or a setting is wrong.

    A folder of arrays, four of them with a cat:

        model = patchlearn.fit(images, [["cat"], [], ["cat", "dog"], …], out="runs/cats")
        mask = model.predict("new.jpg")
    """
    from rich.console import Console

    folder = Path(out).expanduser()
    overrides = [f"--{name}={_written(value)}" for name, value in (settings or {}).items()]
    target = _target(images, tags, folder, recipe_file(preset), overrides)
    _run(target, console or Console(stderr=True))
    return Model(segmenter=load(folder), run=TrainedRun(folder))


def _target(images: Any, tags: Sequence[Any] | None, folder: Path, recipe: Path, overrides: list[str]) -> Target:
    """The images that are no folder are listed in the run folder."""
    from patchlearn.core.run_folder import lock_run
    from patchlearn.data.formats.collected import write_listing
    from patchlearn.data.objects.collect import as_dataset
    from patchlearn.runs.target import mark_run, require_same_data

    if tags is None and isinstance(images, str | Path):
        data = Path(images).expanduser().resolve()
        require_same_data(folder, data)
        given = ("--data.format=auto", f"--data.root={data}", "--with_segmenter=true", *overrides)
        return Target(recipe=recipe, folder=folder, overrides=given, data=data)
    mark_run(folder, None)
    work = (folder / "data").resolve()
    with lock_run(folder):
        write_listing(work, as_dataset(images, tags, work))
    given = ("--data.format=collected", f"--data.root={work}", "--with_segmenter=true", *overrides)
    return Target(recipe=recipe, folder=folder, overrides=given)


def _run(target: Target, console: "Console") -> None:
    from patchlearn.runs.run import open_run
    from patchlearn.runs.views import run_all

    with open_run(target, (), console) as run:
        run_all(run)


def _written(value: Any) -> str:
    """As on the command line."""
    import json

    return str(value) if isinstance(value, str | Path) else json.dumps(value)


def _pixels(image: Picture, bands: Bands | None) -> UInt8:
    from patchlearn.data.images import read_image
    from patchlearn.data.pixels.colour_modes import rgb

    if isinstance(image, str | Path):
        return read_image(Path(image), bands)
    if isinstance(image, Image.Image):
        return rgb(image, IN_MEMORY)
    if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim in (2, 3):
        return rgb(Image.fromarray(image), IN_MEMORY)
    raise PatchlearnError(f"image: {type(image).__name__} is no image. Pass a path, a PIL image or H×W×3 uint8 values.")
