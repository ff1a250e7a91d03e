"""How masks are written for other tools."""

from dataclasses import dataclass

from patchlearn.core.errors import require_one_of

PER = ("component", "class")
SHAPES = ("masks", "polygons")


@dataclass(frozen=True, kw_only=True)
class AnnotationSettings:
    """How masks become annotations.

    Args:
        per: "component" (one annotation for every group of touching pixels of a class) or "class" (one for all pixels
            of a class in an image). A mask does not separate instances: touching objects of a class are one component,
            and an object that is partly hidden can be several.
        shapes: "masks" (exact pixels, as run lengths) or "polygons" (COCO and CVAT only).
        images_at: prefix of the address of every image (Label Studio only). The default is the address of files that
            Label Studio serves from the folder `images` of its local storage.
    """

    per: str = "component"
    shapes: str = "masks"
    images_at: str = "/data/local-files/?d=images/"

    def __post_init__(self) -> None:
        require_one_of("per", self.per, PER)
        require_one_of("shapes", self.shapes, SHAPES)
