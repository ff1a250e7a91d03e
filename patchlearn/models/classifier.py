"""A trained classifier and its file."""

from dataclasses import dataclass
from pathlib import Path

from patchlearn.core.checkpoints import load_checkpoint, save_checkpoint
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.run_folder import MODEL
from patchlearn.models.backbones.create import create_stages
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.models.patches import Grid


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """A trained network and the names of its K classes, in the order of its logits."""

    network: PatchNetwork
    classes: tuple[str, ...]


def save_classifier(path: Path, classifier: Classifier) -> None:
    """Write weights and the settings that rebuild the network into one safetensors file."""
    network = classifier.network
    settings = {
        "backbone": network.stages.name,
        "output_stride": network.stages.output_stride,
        "fusion": network.fusion,
        "splits": network.splits,
        "active_split": network.active_split,
        "border": network.border,
        "pooling_power": network.pooling_power,
        "detach": network.detach,
        "classes": classifier.classes,
    }
    save_checkpoint(path, network.state_dict(), settings)


def load_classifier(path: str | Path) -> Classifier:
    """Rebuild a trained classifier, in evaluation mode on the CPU.

    Args:
        path: the file that `save_classifier` wrote, or a folder that holds it as `model.safetensors`, such as the
            folder `classifier` of a run.

    Raises:
        PatchlearnError: the file is missing, damaged, or no classifier; or its tensors do not fit its architecture.

    >>> from tempfile import TemporaryDirectory
    >>> network = PatchNetwork(create_stages("resnet10t"), classes=2)
    >>> with TemporaryDirectory() as folder:
    ...     save_classifier(Path(folder) / "model.safetensors", Classifier(network=network, classes=("cat", "dog")))
    ...     load_classifier(folder).classes
    ('cat', 'dog')
    """
    path = Path(path) / MODEL if Path(path).is_dir() else Path(path)
    tensors, settings = load_checkpoint(path)
    try:
        stages = create_stages(settings["backbone"], settings["output_stride"])
        splits: list[tuple[int, Grid]] = [(stage, (grid[0], grid[1])) for stage, grid in settings["splits"]]
        options = {name: settings[name] for name in ("border", "detach", "pooling_power")}
        network = PatchNetwork(stages, len(settings["classes"]), settings["fusion"], splits, **options)
        network.active_split = settings["active_split"]
        network.load_state_dict(tensors)
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise PatchlearnError(f"{path}: not a classifier of patchlearn ({reason}). Train it again.") from None
    return Classifier(network=network.eval(), classes=tuple(settings["classes"]))
