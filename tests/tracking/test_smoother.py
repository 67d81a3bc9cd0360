"""Smoothing of followed people, against the filter of its authors."""

import numpy as np
import pytest
from OneEuroFilter import OneEuroFilter

from lib.tracking.smoother import PoseSmoother
from lib.utils.errors import PoseError
from lib.utils.people import NO_TRACK, Boxes, People

SIDE = 200.0


def _people(points: np.ndarray, ids: object = None, sides: object = SIDE, scores: object = 0.9) -> People:
    """People with square boxes of these sides and keypoints (P, K, 2)."""
    count = len(points)
    sides = np.broadcast_to(np.asarray(sides, dtype=float), count)
    keypoints = np.concatenate([points, np.broadcast_to(scores, points.shape[:2])[..., None]], axis=-1)
    boxes = Boxes.of(np.stack([np.zeros(count), np.zeros(count), sides, sides], axis=1))
    ids = np.arange(1, count + 1) if ids is None else ids
    return People(boxes, keypoints, np.full(count, 0.9), np.asarray(ids, dtype=np.int64))


def _outputs(smoother: PoseSmoother, signal: np.ndarray, times: np.ndarray, side: float = SIDE) -> np.ndarray:
    """One person's smoothed keypoints, (N, K, 2)."""
    frames = [
        smoother.update(_people(points[None], sides=side), time) for points, time in zip(signal, times, strict=True)
    ]
    return np.stack([people.keypoints[0, :, :2] for people in frames])


def _signal(rng: np.random.Generator, frames: int, *shape: int) -> np.ndarray:
    return np.cumsum(rng.normal(0, 6, (frames, *shape)), axis=0) + rng.normal(0, 3, (frames, *shape)) + 300


@pytest.mark.parametrize("num_keypoints", [3, 17, 133])
@pytest.mark.parametrize("variable", [False, True])
def test_equals_the_filter_of_its_authors(rng: np.random.Generator, num_keypoints: int, variable: bool) -> None:
    frames, people = 60, 2
    signal, sides = _signal(rng, frames, people, num_keypoints, 2), np.array([80.0, 400.0])
    steps = rng.uniform(0.005, 0.2, frames) if variable else np.full(frames, 1 / 30)
    times = np.cumsum(steps)  # not from 0: their filter takes a time of 0 for none
    smoother = PoseSmoother(0.7, 4.0)
    ours = []
    for points, time in zip(signal, times, strict=True):
        order = rng.permutation(people)
        out = smoother.update(_people(points[order], order + 1, sides[order]), time)
        ours.append(out.keypoints[np.argsort(order), :, :2])
    expected = np.empty_like(signal)
    for index in np.ndindex(signal.shape[1:]):
        theirs = OneEuroFilter(30, 0.7, 4.0 / sides[index[0]])
        expected[(slice(None), *index)] = [
            theirs(value, time) for value, time in zip(signal[(slice(None), *index)], times, strict=True)
        ]
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-9)


def test_jitter_at_rest_and_lag_in_motion(rng: np.random.Generator) -> None:
    """The figures of docs/INFER.md, at 30 frames per second and the default settings."""
    times, rest = np.arange(300) / 30, np.full((300, 17, 2), 500.0)
    noisy = rest + rng.normal(0, 0.01 * SIDE, rest.shape)
    still = _outputs(PoseSmoother(), noisy, times)[60:]
    reduction = still.std(axis=0).mean() / noisy[60:].std(axis=0).mean()
    assert reduction < 0.45
    lags = {}
    for sizes_per_second in (0.25, 1.0, 4.0):
        step = sizes_per_second * SIDE / 30
        moving = np.arange(90)[:, None, None] * step * np.ones((1, 17, 2))
        lags[sizes_per_second] = ((moving - _outputs(PoseSmoother(), moving, times[:90]))[-1] / step).mean()
    print(f"jitter {reduction:.3f} of the input's, lag in frames {lags}")
    assert lags[0.25] < 0.9
    assert lags[1.0] < 0.4
    assert lags[4.0] < 0.15


def test_the_same_for_large_and_small_people(rng: np.random.Generator) -> None:
    signal, times = _signal(rng, 40, 17, 2), np.arange(40) / 30
    small, large = _outputs(PoseSmoother(), signal, times, 100.0), _outputs(PoseSmoother(), 5 * signal, times, 500.0)
    np.testing.assert_allclose(5 * small, large, rtol=1e-12)


def test_a_gap_resets(rng: np.random.Generator) -> None:
    signal, times = _signal(rng, 30, 17, 2), np.arange(30) / 30
    smoother = PoseSmoother(gap_seconds=0.2)
    _outputs(smoother, signal, times)
    after = _outputs(smoother, signal + 50, times + 1.2)
    np.testing.assert_allclose(after, _outputs(PoseSmoother(), signal + 50, times), rtol=1e-12)
    np.testing.assert_array_equal(after[0], signal[0] + 50)


def test_a_short_gap_does_not(rng: np.random.Generator) -> None:
    signal, times = _signal(rng, 12, 17, 2), np.arange(12) / 30
    smoother = PoseSmoother(gap_seconds=0.2)
    _outputs(smoother, signal, times)
    smoother.update(People.none(17), 12 / 30)
    assert not np.allclose(_outputs(smoother, signal[-1:] + 9, times[:1] + 13 / 30), signal[-1:] + 9)


def test_unseen_keypoints_pass_and_leave_the_filter_alone(rng: np.random.Generator) -> None:
    signal, times = _signal(rng, 12, 17, 2), np.arange(12) / 30
    smoother, whole, skipping = (PoseSmoother(gap_seconds=0.2) for _ in range(3))
    for frame, (points, time) in enumerate(zip(signal, times, strict=True)):
        scores, given = np.full(17, 0.9), points.copy()
        if frame in (4, 5):
            scores[3], given[3], given[8] = 0.05, 9999.0, np.nan
        if frame >= 5:
            scores[5] = 0.05 if frame < 11 else 0.9  # too long: starts anew
        out = smoother.update(_people(given[None], scores=scores), time).keypoints[0]
        np.testing.assert_array_equal(out[:, 2], scores)
        unseen = (scores < 0.2) | ~np.isfinite(given).all(axis=1)
        np.testing.assert_array_equal(out[unseen, :2], given[unseen])
        assert np.isfinite(out[~unseen]).all()
        expected = whole.update(_people(points[None]), time).keypoints[0]
        np.testing.assert_array_equal(np.delete(out, [3, 5, 8], axis=0), np.delete(expected, [3, 5, 8], axis=0))
        if frame not in (4, 5):
            np.testing.assert_array_equal(
                out[[3, 8]], skipping.update(_people(points[None]), time).keypoints[0, [3, 8]]
            )
    np.testing.assert_array_equal(out[5, :2], signal[-1, 5])


def test_people_without_a_track_pass(rng: np.random.Generator) -> None:
    smoother, points = PoseSmoother(), rng.uniform(0, 100, (3, 17, 2))
    ids = [7, NO_TRACK, NO_TRACK]
    smoother.update(_people(points, ids), 0.0)
    before = _people(points + 5, ids)
    copy = before.keypoints.copy()
    after = smoother.update(before, 1 / 30)
    np.testing.assert_array_equal(before.keypoints, copy)
    np.testing.assert_array_equal(after.keypoints[1:], copy[1:])
    assert not np.allclose(after.keypoints[0], copy[0])
    assert after.track_ids.tolist() == ids
    assert len(smoother.update(People.none(17), 2 / 30)) == 0


def test_time_that_stands_still_or_goes_back(rng: np.random.Generator) -> None:
    signal, smoother = _signal(rng, 6, 17, 2), PoseSmoother()
    out = _outputs(smoother, signal, np.array([0.0, 0.0, 0.1, 0.1, 0.2, 0.2]))
    assert np.isfinite(out).all()
    np.testing.assert_array_equal(_outputs(smoother, signal[:1], np.array([0.1])), signal[:1])


def test_what_is_refused(rng: np.random.Generator) -> None:
    points = rng.uniform(0, 100, (2, 17, 2))
    for settings in ({"min_cutoff": 0.0}, {"beta": -1.0}, {"gap_seconds": np.nan}):
        with pytest.raises(PoseError, match="cannot smooth"):
            PoseSmoother(**settings)
    smoother = PoseSmoother()
    smoother.update(_people(points), 0.0)
    with pytest.raises(PoseError, match="twice"):
        smoother.update(_people(points, [4, 4]), 1.0)
    with pytest.raises(PoseError, match="not finite"):
        smoother.update(_people(points), np.nan)
    with pytest.raises(PoseError, match="3 keypoints instead of 17"):
        smoother.update(_people(points[:, :3]), 1.0)


def test_the_state_is_bounded(rng: np.random.Generator) -> None:
    smoother = PoseSmoother()
    for frame in range(1000):
        smoother.update(_people(rng.uniform(0, 100, (3, 17, 2)), [frame * 3, frame * 3 + 1, frame * 3 + 2]), frame / 30)
    assert smoother._state is not None
    assert len(smoother._state.ids) <= 3 * 9
