from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import make_runtime, tiny_stages
from rich.console import Console
from torch import Tensor
from torch.nn import functional as F

from patchlearn.core.checkpoints import load_checkpoint
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_rows
from patchlearn.core.types import Sample
from patchlearn.data.open import open_dataset
from patchlearn.data.settings import AugmentSettings
from patchlearn.models import classifier as classifier_module
from patchlearn.models.backbones.create import create_stages
from patchlearn.models.classifier import load_classifier
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.training import classifier as module
from patchlearn.training.classifier import (
    check_classifier,
    mean_average_precision,
    stage_of_epoch,
    tag_loss,
    train_classifier,
)
from patchlearn.training.settings import ClassifierSettings, Optimisation

SPLITS = ((1, (2, 2)), (2, (2, 2)))


@pytest.fixture(autouse=True)
def tiny_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    for user in (module, classifier_module):  # one trains, the other loads
        monkeypatch.setattr(user, "create_stages", lambda name, stride, weights=None: tiny_stages())


def settings(fusion: str = "plain", **changes: object) -> ClassifierSettings:
    plan = Optimisation(epochs=2, batch_size=4, learning_rate=0.01)
    crop = AugmentSettings(crop=32, long_side=(32, 48))
    base = {"fusion": fusion, "splits": () if fusion == "plain" else SPLITS, "augment": crop, "optimisation": plan}
    return ClassifierSettings(**{**base, **changes})  # type: ignore[arg-type]


def train(root: Path, folder: Path, console: Console, plan: ClassifierSettings, seed: int = 0) -> Path:
    data = open_dataset("folder", root)
    return train_classifier(data, plan, folder, make_runtime(console), seed=seed)


@pytest.mark.parametrize("fusion", ["plain", "progressive", "explicit"])
def test_every_fusion_trains_and_comes_back(fusion: str, folder_data: Path, tmp_path: Path, console: Console) -> None:
    path = train(folder_data, tmp_path / "run", console, settings(fusion))
    trained = load_classifier(path)
    assert trained.classes == ("red", "blue")
    assert trained.network.fusion == fusion
    assert trained.network.active_split == (1 if fusion == "progressive" else 0)
    stages = [row["stage"] for row in read_rows(tmp_path / "run" / "epochs.csv")]
    assert stages == (["0", "1"] if fusion == "progressive" else ["0", "0"])


def test_a_kill_after_the_last_step_leaves_the_last_split_active(
    folder_data: Path, tmp_path: Path, console: Console
) -> None:
    train(folder_data, tmp_path / "run", console, settings("progressive"))
    whole = (tmp_path / "run" / "model.safetensors").read_bytes()
    path = train(folder_data, tmp_path / "run", console, settings("progressive"))
    assert path.read_bytes() == whole
    assert load_classifier(path).network.active_split == 1


def test_the_classifier_of_every_epoch_can_be_kept(folder_data: Path, tmp_path: Path, console: Console) -> None:
    path = train(folder_data, tmp_path / "run", console, settings("progressive", keep_epochs=True))
    first, last = (load_classifier(tmp_path / "run" / "epochs" / f"{epoch}.safetensors") for epoch in (0, 1))
    assert (first.network.active_split, last.network.active_split) == (0, 1)
    assert (tmp_path / "run" / "epochs" / "1.safetensors").read_bytes() == path.read_bytes()
    assert not torch.equal(first.network.classifier.weight, last.network.classifier.weight)
    train(folder_data, tmp_path / "other", console, settings("progressive"))
    assert not (tmp_path / "other" / "epochs").exists()


def test_how_patches_are_cut_changes_what_is_learned(folder_data: Path, tmp_path: Path, console: Console) -> None:
    changes = ({}, {"border": "replicate"}, {"detach": False}, {"pooling_power": 3.0})
    plans = [settings("explicit", **change) for change in changes]
    paths = [train(folder_data, tmp_path / str(number), console, plan) for number, plan in enumerate(plans)]
    weights = [load_classifier(path).network.classifier.weight for path in paths]
    assert not any(torch.equal(weights[0], other) for other in weights[1:])


def test_colours_are_learned(folder_data: Path, tmp_path: Path, console: Console) -> None:
    plan = Optimisation(epochs=25, batch_size=4, learning_rate=0.01, schedule="constant")
    train(folder_data, tmp_path / "run", console, settings("progressive", optimisation=plan))
    assert float(read_rows(tmp_path / "run" / "epochs.csv")[-1]["map"]) == 1.0


def test_masks_are_never_read(folder_data: Path, tmp_path: Path, console: Console) -> None:
    for mask in (folder_data / "masks").iterdir():
        mask.write_bytes(b"must not be opened")
    train(folder_data, tmp_path / "run", console, settings())


def test_the_same_seed_gives_the_same_weights(folder_data: Path, tmp_path: Path, console: Console) -> None:
    weights = [load_checkpoint(train(folder_data, tmp_path / str(i), console, settings(), seed))[0] for i, seed in
               enumerate((0, 0, 1))]  # fmt: skip
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not torch.equal(weights[0]["classifier.weight"], weights[2]["classifier.weight"])


def test_statistics_stay_frozen_and_frozen_stages_stay_as_they_were(
    folder_data: Path, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    stages = create_stages("mobilenetv3_small_050", 16)
    before = {name: tensor.clone() for name, tensor in stages.state_dict().items()}
    monkeypatch.setattr(module, "create_stages", lambda name, stride, weights=None: stages)
    train(folder_data, tmp_path / "run", console, settings(frozen_stages=2))
    for name, tensor in stages.state_dict().items():
        is_frozen = "running" in name or "num_batches" in name or name.startswith(("stages.0.", "stages.1."))
        if is_frozen:
            assert torch.equal(tensor, before[name]), name
    assert not torch.equal(stages.state_dict()["stages.3.0.0.conv_pw.weight"], before["stages.3.0.0.conv_pw.weight"])
    train(folder_data, tmp_path / "free", console, settings(frozen_stages=2, freeze_statistics=False))
    changed = {
        name.split(".")[1] for name, tensor in stages.state_dict().items() if not torch.equal(tensor, before[name])
    }
    assert changed == {str(index) for index in range(2, len(stages))}


def test_held_out_images_are_never_the_last_of_a_class(folder_data: Path) -> None:
    """Seeds enough that each image would be drawn; of few images each is the last of its class, and one is shared."""
    data = open_dataset("folder", folder_data)
    rare = replace(data, splits={"train": (*data.split("train")[::2], data.split("train")[1])})
    alone = replace(data, splits={"train": data.split("train")[:2]})
    for seed in range(8):
        kept, held_out = module.held_out_samples(rare, settings(), seed)
        assert {label for sample in kept for label in sample.labels} == {0, 1}
        assert len(held_out) == 1
        kept, held_out = module.held_out_samples(alone, settings(), seed)
        assert (len(kept), len(held_out)) == (2, 1)


def test_a_tenth_is_held_out_where_there_is_no_val(folder_data: Path) -> None:
    data = open_dataset("folder", folder_data)
    samples, held_out = module.held_out_samples(data, settings(held_out_split="none"), 0)
    assert len(held_out) == 1
    assert {sample.id for sample in samples} | {sample.id for sample in held_out} == {
        sample.id for sample in data.split("train")
    }
    assert not {sample.id for sample in samples} & {sample.id for sample in held_out}


def test_stages_share_the_epochs_in_order() -> None:
    assert [stage_of_epoch(epoch, 8, 3) for epoch in range(8)] == [0, 0, 0, 1, 1, 1, 2, 2]


def test_mean_average_precision_by_hand() -> None:
    scores = torch.tensor([[0.9, 0.1, 0.0], [0.8, 0.9, 0.0], [0.7, 0.5, 0.0], [0.1, 0.4, 0.0]])
    labels = torch.tensor([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0]])
    # class 0: ranks 1 and 3 → (1 + 2/3) / 2; class 1: ranks 1 and 3 as well; class 2 has no positive
    assert mean_average_precision(scores, labels) == pytest.approx((1 + 2 / 3) / 2)
    assert np.isnan(mean_average_precision(scores, torch.zeros(4, 3)))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"train_split": "trian"}, "no split 'trian'"),
        ({"frozen_stages": 9}, "has 4 stages. Choose 0 to 4"),
    ],
)
def test_wrong_options_are_errors(
    changes: dict[str, object], complaint: str, folder_data: Path, tmp_path: Path, console: Console
) -> None:
    with pytest.raises(PatchlearnError, match=complaint):
        train(folder_data, tmp_path / "run", console, settings(**changes))  # type: ignore[arg-type]


def test_a_single_image_is_too_few(folder_data: Path, tmp_path: Path, console: Console) -> None:
    lines = (folder_data / "labels.csv").read_text().splitlines()
    (folder_data / "labels.csv").write_text("\n".join(lines[:2]) + "\n")
    with pytest.raises(PatchlearnError, match="0 images to train on and 1 held out"):
        train(folder_data, tmp_path / "run", console, settings())


def test_one_image_of_a_single_cell_is_refused_where_batch_norm_learns(
    folder_data: Path, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "create_stages", lambda name, *_: create_stages("resnet10t", 32))
    one = settings(freeze_statistics=False, optimisation=Optimisation(epochs=1, batch_size=1))
    with pytest.raises(PatchlearnError, match=r"classifier: one image per step .* or raise classifier\.augment\.crop"):
        train(folder_data, tmp_path / "run", console, one)
    check_classifier(
        open_dataset("folder", folder_data), replace(one, freeze_statistics=True), make_runtime(console), seed=0
    )


def test_images_without_any_label_are_refused(folder_data: Path, tmp_path: Path, console: Console) -> None:
    lines = (folder_data / "labels.csv").read_text().splitlines()
    (folder_data / "labels.csv").write_text(
        "\n".join([lines[0], *(line.rsplit(",", 1)[0] + "," for line in lines[1:])])
    )
    with pytest.raises(PatchlearnError, match="no image has a label"):
        train(folder_data, tmp_path / "run", console, settings())


def test_mean_average_precision_ranks_a_class_over_its_judged_images() -> None:
    scores = torch.tensor([[0.9, 0.2], [0.8, 0.9], [0.7, 0.5], [0.1, 0.4]])
    labels = torch.tensor([[0, 0], [1, 1], [0, 1], [1, 0]])
    judged = torch.tensor([[False, True], [True, True], [True, False], [True, True]])
    # class 0: of ranks 2, 3, 4 the first and the last → (1 + 2/3) / 2; class 1: of ranks 1, 3, 4 the first → 1
    assert mean_average_precision(scores, labels, judged) == pytest.approx(((1 + 2 / 3) / 2 + 1) / 2)
    everything = torch.ones(4, 2, dtype=torch.bool)
    assert mean_average_precision(scores, labels, everything) == mean_average_precision(scores, labels)
    assert np.isnan(mean_average_precision(scores, labels, ~everything))


def gradients(labels: Tensor, judged: Tensor) -> tuple[Tensor, list[Tensor]]:
    """(loss, gradients) of one batch of a small network."""
    torch.manual_seed(0)
    network = PatchNetwork(tiny_stages(), labels.shape[1])
    images = torch.randn(len(labels), 3, 32, 32)
    loss = module._loss(torch.device("cpu"), network, (images, labels, judged))
    return loss.detach(), list(torch.autograd.grad(loss, list(network.parameters())))


def test_the_target_of_an_unknown_class_changes_no_bit_of_a_gradient() -> None:
    judged = torch.tensor([[True, False, True], [True, True, True]])
    results = [gradients(torch.tensor([[1.0, value, 0.0], [0.0, 1.0, 1.0]]), judged) for value in (0.0, 1.0)]
    for one, other in zip(*(grads for _, grads in results), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(results[0][0], results[1][0])
    everything = gradients(torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]), torch.ones(2, 3, dtype=torch.bool))
    assert not torch.equal(results[0][0], everything[0])


def test_a_batch_of_judged_classes_has_the_loss_it_always_had(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, everything = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]), torch.ones(2, 3, dtype=torch.bool)
    monkeypatch.setattr(module, "tag_loss", None)
    loss, grads = gradients(labels, everything)

    def plain(_: torch.device, network: PatchNetwork, batch: tuple[Tensor, ...]) -> Tensor:
        logits = network(batch[0].contiguous(memory_format=torch.channels_last))
        return F.multilabel_soft_margin_loss(logits.float(), batch[1])

    monkeypatch.setattr(module, "_loss", plain)
    before, grads_before = gradients(labels, everything)
    assert torch.equal(loss, before)
    assert all(torch.equal(one, other) for one, other in zip(grads, grads_before, strict=True))


def test_an_image_counts_the_same_however_few_of_its_classes_were_judged() -> None:
    logits, labels = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)), torch.eye(3, 4)
    judged = torch.tensor([[True, True, True, True], [False, False, True, False], [False] * 4])
    whole = F.multilabel_soft_margin_loss(logits[:1], labels[:1])
    one_class = F.multilabel_soft_margin_loss(logits[1:2, 2:3], labels[1:2, 2:3])
    torch.testing.assert_close(tag_loss(logits, labels, judged), (whole + one_class + 0) / 3)


def test_a_batch_in_which_nothing_was_judged_has_no_loss_and_no_gradient() -> None:
    loss, grads = gradients(torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.bool))
    assert loss.item() == 0
    assert not any(grad.any() for grad in grads)


def test_processes_with_other_shares_of_judged_classes_average_to_the_whole_batch() -> None:
    logits, labels = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), torch.eye(4, 3)
    judged = torch.tensor([[True, False, False], [False, False, False], [True, True, True], [True, True, True]])
    parts = [tag_loss(logits[part], labels[part], judged[part]) for part in (slice(0, 2), slice(2, 4))]
    torch.testing.assert_close(torch.stack(parts).mean(), tag_loss(logits, labels, judged))


def test_what_is_said_of_unknown_classes_changes_nothing_in_a_training(
    folder_data: Path, tmp_path: Path, console: Console
) -> None:
    """Of every second image nobody judged the colour that it lacks: once it is a label all the same, once it is not."""
    data, results = open_dataset("folder", folder_data), []
    for claimed in (False, True):

        def unjudged(sample: Sample, claimed: bool = claimed) -> Sample:
            return replace(sample, labels=(0, 1) if claimed else sample.labels, unknown=(1 - sample.labels[0],))

        splits = {
            name: tuple(unjudged(sample) if index % 4 < 2 else sample for index, sample in enumerate(samples))
            for name, samples in data.splits.items()
        }
        folder, runtime = tmp_path / str(claimed), make_runtime(console)
        path = train_classifier(replace(data, splits=splits), settings(), folder, runtime, seed=0)
        results.append((path.read_bytes(), [row["map"] for row in read_rows(folder / "epochs.csv")]))
    assert results[0] == results[1]
    assert train(folder_data, tmp_path / "judged", console, settings()).read_bytes() != results[0][0]
