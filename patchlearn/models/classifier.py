"""Step 1: train the classifier from image labels, stage by stage."""

from dataclasses import dataclass
from pathlib import Path

from patchlearn.core.checkpoints import load_checkpoint, save_checkpoint
from patchlearn.core.errors import PatchlearnError
from patchlearn.models.backbones.create import create_stages
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.models.patches import Grid

MODEL = "model.safetensors"


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """A trained network and the classes its channels stand for."""

    network: PatchNetwork
    classes: tuple[str, ...]


def save_classifier(path: Path, classifier: Classifier) -> None:
    """Write weights and the settings that rebuild the network into one safetensors file."""
    network = classifier.network
    settings = {
        "backbone": network.stages.name,
        "output_stride": network.stages.strides[-1],
        "fusion": network.fusion,
        "splits": network.splits,
        "active_split": network.active_split,
        "border": network.border,
        "pooling_power": network.pooling_power,
        "detach": network.detach,
        "classes": classifier.classes,
    }
    save_checkpoint(path, network.state_dict(), settings)


def load_classifier(path: Path) -> Classifier:
    """Rebuild a trained classifier, in evaluation mode on the CPU.

    Raises:
        PatchlearnError: the file is missing, damaged, or no classifier; or its tensors do not fit its architecture.
    """
    tensors, settings = load_checkpoint(path)
    try:
        stages = create_stages(settings["backbone"], settings["output_stride"])
        splits: list[tuple[int, Grid]] = [(stage, (grid[0], grid[1])) for stage, grid in settings["splits"]]
        younger = {name: settings[name] for name in ("border", "detach", "pooling_power") if name in settings}
        network = PatchNetwork(stages, len(settings["classes"]), settings["fusion"], splits, **younger)
        network.active_split = settings["active_split"]
        network.load_state_dict(tensors)
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise PatchlearnError(f"{path}: not a classifier of patchlearn ({reason}). Train it again.") from None
    return Classifier(network=network.eval(), classes=tuple(settings["classes"]))
