"""Frames of a video with poses of 5 joints, before and after the smoother."""

import numpy as np

from posepile.cameras import Camera
from serving.frames import PosedFrame
from serving.predictor import People
from serving.video.distance import smoothed_distances
from serving.video.smoother import VIEW_S, Smoother

FPS = 30.0
CAMERA = Camera(np.array([[500.0, 0, 100], [0, 500, 80], [0, 0, 1]]))
IMAGE = np.zeros((4, 6, 3), np.uint8)


def frame(index, people, time_s=None):
    """People: dict of id and pose [J, 3]."""
    poses = np.array([*people.values()])
    poses = poses if len(poses) else np.zeros((0, 5, 3))
    boxes = np.array([box(pose) for pose in poses]).reshape(-1, 4)
    them = People(boxes, poses, CAMERA.camera_to_image(poses), np.full(len(poses), 0.5))
    untracked = PosedFrame.untracked(IMAGE, them, index, index / FPS if time_s is None else time_s)
    return PosedFrame(IMAGE, them, np.array([*people], int), untracked.filled, index, untracked.time_s)


def box(pose):
    return np.array([*pose[0, :2], 100, 200])


def smoothed(frames, camera=CAMERA):
    """The frames, dicts of id and pose, after the smoother."""
    smoother, done = Smoother(camera), []
    for i, people in enumerate(frames):
        done += smoother.push(frame(i, people))
    return done + list(smoother.finish())


def at_smoothed_distances(times_s, poses):
    """Poses [T, J, 3] at distances that are smoothed one by one, each within VIEW_S before and after it."""
    distances = np.linalg.norm(poses.mean(axis=1), axis=-1)
    results = []
    for time_s, distance, pose in zip(times_s, distances, poses, strict=True):
        near = np.flatnonzero(np.abs(times_s - time_s) <= VIEW_S + 1e-6)
        place = list(times_s[near]).index(time_s)
        results.append(pose * smoothed_distances(times_s[near], distances[near], VIEW_S)[place] / distance)
    return np.stack(results)
