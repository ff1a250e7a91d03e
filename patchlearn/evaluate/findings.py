"""What looks wrong with the masks of a class, in plain words, and what helps; every remedy is an option of the package.

A finding rests on tags and images alone. Its bounds are explained in docs/trust.md.
"""

from dataclasses import asdict, dataclass

from patchlearn.evaluate.areas import ClassAreas
from patchlearn.evaluate.outlines import ClassOutlines
from patchlearn.evaluate.surroundings import KEPT, Surroundings

MANY = 0.3  # share of the images of a class
GROWN = 3.0  # times as large, or as small
PLAIN = 0.3  # contrast
UNSTABLE = 0.25  # IoU of two halves
SIZES = "classes.csv (docs/your-data.md)"
CLICKS = "a few clicks say where it is: patchlearn run --points points.csv (docs/clicks.md)"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that looks wrong.

    Args:
        kind: "surroundings", "elsewhere", "nothing", "whole", "grown", "shrunk", "plain" or "unstable".
        text: a sentence, and a second one with what helps.
    """

    kind: str
    text: str

    @property
    def facts(self) -> dict[str, str]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What the remedies depend on.

    Args:
        use: which reading the maps are from ("classifier", "cells" or "sum").
        chosen: whether the run has chosen it (`reading.use: auto`): no other one is then advised.
        long_side: of the images as maps read them, in pixels; None for their own size.
        small: whether the run is one for small things on plain surfaces.
    """

    use: str = "classifier"
    chosen: bool = False
    long_side: int | None = None
    small: bool = False


def findings_of(
    name: str,
    areas: ClassAreas | None,
    outlines: ClassOutlines | None,
    told: Surroundings | None,
    stability: float | None,
    circumstances: Circumstances,
) -> list[Finding]:
    """Everything that looks wrong with one class, the most important first.

    Args:
        name: of the class.
        areas: what its maps and masks cover; None without a tagged image, and then nothing is found.
        outlines: how its masks stand out from what is around them.
        told: what tells the class; None where nothing can be said.
        stability: IoU between the maps of two halves; None where the class is in neither.
        circumstances: what the remedies depend on.

    >>> areas = ClassAreas(images=9, map_share=0.1, mask_share=0.1, growth=1.0, nothing=0.6, whole=0.0)
    >>> [found.kind for found in findings_of("pit", areas, None, None, 0.9, Circumstances())]
    ['nothing']
    """
    if areas is None:
        return []
    texts = {
        **_of_surroundings(name, told, circumstances),
        **_of_areas(name, areas, circumstances),
        **_of_outlines(name, outlines, circumstances),
        **_of_stability(name, stability, areas),
    }
    return [Finding(kind=kind, text=text) for kind, text in texts.items()]


def _of_surroundings(name: str, told: Surroundings | None, circumstances: Circumstances) -> dict[str, str]:
    if told is None:
        return {}
    if told.tell:
        # Not `cells`: on photographs they are worse than ordinary maps; auto tells the two cases apart.
        choose = ", or let the run choose what is read: --reading.use auto"
        text = (
            f"{name}: the surroundings tell it as well as the thing itself (mAP {_percent(told.weakest)} from the "
            f"weakest places, {_percent(told.mean)} from all, chance {_percent(told.chance)}). Add photographs of the "
            f"same surroundings without {name}{choose if _is_ordinary(circumstances) else ''}."
        )
        return {"surroundings": text}
    if told.kept is None or told.kept < KEPT:
        return {}
    other = "auto" if circumstances.use == "classifier" else "classifier"
    read = "" if circumstances.chosen else f"Read the maps in another way: --reading.use {other}; or "
    clicks = CLICKS if read else f"A{CLICKS[1:]}"
    text = (
        f"{name}: it is still recognised where its mask is erased ({_percent(told.kept)} % of the mAP above chance is "
        f"left), so the mask misses much of it. {_recipe(circumstances)}{read}{clicks}."
    )
    return {"elsewhere": text}


def _is_ordinary(circumstances: Circumstances) -> bool:
    """Whether the maps are the classifier's because nobody has asked for others."""
    return circumstances.use == "classifier" and not circumstances.chosen


def _of_areas(name: str, areas: ClassAreas, circumstances: Circumstances) -> dict[str, str]:
    texts = {}
    if areas.nothing >= MANY:
        texts["nothing"] = (
            f"{name}: nothing was found in {_percent(areas.nothing)} % of its {areas.images} images. "
            f"{_recipe(circumstances)}Read the images larger: {_larger(circumstances.long_side)}; or {CLICKS}."
        )
    if areas.whole >= MANY:
        texts["whole"] = (
            f"{name}: the mask is nearly the whole image in {_percent(areas.whole)} % of its {areas.images} images. "
            f"State its largest size (size_max) in {SIZES}; or {CLICKS}."
        )
    if areas.growth is not None and areas.growth >= GROWN:
        texts["grown"] = (
            f"{name}: the masks are {areas.growth:.1f} times as large as its maps. State its largest size (size_max) "
            f"in {SIZES}, or choose --pseudo.crf.preset none."
        )
    if areas.growth is not None and areas.growth <= 1 / GROWN:
        texts["shrunk"] = (
            f"{name}: the masks keep {_percent(areas.growth)} % of the area of its maps. State its smallest size "
            f"(size_min) in {SIZES}, or choose --pseudo.crf.preset none."
        )
    return texts


def _of_outlines(name: str, outlines: ClassOutlines | None, circumstances: Circumstances) -> dict[str, str]:
    if outlines is None or outlines.contrast is None or outlines.contrast >= PLAIN:
        return {}
    return {
        "plain": f"{name}: what its masks cover looks like what is around them (contrast {outlines.contrast:.2f}; good "
        f"masks have 0.4 or more), so they are too large or lie beside it. {_recipe(circumstances)}State its sizes "
        f"(size_min, size_max) in {SIZES}; or {CLICKS}."
    }


def _of_stability(name: str, stability: float | None, areas: ClassAreas) -> dict[str, str]:
    if stability is None or stability >= UNSTABLE:
        return {}
    return {
        "unstable": f"{name}: two halves of the images find different places (IoU {_percent(stability)}). More images "
        f"of it help (there are {areas.images}); or {CLICKS}."
    }


def _recipe(circumstances: Circumstances) -> str:
    if circumstances.small:
        return ""
    return "Small things on plain surfaces have a recipe: patchlearn run PHOTOS --recipe defects. "


def _larger(long_side: int | None) -> str:
    return "--cams.views.scales [1.5,2.0]" if long_side is None else f"--cams.views.long_side {2 * long_side}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"
