import numpy as np
import pytest
import torch

from neurofer.models.spotter import Spotter, local_contrast
from neurofer.models.spotter_dense import DenseScorer, EventScorer
from neurofer.spotting.contrast import contrast
from neurofer.spotting.windows import running_sums, window_sums

FRAMES, SIZE, SKIPS = 40, 36, (3, 11)


def trained(**settings):
    """A spotter whose batch norms have seen something."""
    torch.manual_seed(1)
    model = Spotter(**settings).train()
    shape = (8, model.channels, model.times, SIZE, SIZE)
    for _ in range(3):
        model(torch.rand(shape) * (255 if model.channels == 1 else 4), torch.arange(8) % 2)
    with torch.no_grad():
        for head in model.heads:
            head.weight *= 20
    return model.eval()


def film():
    return np.random.default_rng(0).integers(0, 256, (FRAMES, SIZE, SIZE)).astype(np.uint8)


def scored(scorer, frames, chunks):
    state, found = scorer.start(), []
    for part in np.split(frames, np.cumsum(chunks)):
        state, scores = scorer.push(state, part)
        found.append(scores)
    return np.concatenate([*found, scorer.finish(state)])


def one_by_one(model, frames, skips, before_only=False):
    """The scores of every frame by a stack of its own."""
    last, table = len(frames) - 1, np.zeros((len(frames), 2))
    for kind, skip in enumerate(skips):
        for now in range(len(frames)):
            after = now if before_only else min(now + skip, last)
            stack = torch.from_numpy(np.stack([frames[max(now - skip, 0)], frames[now], frames[after]])).float()
            with torch.no_grad():
                table[now, kind] = torch.sigmoid(model(stack[None, None], torch.tensor([kind])))
    return table


@pytest.mark.parametrize("settings", [{}, {"residual": False}, {"lcn": False}, {"width": 0.5}])
def test_dense_scores_are_those_of_stack_after_stack(settings):
    model, frames = trained(**settings), film()
    found = scored(DenseScorer(model, SKIPS, SIZE), frames, [FRAMES])
    wanted = one_by_one(model, frames, SKIPS)
    assert wanted.std(axis=0).min() > 1e-3
    np.testing.assert_allclose(found, wanted, atol=2e-5)


def test_one_reference_frame_needs_no_future():
    model, frames = trained(), film()
    scorer = DenseScorer(model, SKIPS, SIZE, before_only=True)
    state, scores = scorer.push(scorer.start(), frames[:5])
    assert len(scores) == 5
    assert scorer.lookahead == 0
    np.testing.assert_allclose(scored(scorer, frames, [FRAMES]), one_by_one(model, frames, SKIPS, True), atol=2e-5)


@pytest.mark.parametrize("chunks", [[1] * FRAMES, [7, 0, 20, 13], [39, 1]])
def test_any_chunking_gives_the_same_scores_bit_for_bit(chunks):
    scorer, frames = DenseScorer(trained(), SKIPS, SIZE), film()
    np.testing.assert_array_equal(scored(scorer, frames, chunks), scored(scorer, frames, [FRAMES]))


@pytest.mark.parametrize("frames", [1, 2, 5, 22, 23, 24])
def test_a_video_shorter_than_its_distances_has_a_score_for_every_frame(frames):
    model, short = trained(), film()[:frames]
    found = scored(DenseScorer(model, SKIPS, SIZE), short, [frames])
    assert found.shape == (frames, 2)
    np.testing.assert_allclose(found, one_by_one(model, short, SKIPS), atol=2e-5)


def test_a_stride_scores_some_of_the_same():
    model, frames = trained(), film()
    whole = scored(DenseScorer(model, SKIPS, SIZE), frames, [FRAMES])
    np.testing.assert_array_equal(scored(DenseScorer(model, SKIPS, SIZE, stride=7), frames, [FRAMES]), whole[::7])


def test_memory_does_not_grow_with_the_video():
    scorer = DenseScorer(trained(), SKIPS, SIZE)
    state = scorer.start()
    room = state.ring.nbytes
    for _ in range(5):
        state, _ = scorer.push(state, film())
    assert state.frames == 5 * FRAMES
    assert state.ring.nbytes == room


def test_larger_frames_are_made_smaller_first():
    import cv2

    scorer, frames = DenseScorer(trained(), SKIPS, SIZE), film()
    large = np.repeat(np.repeat(frames, 2, axis=1), 2, axis=2)
    small = np.stack([cv2.resize(frame, (SIZE, SIZE), interpolation=cv2.INTER_AREA) for frame in large])
    np.testing.assert_array_equal(scored(scorer, large, [FRAMES]), scored(scorer, small, [FRAMES]))


def test_contrast_of_one_frame_is_that_of_the_network():
    grey = film()[0].astype(np.float32)
    np.testing.assert_allclose(contrast(grey), local_contrast(torch.from_numpy(grey)).numpy(), atol=1e-4)
    assert not contrast(np.full((16, 16), 77, np.float32)).any()


@pytest.mark.parametrize("lcn", [False, True])
def test_event_scores_are_those_of_window_after_window(lcn):
    model = trained(channels=4, times=1, lcn=lcn)
    counts = np.random.default_rng(3).poisson(0.4, (FRAMES, 2, SIZE, SIZE)).astype(np.uint16)
    sums = running_sums(counts)
    scorer = EventScorer(model, SKIPS, SIZE)
    found = scored(scorer, counts, [FRAMES])
    wanted = np.zeros_like(found)
    for kind, skip in enumerate(SKIPS):
        windows = torch.from_numpy(window_sums(sums, np.arange(FRAMES), skip))[:, :, None]
        with torch.no_grad():
            wanted[:, kind] = torch.sigmoid(model(windows, torch.full((FRAMES,), kind)))
    np.testing.assert_allclose(found, wanted, atol=2e-5)
    np.testing.assert_array_equal(scored(scorer, counts, [1] * FRAMES), found)


def test_event_sums_may_run_over():
    model = trained(channels=4, times=1, lcn=False)
    counts = np.full((FRAMES, 2, SIZE, SIZE), 2_000, np.uint16)
    found = scored(EventScorer(model, (3, 3), SIZE), counts, [FRAMES])
    np.testing.assert_allclose(found[10], found[36], atol=1e-6)


def test_the_wrong_spotter_is_refused():
    with pytest.raises(ValueError, match="grey"):
        DenseScorer(trained(channels=4, times=1), SKIPS, SIZE)
    with pytest.raises(ValueError, match="event sums"):
        EventScorer(trained(), SKIPS, SIZE)
    with pytest.raises(ValueError, match="at least 1"):
        DenseScorer(trained(), (0, 3), SIZE)
