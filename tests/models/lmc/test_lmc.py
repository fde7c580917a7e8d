from __future__ import annotations

import math

import pytest
import torch

from dlh.models.lmc.lmc import LMCMemory
from dlh.video import VideoError
from models.lmc.small_lmc import small_config, small_model, small_video
from refusals import refused


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def same_states(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        close(ours.hidden, theirs.hidden)
        close(ours.cell, theirs.cell)


def test_observing_is_one_step_after_the_other():
    model = small_model()
    video = small_video(model)
    states = [lstm.start(model.encoder(video[:, 0])) for lstm in model.lstms]
    for frame in video.unbind(1):
        states = model.advance(frame, states)
    same_states(model.observe(video), states)


def test_a_video_observed_in_pieces_is_the_whole_video():
    model = small_model()
    video = small_video(model)
    same_states(model.observe(video[:, 5:], model.observe(video[:, :5])), model.observe(video))


def test_a_prediction_is_the_next_input_as_the_decoder_put_it_out():
    model = small_model()
    video = small_video(model)
    motion = model.memory.match(video).motion
    states = model.observe(video)
    frames = model.imagine(states, motion, 4).frames
    assert frames.min() < 0  # not clipped on the way
    for step in range(4):
        expected, _ = model.emit(states[-1], motion)
        close(frames[:, step], expected)
        states = model.advance(frames[:, step], states)


@pytest.mark.parametrize("changes", [{}, {"channels": 3, "output": "sigmoid"}])
def test_predicts_frames_in_the_unit_interval_after_any_length_of_context(changes):
    model = small_model(**changes)
    for steps in (9, 10, 16, 23):
        frames = model.predict(small_video(model, batch=1, steps=steps), horizon=3).frames
        assert frames.shape == (1, 1, 3, *model.frame_shape)
        assert frames.min() >= 0 and frames.max() <= 1


def test_a_clip_is_predicted_alike_alone_and_in_a_batch():
    model = small_model()
    video = small_video(model, batch=3)
    together = model.predict(video, horizon=4).frames
    close(torch.cat([model.predict(clip, horizon=4).frames for clip in video.split(1)]), together)


def test_is_deterministic_and_gives_one_sample():
    model = small_model()
    video = small_video(model)
    found = [
        model.predict(
            video, horizon=3, samples=samples, generator=torch.Generator().manual_seed(samples)
        ).frames
        for samples in (1, 5)
    ]
    assert found[0].shape[1] == 1
    assert torch.equal(*found)


def test_a_prediction_recalls_by_the_matching_encoder_alone():
    model = small_model()
    video = small_video(model)
    before = model.predict(video, horizon=3).frames
    with torch.no_grad():
        for parameter in model.memory.context.parameters():
            parameter.zero_()
    assert torch.equal(model.predict(video, horizon=3).frames, before)
    with torch.no_grad():
        model.memory.slots.neg_()
    assert not torch.equal(model.predict(video, horizon=3).frames, before)


@pytest.mark.parametrize("steps", [1, 8])
def test_a_context_whose_motion_cannot_be_encoded_is_refused(steps):
    model = small_model()
    with refused(VideoError, 9, steps, code="too-few-frames"):
        model.predict(small_video(model, steps=steps), horizon=1)


def test_under_autocast_frames_states_and_addressing_stay_in_full_precision():
    model = small_model().float()
    video = small_video(model).float()
    exact = model.predict(video, horizon=3).frames
    with torch.autocast("cpu", torch.bfloat16):
        recall = model.memory.match(video)
        states = model.observe(video)
        rollout = model.imagine(states, recall.motion, 3)
        frames = model.predict(video, horizon=3).frames
    assert {recall.read.dtype, recall.motion.dtype, rollout.frames.dtype} == {torch.float32}
    assert {part.dtype for state in states for part in (state.hidden, state.cell)} == {
        torch.float32
    }
    assert not torch.equal(frames, exact)
    torch.testing.assert_close(frames, exact, rtol=0, atol=0.05)


def test_both_motion_encoders_start_equal_and_apart():
    memory = LMCMemory(small_config()).memory
    pairs = list(zip(memory.matching.parameters(), memory.context.parameters(), strict=True))
    assert all(torch.equal(*pair) and pair[0] is not pair[1] for pair in pairs)


def test_slots_are_weighted_by_their_cosine_and_read_as_they_are():
    model = small_model()
    recall = model.memory.match(small_video(model))
    slots = model.memory.slots.detach()
    assert recall.query.shape == (2, 8, 1, 2)
    for clip, row, column in [(0, 0, 1), (1, 0, 0)]:
        query = recall.query[clip, :, row, column]
        cosine = torch.cosine_similarity(query[None], slots)
        close(recall.similarity[clip, row, column], cosine)
        weight = cosine.exp() / cosine.exp().sum()
        close(recall.addressing[clip, row, column], weight)
        close(recall.read[clip, :, row, column], weight @ slots)
    assert recall.motion.shape == (2, 4, 4, 8)


def test_of_a_hundred_slots_none_weighs_more_than_the_bound():
    """Cosines between -1 and 1, no temperature: e / (e + 99 / e) at most, reached by opposites."""
    model = small_model(num_slots=100)
    video = small_video(model)
    with torch.no_grad():
        query = model.memory.match(video).query[0, :, 0, 0]
        model.memory.slots.copy_(-query.expand(100, -1))
        model.memory.slots[3] = 2 * query
        weight = model.memory.match(video).addressing[0, 0, 0]
    assert weight.argmax() == 3
    assert math.isclose(float(weight.max()), math.e / (math.e + 99 / math.e), rel_tol=1e-9)


def test_a_still_clip_of_any_picture_recalls_the_same_motion():
    model = small_model()
    still = small_video(model, batch=2, steps=1).expand(-1, 12, -1, -1, -1)
    close(*model.memory.match(still).motion)


def test_the_memorys_gradients_are_those_of_float32_where_other_convolutions_are_bfloat16():
    """Over two steps of time they were wrong by factors up to infinity."""
    model = small_model(motion_channels=(16, 16, 32, 32)).float()
    video = small_video(model, steps=9).float()  # 8 differences, halved twice before the last two

    def gradients(enabled):
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            query = model.memory.matching(video)
        query.square().sum().backward()
        return [parameter.grad.clone() for parameter in model.memory.matching.parameters()]

    for found, expected in zip(gradients(True), gradients(False), strict=True):
        torch.testing.assert_close(found, expected)
