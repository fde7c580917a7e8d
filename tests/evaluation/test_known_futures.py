from __future__ import annotations

import torch

from dlh.evaluation.floors import KnownFutures
from dlh.interfaces import VideoModel
from dlh.video import VideoError
from refusals import refused

FUTURES = torch.rand(3, 4, 1, 5, 6, generator=torch.Generator().manual_seed(0))
CONTEXT = torch.zeros(2, 1, 1, 5, 6)


def test_it_keeps_the_contract_and_gives_what_lies_ready():
    model = KnownFutures(name="other clips", futures=FUTURES)
    assert isinstance(model, VideoModel) and model.frame_shape == (1, 5, 6)
    frames = model.predict(CONTEXT, horizon=2, samples=2).frames
    assert frames.shape == (2, 2, 2, 1, 5, 6)
    assert torch.equal(frames[0], FUTURES[:2, :2]) and torch.equal(frames[0], frames[1])
    assert model.predict(CONTEXT, horizon=4, samples=9).frames.shape[1] == 3


def test_it_says_when_it_is_too_short():
    model = KnownFutures(name="oracle", futures=FUTURES)
    with refused(VideoError, "'oracle'", 4, 5):
        model.predict(CONTEXT, horizon=5)
    with refused(ValueError, 0, 1):
        model.predict(CONTEXT, horizon=0)
