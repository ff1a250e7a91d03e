import torch

from patchlearn.core.seeds import Stream, seed_for, seeded


def test_the_strings_of_the_streams_are_data() -> None:
    """Another string would give other weights and augmentation for the same seed: results would change silently."""
    assert [str(stream) for stream in Stream] == [
        "weights",
        "augment",
        "held out",
        "affinity",
        "affinity augment",
        "segmenter",
        "segmenter augment",
        "cell order",
        "order",
        "step",
    ]
    assert seed_for(0, Stream.ORDER, 1) == 2961819992523135983


def test_a_seeded_block_leaves_the_generator_as_it_was() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    with seeded(1, Stream.STEP):
        first = torch.rand(3)
    with seeded(1, Stream.STEP):
        assert torch.equal(torch.rand(3), first)
    assert torch.equal(torch.get_rng_state(), before)
