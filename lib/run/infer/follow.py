"""Who is who from frame to frame of one video."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from lib.run.infer.events import Shown
from lib.skeletons import Skeleton
from lib.tracking import PoseSmoother, PoseTracker, appearance, boxes_from_poses
from lib.utils.people import Boxes, People


class FollowedScores(NamedTuple):
    """Scores of poses that are followed.

    Attributes:
        confident: from it on a pose starts a track.
        weak: from it on a pose continues one.
    """

    confident: float
    weak: float


TOP_DOWN = FollowedScores(0.3, 0.1)
# Means over all keypoints, those out of sight included: five good ones of 17 make 0.15 to 0.27.
BOTTOM_UP = FollowedScores(0.15, 0.05)


@dataclass(frozen=True)
class FollowRules:
    """What is done with the people of a video.

    Attributes:
        skeleton: the keypoint set.
        track: give ids.
        smooth: filter the keypoints of each track over time.
        scores: of poses that are followed.
    """

    skeleton: Skeleton
    track: bool
    smooth: bool
    scores: FollowedScores = TOP_DOWN


class Follower:
    """Identities and smoothing for the frames of one video, in their order; pictures pass through as they are."""

    def __init__(self, rules: FollowRules, *, is_video: bool) -> None:
        self._rules = rules
        self._is_video = is_video
        self._tracker: PoseTracker | None = None
        self._smoother = PoseSmoother() if is_video and rules.track and rules.smooth else None
        self._last = People.none(rules.skeleton.num_keypoints)

    def boxes(self, size_wh: tuple[int, int]) -> Boxes:
        """Where the people of the last frame are to be looked for in the next one."""
        return boxes_from_poses(self._last, size_wh)

    def __call__(self, shown: Shown) -> None:
        """Give the people of a frame their ids and smooth their keypoints."""
        if not self._is_video:
            return
        people = shown.estimate.people
        if self._rules.track:
            people = self._tracked(people, shown)
        self._last = people
        if self._smoother is not None:
            people = self._smoother.update(people, shown.frame.time)
        shown.estimate = replace(shown.estimate, people=people)

    def _tracked(self, people: People, shown: Shown) -> People:
        if self._tracker is None:
            scores = self._rules.scores
            self._tracker = PoseTracker(
                self._rules.skeleton.sigmas_array,
                size_wh=shown.size_wh,
                confident_score=scores.confident,
                weak_score=scores.weak,
            )
        return self._tracker.update(people, shown.frame.time, appearance(shown.frame.image, people))
