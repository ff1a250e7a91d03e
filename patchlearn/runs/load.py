"""A trained segmenter as one folder: found in a run, written with its card, pushed to and loaded from a model hub.

FOLDER/model.safetensors   weights, and the settings that rebuild the segmenter
FOLDER/settings.json       the same settings, to be read by people
FOLDER/classes.txt         the name of class i on line i
FOLDER/README.md           the model card, with the measured scores
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, HfApi, ModelCard, ModelCardData, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json, write_json, write_text
from patchlearn.core.manifest import file_digest
from patchlearn.core.masks_io import write_class_names
from patchlearn.core.run_folder import MODEL
from patchlearn.inference.segmenter import Segmenter, load_segmenter, save_segmenter, segmenter_facts
from patchlearn.runs.recipe import load_recipe

STEP = "segmenter"
REFERENCE = "segmenter-masks"
FILES = (MODEL, "settings.json", "classes.txt", "README.md")
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
# The bases: of the HTTP library, which is another in each major version of huggingface_hub.
OFFLINE: tuple[type[BaseException], ...] = (
    LocalEntryNotFoundError,
    *HfHubHTTPError.__bases__,
    HFValidationError,
    OSError,
)


def load(model: str | Path) -> Segmenter:
    """A trained segmenter, in evaluation mode on the CPU.

    Args:
        model: a run folder (of several variants, the recipe's first that has a segmenter), a variant's folder in it,
            an exported model folder, a `.safetensors` file, or the name of a repository on the Hugging Face hub, such
            as "somebody/voc-animals", which is downloaded once.

    Raises:
        PatchlearnError: there is no segmenter there, or its file is damaged.

    To segment a photograph:

        mask = patchlearn.load("runs/voc-animals").predict(read_image(Path("photo.jpg")))
    """
    path = Path(model)
    if not path.exists() and HUB_NAME.fullmatch(str(model)):
        return load_segmenter(_downloaded(str(model)) / MODEL)
    file = find_model(path)
    segmenter = load_segmenter(file)
    return replace(segmenter, scores=segmenter.scores or tuple(_measured(file)))


def find_model(path: Path) -> Path:
    """The segmenter's file in a run folder, a variant's folder, a model folder; or the path itself.

    Raises:
        PatchlearnError: there is none; the message names what is there.
    """
    for candidate in _candidates(path):
        if candidate.is_file():
            return candidate
    references = sorted(path.glob(f"**/{REFERENCE}/{MODEL}")) if path.is_dir() else []
    hint = f" One that learned from true masks is there: name {references[0].parent}." if references else ""
    raise PatchlearnError(
        f"{path}: no segmenter. Name a run folder, a variant's folder in it or an exported model, or train one: "
        f"patchlearn segment RUN.{hint}"
    )


def write_model_folder(segmenter: Segmenter, folder: Path, name: str | None = None) -> None:
    """Write the segmenter as a folder that can be copied, shared and loaded (the files: top of this module).

    Args:
        segmenter: what is written.
        folder: a new one, or that of a model.
        name: under which others load it; None for the folder's.

    Raises:
        PatchlearnError: the folder holds other files; a README.md among them would be lost.
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "settings.json").is_file():
        raise PatchlearnError(f"{folder}: holds other files than a model's. Choose a new folder.")
    write_json(folder / "settings.json", segmenter_facts(segmenter))  # first: it tells whose folder this is
    save_segmenter(folder / MODEL, segmenter)
    write_class_names(folder, segmenter.classes)
    write_text(folder / "README.md", str(model_card(segmenter, name or folder.name)))


def push_to_hub(segmenter: Segmenter, repository: str, folder: Path, api: HfApi | None = None) -> str:
    """Write the folder and upload it; returns the repository's address.

    Args:
        segmenter: what is shared.
        repository: "owner/name"; made if it does not exist.
        folder: where the files are written first.
        api: of the hub; None logs in with the user's own token.

    Raises:
        PatchlearnError: the name is no "owner/name"; the hub cannot be reached, or does not let this user in.
    """
    if not HUB_NAME.fullmatch(repository):
        raise PatchlearnError(
            f"hub: {repository!r} is no name of a repository. Write owner/name, where owner is your name on the hub."
        )
    write_model_folder(segmenter, folder, repository)
    api = api or HfApi()
    try:
        address = str(api.create_repo(repository, exist_ok=True))
        api.upload_folder(repo_id=repository, folder_path=folder, allow_patterns=list(FILES))
    except OFFLINE as error:
        raise PatchlearnError(
            f"hub, {repository}: {str(error).splitlines()[0]} Log in with 'hf auth login', and check the name "
            "(owner/name) and the network."
        ) from None
    return address


def model_card(segmenter: Segmenter, name: str) -> ModelCard:
    """What the model is, what was measured of it and how it is used; as the hub expects it."""
    results = [_eval_result(entry) for entry in segmenter.scores]
    facts = ModelCardData(
        library_name="patchlearn",
        pipeline_tag="image-segmentation",
        tags=["semantic-segmentation", "weakly-supervised"],
        model_name=name,
        eval_results=results or None,
    )
    return ModelCard(f"---\n{facts.to_yaml()}\n---\n\n{_card_text(segmenter, name)}")


def _candidates(path: Path) -> Iterable[Path]:
    if path.is_file():
        yield path
    yield from (path / MODEL, path / STEP / MODEL)
    recipe = path / "recipe.yaml"
    if recipe.is_file():
        yield from (path / variant / STEP / MODEL for variant in load_recipe(recipe).recipe.variants)


def _measured(file: Path) -> list[dict[str, Any]]:
    """The entries of the run's evaluation.json about this very file, RUN/VARIANT/segmenter/model.safetensors.

    A segmenter that has been trained again since is another.
    """
    file = file.resolve()  # of a relative path the folders above may have no name
    variant, supervisions = file.parent.parent, {STEP: "tags", REFERENCE: "masks"}
    evaluation = variant.parent / "evaluation.json"
    if file.parent.name not in supervisions or not evaluation.is_file():
        return []
    wanted = (STEP, variant.name, supervisions[file.parent.name], file_digest(file))
    return [
        entry
        for entry in read_json(evaluation)
        if (entry["artefact"], entry["variant"], entry["supervision"], entry.get("model")) == wanted
    ]


def _downloaded(repository: str) -> Path:
    try:
        return Path(str(snapshot_download(repository, allow_patterns=list(FILES))))
    except OFFLINE as error:
        raise PatchlearnError(
            f"{repository}: no such folder, and not to be had from the hub ({str(error).splitlines()[0]}). Check the "
            "name and the network."
        ) from None


def _eval_result(entry: dict[str, Any]) -> EvalResult:
    return EvalResult(
        task_type="image-segmentation",
        dataset_type="custom",
        dataset_name=f"{entry['images']} images of {entry['split']}",
        dataset_split=entry["split"],
        metric_type="mean_iou",
        metric_value=round(entry["miou"], 4),
    )


def _card_text(segmenter: Segmenter, name: str) -> str:
    network = segmenter.network
    classes = "\n".join(f"{index + 1}. {each}" for index, each in enumerate(segmenter.classes))
    bands = f", bands={segmenter.bands}" if segmenter.bands else ""
    return f"""# {name}

A segmentation network ({network.head} over {network.backbone}) made with patchlearn, weakly supervised semantic
segmentation.

## Use

```python
import patchlearn
from patchlearn import read_image
from pathlib import Path

model = patchlearn.load("{name}")  # this folder, or owner/name
mask = model.predict(read_image(Path("photo.jpg"){bands}))  # H×W: 0 background, i the i-th class below
```

## Classes

0. background
{classes}

## Measured

{_measured_text(segmenter.scores)}
"""


def _measured_text(scores: Iterable[dict[str, Any]]) -> str:
    lines = [_measured_line(entry) for entry in scores]
    return "\n".join(lines) or "Nothing was measured of this model."


def _measured_line(entry: dict[str, Any]) -> str:
    learned = {"tags": "image tags alone", "masks": "true masks (the fully supervised reference)"}[entry["supervision"]]
    classes = ", ".join(f"{name} {100 * value:.1f}" for name, value in entry["iou"].items())
    return (
        f"- mIoU **{100 * entry['miou']:.1f} %** on {entry['images']} images of {entry['split']}, without image "
        f"labels; learned from {learned}; variant {entry['variant']}, commit {entry['commit']}. By class, in per cent: "
        f"{classes}."
    )
