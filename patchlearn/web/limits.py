"""What the page accepts, so that no upload can bring the server down."""

from dataclasses import dataclass

from patchlearn.core.settings import require_at_least, require_positive

MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of a server.

    Args:
        megabytes: of one upload, which may hold several images.
        images: in one upload.
        megapixels: of one image.
        seconds: until an upload must have arrived.
        waiting: requests that wait for the network, beside the one that is worked on.
        kept: images that are held in memory; the one that was not looked at for longest is dropped first.

    Raises:
        PatchlearnError: a number out of range.
    """

    megabytes: float = 25
    images: int = 20
    megapixels: float = 24
    seconds: float = 30
    waiting: int = 32
    kept: int = 40

    def __post_init__(self) -> None:
        for name in ("megabytes", "megapixels", "seconds"):
            require_positive(name, getattr(self, name))
        for name in ("images", "waiting", "kept"):
            require_at_least(name, getattr(self, name), 1)

    @property
    def bytes(self) -> int:
        """Of one upload."""
        return round(self.megabytes * MEGABYTE)

    @property
    def pixels(self) -> int:
        """Of one image."""
        return round(self.megapixels * MEGABYTE)
