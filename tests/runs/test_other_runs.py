"""Whole runs with a transformer, with a network of one size, and with a head on features computed once."""

from pathlib import Path

import pytest
import timm
import torch
import yaml
from whole_run import RECIPE, files, run_it

from patchlearn.core.files import read_json
from patchlearn.data.pixels.mask_files import read_indices
from patchlearn.models.affinity_network import load_affinity
from patchlearn.models.classifier import load_classifier
from patchlearn.runs.load import load


def recipe(folder: Path, variants: dict[str, object], **changes: object) -> Path:
    """The tiny recipe with other variants and settings."""
    settings = yaml.safe_load(RECIPE)
    settings["variants"] = variants
    for section, values in changes.items():
        settings[section] = {**settings.get(section, {}), **values} if isinstance(values, dict) else values
    path = folder / "other.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def test_a_transformer_goes_through_every_step(folder_data: Path, tmp_path: Path) -> None:
    variants = {
        "plain": {"affinity": {"kind": "boundary"}, "self_training": {"rounds": 1}},
        "progressive": {"classifier": {"fusion": "progressive", "splits": [[1, [2, 2]], [3, [1, 2]]]}},
        "explicit": {"classifier": {"fusion": "explicit", "splits": "figure 2", "border": "neighbour"}},
    }
    backbone = {"backbone": "test_vit", "output_stride": None}
    segmenter = {"backbone": "test_vit", "head": "linear"}
    path = recipe(tmp_path, variants, classifier=backbone, segmenter=segmenter)
    assert run_it(path, folder_data, tmp_path / "run") == 0
    for variant, branches in (("plain", 1), ("progressive", 2), ("explicit", 4)):
        home = tmp_path / "run" / variant
        network = load_classifier(home / "classifier").network
        assert network.stages.has_tokens
        assert network.branches == branches
        assert load_affinity(home / "affinity" / "model.safetensors").stages.output_stride is None
        assert len(list((home / "pseudo" / "train").glob("*.png"))) == 8
        assert set(read_indices(next((home / "segmented" / "val").glob("*.png"))).flatten()) <= {0, 1, 2, 255}
    judged = {entry["artefact"] for entry in read_json(tmp_path / "run" / "evaluation.json")}
    assert judged == {"seed", "pseudo", "segmenter"}
    assert "test_vit" in (tmp_path / "run" / "report.html").read_text()
    assert load(tmp_path / "run" / "plain").network.head == "linear"


def test_a_network_of_one_size_goes_through_every_step(folder_data: Path, tmp_path: Path) -> None:
    backbone = {"backbone": "visformer_tiny", "output_stride": None}
    path = recipe(tmp_path, {"plain": {}}, classifier=backbone, with_segmenter=False)
    assert run_it(path, folder_data, tmp_path / "run") == 0
    assert len(list((tmp_path / "run" / "plain" / "pseudo" / "train").glob("*.png"))) == 8


def head(folder: Path) -> dict[str, object]:
    """A classifier on a frozen backbone, with weights that are the same in every run."""
    torch.manual_seed(0)
    torch.save(timm.create_model("mobilenetv3_small_050").state_dict(), folder / "weights.pth")
    steps = {"epochs": 20, "batch_size": 4, "learning_rate": 0.01, "save_seconds": 0}
    return {"head_only": True, "weights": str(folder / "weights.pth"), "optimisation": steps}


def test_a_head_learns_from_features_and_a_killed_run_ends_like_an_undisturbed_one(
    folder_data: Path, tmp_path: Path
) -> None:
    path = recipe(tmp_path, {"plain": {}}, classifier=head(tmp_path), self_training={"rounds": 1}, with_segmenter=False)
    assert run_it(path, folder_data, tmp_path / "run") == 0
    made = files(tmp_path / "run", "plain/**/*.[ns]*[zs]")
    assert len([name for name in made if name.startswith("plain/features/train/")]) >= 8
    assert run_it(path, folder_data, tmp_path / "killed") == 0
    killed = tmp_path / "killed" / "plain"
    for manifest in (killed / "features" / "train" / "step.json", killed / "classifier" / "step.json"):
        facts = read_json(manifest)
        manifest.write_text(manifest.read_text().replace('"complete": true', '"complete": false'))
        assert facts["complete"]
    (killed / "classifier" / "model.safetensors").unlink()
    next((killed / "features" / "train").glob("*.safetensors")).unlink()
    assert run_it(path, folder_data, tmp_path / "killed") == 0
    again = files(tmp_path / "killed", "plain/**/*.[ns]*[zs]")
    assert {name for name in made if made[name] != again.get(name)} <= {"plain/classifier/state.safetensors"}


def test_without_room_for_features_a_run_has_the_same_steps(
    folder_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    features = {"most_gigabytes": 0}
    path = recipe(tmp_path, {"plain": {}}, classifier=head(tmp_path), features=features, with_segmenter=False)
    assert run_it(path, folder_data, tmp_path / "run") == 0
    assert "features.most_gigabytes (0)" in " ".join("".join(capsys.readouterr()).split())
    assert list((tmp_path / "run" / "plain" / "features").rglob("*.safetensors")) == []
    assert len(list((tmp_path / "run" / "plain" / "cams" / "train").glob("*.npz"))) == 8
