"""Step 3: the affinity network, trained on the confident pixels of the maps.

RUN/VARIANT/affinity/             labels/ID.png, model.safetensors, log.csv, epochs.csv, state.safetensors
RUN/VARIANT/affinity/round-N/     the same, of earlier rounds
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.run_folder import MODEL
from patchlearn.core.settings import NEW_IN_KEY
from patchlearn.data.settings import AUTO, ClickSettings
from patchlearn.data.subset import balanced_subset
from patchlearn.maps.settings import WalkSettings
from patchlearn.refine.settings import BackgroundRule, ConfidentRegions
from patchlearn.steps.cams import WriteCams
from patchlearn.steps.classifier import TrainClassifier
from patchlearn.steps.step import Step
from patchlearn.training.settings import AffinitySettings

if TYPE_CHECKING:
    import torch

    from patchlearn.core.pace import Estimate
    from patchlearn.core.runtime import Runtime
    from patchlearn.core.types import Sample, ScoreMaps, Sizes, UInt8
    from patchlearn.data.clicks.values import Clicks
    from patchlearn.models.affinity_network import AffinityNetwork
    from patchlearn.models.walker import Walker

ReadMaps = Callable[["Sample", "UInt8"], "ScoreMaps"]
Along = Callable[["Sample", "UInt8"], "Walker | None"]  # a sample and its image → along what its scores walk


@dataclass(frozen=True, eq=False)
class TrainAffinity(Step):
    """Train an affinity network over the classifier's frozen stages, round after round.

    From the second round on, the labels come from the maps after a walk along the affinities of the round before.
    `walk` is None where there is one round.
    """

    name: ClassVar[str] = "affinity"
    verb: ClassVar[str] = "affinity"
    help: ClassVar[str] = "Step 3: train the affinity network: which neighbouring pixels belong together."
    version: ClassVar[int] = 3
    is_training: ClassVar[bool] = True
    promised: ClassVar[tuple[str, ...]] = (MODEL, f"round-*/{MODEL}")

    settings: AffinitySettings
    rule: BackgroundRule
    walk: WalkSettings | None
    classifier: TrainClassifier
    cams: WriteCams
    seed: int
    sizes: "Sizes" = field(default=(), metadata=NEW_IN_KEY)
    boxes: ClickSettings = field(default=ClickSettings(), metadata=NEW_IN_KEY)

    @property
    def samples(self) -> tuple["Sample", ...]:
        """The images that it learns from."""
        return balanced_subset(self.cams.data.samples, self.settings.images)

    @property
    def is_left_out(self) -> bool:
        """Whether kind "auto" has found that nothing is to be trained; false while the reading is not chosen."""
        reading = self.cams.reading
        return self.settings.kind == AUTO and reading is not None and reading.is_complete and reading.is_local

    def _require_choice(self) -> None:
        """Raise `PatchlearnError` where kind "auto" cannot tell whether there is a network."""
        if self.settings.kind == AUTO and self.cams.reading:
            self.cams.reading.require()

    def load(self, device: "torch.device | str" = "cpu") -> "AffinityNetwork | None":
        """The network of the last round; None if it was left out."""
        self._require_choice()
        return None if self.is_left_out else _load(self.folder / MODEL, device)

    def load_earlier(self, device: "torch.device | str" = "cpu") -> "AffinityNetwork | None":
        """The network of the round before the last; None if there was one round, or none at all."""
        self._require_choice()
        if self.is_left_out or self.settings.rounds == 1:
            return None
        return _load(self._round_folder(self.settings.rounds - 1) / MODEL, device)

    def _round_folder(self, number: int) -> Path:
        return self.folder if number == self.settings.rounds else self.folder / f"round-{number}"

    def check(self, runtime: "Runtime") -> None:
        """Every process must have a part of every batch, and a walk over stored features some of a frozen trunk."""
        from patchlearn.training.batches import check_shards, repeated

        if self.walk and self.walk.stored:
            self.require_stored()
        if self.settings.kind == AUTO and (self.cams.reading is None or self.cams.reading.settings.use != "auto"):
            raise PatchlearnError(
                "affinity.kind: auto follows what reading.use: auto finds, but reading.use has another value. Set it "
                "to auto, or affinity.kind to features or none."
            )
        optimisation = self.settings.optimisation
        images = len(repeated(self.samples, optimisation))
        check_shards("affinity", images, optimisation, runtime.accelerator)

    def require_stored(self) -> None:
        """Raise `PatchlearnError` unless scores can walk over stored features (`walk.stored`)."""
        if not self.classifier.settings.head_only:
            raise PatchlearnError(
                "walk.stored: the features that are stored must be those of a frozen backbone. Set "
                "classifier.head_only to true, or walk.stored to false."
            )
        if self.settings.network != "features":
            raise PatchlearnError(
                f"walk.stored: an affinity network of kind {self.settings.kind!r} reads more stages than are stored. "
                "Set affinity.kind to features, or walk.stored to false."
            )

    def untrained(self, runtime: "Runtime") -> "AffinityNetwork":
        """The affinity network before its first step."""
        from patchlearn.models.affinity_network import create_affinity

        stages = self.classifier.untrained(runtime).network.stages
        return create_affinity(stages, self.settings.network).to(runtime.accelerator.device)

    def estimate(self, runtime: "Runtime") -> "Estimate":
        """The labels of a few images and a few steps are timed; from the second round on, the maps walk first."""
        from patchlearn.core.pace import Estimate, a_few, seconds_each
        from patchlearn.maps.affinity_walk import walk_scores
        from patchlearn.maps.walk_area import bounded_walk
        from patchlearn.refine import confident_regions
        from patchlearn.training.affinity import loss_of_noise
        from patchlearn.training.pace import bytes_of_training, seconds_of_training, share_left

        if self.is_left_out:
            return Estimate()
        network, rounds, settings = self.untrained(runtime), self.settings.rounds, self.settings
        samples, walk = self.samples, self.walk or WalkSettings()

        def label(sample: "Sample", walking: "AffinityNetwork | None") -> None:
            image, maps = self.cams.example(sample)
            along = walker_of(walk, self.cams, walking, sample, image)
            walked = bounded_walk(maps, walk_scores(image, maps, walk, along), self.rule)
            confident_regions(image, walked, self.rule, settings.confident)

        first = seconds_each(partial(label, walking=None), a_few(samples), runtime.threads)
        later = seconds_each(partial(label, walking=network), a_few(samples), runtime.threads) if rounds > 1 else 0.0
        folders = [self._round_folder(number) for number in range(1, rounds + 1)]
        shares = [share_left(each, samples, settings.optimisation) if self.is_begun else 1 for each in folders]
        unlabelled = [self._unlabelled(each) if share else 0 for each, share in zip(folders, shares)]
        labels = (unlabelled[0] * first + sum(unlabelled[1:]) * later) / runtime.accelerator.num_processes
        loss = loss_of_noise(network, settings, runtime.accelerator)
        training = seconds_of_training(loss, samples, settings.augment, settings.optimisation, runtime)
        return Estimate(labels) + sum(shares) * Estimate(training, bytes_of_training(network))

    def _unlabelled(self, folder: Path) -> int:
        """How many images have no labels in the folder of a round."""
        return self.missing(folder / "labels" / f"{sample.id}.png" for sample in self.samples)

    def work(self, runtime: "Runtime") -> None:
        """Train every round that is not there yet."""
        self._require_choice()
        if self.is_left_out:
            self._say_left_out(runtime)
            return
        earlier: AffinityNetwork | None = None
        for number in range(1, self.settings.rounds + 1):
            folder = self._round_folder(number)
            if number == self.settings.rounds or not (folder / MODEL).exists():
                self._train_round(folder, earlier, runtime, number)
            earlier = _load(folder / MODEL, runtime.accelerator.device)

    def _say_left_out(self, runtime: "Runtime") -> None:
        words = f"affinity {self.home.name}: left out, because single cells tell the tags (affinity.kind: auto)."
        runtime.console.print(words, markup=False, highlight=False, soft_wrap=True)

    def _train_round(self, folder: Path, earlier: "AffinityNetwork | None", runtime: "Runtime", number: int) -> None:
        from patchlearn.training.affinity import train_affinity

        data, labels = self.cams.data, folder / "labels"
        samples, clicks, walk = self.samples, data.clicked(self.boxes), self.walk or WalkSettings()
        along = partial(walker_of, walk, self.cams, earlier)
        read = partial(_read_walked, self.cams.folder, walk, self.rule, along, clicks=clicks)
        words = f"{self.home.name}, round {number}"
        title = f"affinity labels {words}"
        confident, sizes = self.settings.confident, self.sizes
        facts: dict[str, Any] = {"sizes": sizes, "clicks": clicks, "title": title}
        write_affinity_labels(samples, read, self.rule, confident, labels, runtime, **facts)
        stages, title = self.classifier.load().network.stages, f"train {self.settings.network} {words}"
        train_affinity(samples, labels, stages, self.settings, folder, runtime, seed=self.seed, title=title)


def write_affinity_labels(
    samples: Sequence["Sample"],
    read_maps: ReadMaps,
    rule: BackgroundRule,
    settings: ConfidentRegions,
    folder: Path,
    runtime: "Runtime",
    *,
    sizes: "Sizes" = (),
    clicks: "Clicks | None" = None,
    title: str = "affinity labels",
) -> None:
    """Write `folder/ID.png` for every sample: the confident pixels of its maps; each process does its part.

    Args:
        samples: the images.
        read_maps: (sample, image) → score maps.
        rule: of the background threshold.
        settings: which pixels are confident, see `confident_regions`.
        folder: for the labels.
        runtime: processes and threads.
        sizes: how large each class usually is; () where nothing is known.
        clicks: whose boxes bound the classes; None for none.
        title: shown beside the progress bar.

    Raises:
        PatchlearnError: score maps or images are missing.
    """
    from patchlearn.core.masks_io import write_mask
    from patchlearn.core.parallel import write_missing
    from patchlearn.data.images import read_image
    from patchlearn.maps.boxes import confident_in_boxes
    from patchlearn.maps.memory import pseudo_mask_need
    from patchlearn.maps.settings import PseudoSettings

    def write(sample: "Sample", path: Path) -> None:
        image, boxes = read_image(sample.image), clicks.of(sample.id).boxes if clicks else ()
        write_mask(path, confident_in_boxes(image, read_maps(sample, image), rule, settings, sizes, boxes))

    need = partial(pseudo_mask_need, settings=PseudoSettings(), walk=WalkSettings(), whole=bool(rule.growth or clicks))
    files = [(sample, folder / f"{sample.id}.png") for sample in samples]
    needs = [need(sample) for sample, path in files if not path.exists()]
    write_missing(files, write, title=title, runtime=runtime, needs=needs)


def _read_walked(
    folder: Path,
    walk: WalkSettings,
    rule: BackgroundRule,
    along: Along,
    sample: "Sample",
    image: "UInt8",
    clicks: "Clicks | None" = None,
) -> "ScoreMaps":
    from patchlearn.core.masks_io import read_scores
    from patchlearn.maps.affinity_walk import walk_scores
    from patchlearn.maps.boxes import within_boxes
    from patchlearn.maps.walk_area import bounded_walk

    maps = read_scores(folder / f"{sample.id}.npz")
    maps, _ = within_boxes(maps, rule, clicks.of(sample.id).boxes if clicks else ())
    return bounded_walk(maps, walk_scores(image, maps, walk, along(sample, image)), rule)


def walker_of(
    walk: WalkSettings, cams: WriteCams, affinity: "AffinityNetwork | None", sample: "Sample", image: "UInt8"
) -> "Walker | None":
    """Along what the scores of a sample walk; None without a network.

    With `walk.stored`, it is the largest view of the maps. What is not stored is computed at this size.
    """
    from patchlearn.models.affinity_network import FeatureAffinity
    from patchlearn.models.views import long_sides
    from patchlearn.models.walker import StoredAffinity

    if not walk.stored or not isinstance(affinity, FeatureAffinity):
        return affinity
    # A folder that was begun with other values may hold features of other stages.
    views = cams.features.stored(sample) if cams.features and cams.features.is_begun else None
    if views is None:
        longest = max(long_sides(image.shape[:2], cams.settings.views.scales, cams.settings.views.long_side))
        return StoredAffinity(affinity, affinity.read(image, longest))
    return StoredAffinity(affinity, max(views, key=lambda view: view.size))


def _load(path: Path, device: "torch.device | str") -> "AffinityNetwork":
    from patchlearn.models.affinity_network import load_affinity

    return load_affinity(path).to(device)
