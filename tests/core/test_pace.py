import time

import torch

from patchlearn.core.pace import Estimate, a_few, mean_seconds, seconds_each


def test_the_first_item_is_not_counted() -> None:
    seconds = mean_seconds(lambda pause: time.sleep(pause), [0.5, 0.01, 0.03])
    assert 0.02 <= seconds < 0.4


def test_threads_share_the_items_and_torch_has_one_for_each() -> None:
    torch.set_num_threads(2)
    seen: list[int] = []

    def work(item: int) -> None:
        seen.append(torch.get_num_threads())
        time.sleep(0.02)

    assert 0.005 <= seconds_each(work, [0, 1, 2], threads=4) < 0.02
    assert (seen, torch.get_num_threads()) == ([1, 1, 1], 2)


def test_a_few_are_evenly_spaced_and_may_repeat() -> None:
    assert a_few("abcdefghi") == ["a", "d", "g"]
    assert a_few([7]) == [7, 7, 7]


def test_estimates_add_up() -> None:
    assert Estimate(1.0, 10) + 3 * Estimate(2.0, 1) == Estimate(7.0, 13)
