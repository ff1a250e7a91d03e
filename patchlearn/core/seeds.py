"""Where randomness comes from: every random decision takes its seed from (seed, stream, epoch, index) alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from hashlib import blake2b

import torch


class Stream(StrEnum):
    """Names of the random streams. The strings are data: another string gives another result for the same seed."""

    CLASSIFIER_WEIGHTS = "weights"
    CLASSIFIER_AUGMENT = "augment"
    HELD_OUT = "held out"
    AFFINITY_WEIGHTS = "affinity"
    AFFINITY_AUGMENT = "affinity augment"
    SEGMENTER_WEIGHTS = "segmenter"
    SEGMENTER_AUGMENT = "segmenter augment"
    CELL_ORDER = "cell order"
    ORDER = "order"
    STEP = "step"


def seed_for(*parts: int | str) -> int:
    """A 63-bit seed that depends on the parts alone, for example (seed, epoch, index).

    A resumed run therefore decides like an undisturbed one.

    >>> seed_for(0, Stream.ORDER, 2) == seed_for(0, "order", 2) != seed_for(0, Stream.STEP, 2)
    True
    """
    digest = blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


@contextmanager
def seeded(*parts: int | str) -> Iterator[None]:
    """Run a block with torch's CPU generator seeded by `seed_for`; the generator is put back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(*parts))
        yield
