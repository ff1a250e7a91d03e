"""An upload becomes an image, within the limits; nothing of it stays on the disk."""

from pathlib import Path
from tempfile import NamedTemporaryFile

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Bands, UInt8
from patchlearn.data.images import read_image
from patchlearn.data.pixels.image_opening import opened
from patchlearn.web.limits import MEGABYTE, Limits

LONGEST_NAME = 80


def read_upload(content: bytes, name: str, limits: Limits, bands: Bands | None = None) -> UInt8:
    """H×W×3: the image in the bytes of a file.

    Args:
        content: of the file.
        name: that its owner gave it; it is shown, and never a path.
        limits: of the server.
        bands: see `read_image`.

    Raises:
        PatchlearnError: no image, damaged, or too large; the sentence names the file as its owner does.
    """
    # A file, because the same reader as everywhere opens it: it decodes formats that Pillow alone misreads.
    with NamedTemporaryFile(prefix="patchlearn-") as file:
        file.write(content)
        file.flush()
        try:
            with opened(Path(file.name)) as image:
                _require_small(*image.size, limits)
            return read_image(file.name, bands)
        except PatchlearnError as error:
            sentence = str(error).removeprefix(f"{file.name}: ")
            raise PatchlearnError(f"{shown(name)}: {sentence}") from None


def shown(name: str) -> str:
    """The name of a file as it can be shown: its last part, without control characters.

    >>> shown("../../etc/pass\\nwd"), shown("")
    ('passwd', 'image')
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(sign for sign in last if sign.isprintable())[:LONGEST_NAME] or "image"


def _require_small(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.pixels:
        raise PatchlearnError(
            f"has {width}×{height} pixels, and the page takes {limits.pixels / MEGABYTE:g} million. Make it smaller, "
            "or use patchlearn predict, which has no such limit."
        )
