"""Which images are judged."""

from patchlearn.steps.trust_inputs import evenly_spaced


def test_images_are_spaced_evenly_and_a_few_are_all_of_them() -> None:
    chosen = evenly_spaced(range(1000), 100)
    assert [place // 10 for place in chosen] == list(range(100))
    assert 40 < sum(place % 2 for place in chosen) < 60  # classes may take turns
    assert evenly_spaced("abc", 5) == ["a", "b", "c"]
    assert evenly_spaced([], 5) == []
