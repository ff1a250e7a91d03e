"""The exponential moving average of the weights."""

import torch
from torch import nn

from patchlearn.training.ema import MovingAverage


def test_the_average_follows_weights_and_statistics() -> None:
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2))
    model = MovingAverage(network, decay=0.5)
    start = model.average.state_dict()["0.weight"].clone()
    with torch.no_grad():
        network[0].weight += 1.0
        network[1].running_mean += 1.0
    model.update()  # the first step keeps a tenth
    torch.testing.assert_close(model.average.state_dict()["0.weight"], start + 0.9)
    torch.testing.assert_close(model.average.state_dict()["1.running_mean"], torch.full((2,), 0.9))
    for _ in range(20):
        model.update()
    torch.testing.assert_close(model.average.state_dict()["0.weight"], start + 1.0, rtol=1e-4, atol=1e-4)


def test_the_average_learns_nothing_by_itself_and_is_saved() -> None:
    model = MovingAverage(nn.Conv2d(3, 2, 1), decay=0.9)
    assert not any(parameter.requires_grad for parameter in model.average.parameters())
    model.update()
    twin = MovingAverage(nn.Conv2d(3, 2, 1), decay=0.9)
    twin.load_state_dict(model.state_dict())
    assert int(twin.steps) == 1
    torch.testing.assert_close(twin.average.weight, model.average.weight)


def test_the_output_is_that_of_the_network_that_learns() -> None:
    model, images = MovingAverage(nn.Conv2d(3, 2, 1), decay=0.9), torch.ones(1, 3, 2, 2)
    with torch.no_grad():
        model.network.weight += 1.0
    assert torch.equal(model(images), model.network(images))
    assert not torch.allclose(model(images), model.average(images))


def test_counts_are_copied_and_not_averaged() -> None:
    model = MovingAverage(nn.BatchNorm2d(2), decay=0.9)
    model.network.num_batches_tracked.fill_(7)
    model.update()
    assert int(model.average.num_batches_tracked) == 7
    assert not model.average.training
