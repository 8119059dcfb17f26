"""The renderer draws the nearest surface where the camera says it is, and the same bytes every time."""

import numpy as np
import pytest

from posepile.cameras import Camera
from posepile.synthetic import look, render, scene, surroundings
from posepile.synthetic.body import load_body

SIDE = 96
DISTORTED = np.array([-0.25, 0.08, 1e-3, -1e-3])


def test_triangle_covers_the_samples_inside_and_on_its_edges():
    pixels = np.float32([(1, 1), (1, 4), (4, 1)])  # clockwise on the screen with y down is towards the camera
    face_ids, _ = rasterise(pixels, np.ones(3), [(0, 1, 2)], side=6)
    by_hand = np.zeros((6, 6), bool)
    for y, x in [(1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (2, 2), (2, 3), (3, 1), (3, 2), (4, 1)]:
        by_hand[y, x] = True
    np.testing.assert_array_equal(face_ids == 0, by_hand)


def test_faces_from_behind_and_behind_the_camera_are_left_out():
    pixels = np.float32([(1, 1), (1, 4), (4, 1)])
    face_ids, _ = rasterise(pixels, np.ones(3), [(0, 2, 1)], side=6)
    assert (face_ids == -1).all()
    face_ids, _ = rasterise(pixels, np.float32([1, 1, 0]), [(0, 1, 2)], side=6)
    assert (face_ids == -1).all()


def test_the_nearer_face_wins_whatever_the_order():
    corners = np.float32([(0, 0), (0, 12), (12, 0)])
    pixels, depth = np.concatenate([corners, corners]), np.repeat([1 / 3000, 1 / 2000], 3)
    for faces in ([(0, 1, 2), (3, 4, 5)], [(3, 4, 5), (0, 1, 2)]):
        face_ids, nearest = rasterise(pixels, depth, faces, side=6)
        assert (face_ids == faces.index((3, 4, 5))).all()
        np.testing.assert_allclose(nearest, 1 / 2000, rtol=1e-6)  # float32


@pytest.mark.parametrize("distortion", [np.zeros(4), DISTORTED])
def test_every_pixel_of_a_person_back_projects_onto_the_body(distortion):
    vertices, camera = posed_body(), camera_of(distortion)
    pixels = camera.world_to_image(vertices).astype(np.float32)
    inverse_depth = (1 / camera.world_to_camera(vertices)[:, 2]).astype(np.float32)
    face_ids, nearest = rasterise(pixels, inverse_depth, load_body().faces, SIDE)
    rows, columns = np.nonzero(face_ids >= 0)
    assert len(rows) > 300
    points = camera.image_to_world(
        np.stack([columns, rows], 1), 1 / nearest[rows, columns].astype(np.float64)
    )
    corners = vertices[load_body().faces[face_ids[rows, columns]]]  # [n, 3, 3]
    distance = np.linalg.norm(points[:, None] - corners, axis=-1).min(1)
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=-1).max(1)
    # Inside its triangle a point is nearer to a corner than the longest edge; 1 mm for the lens's bend
    assert (distance <= longest + 1).all()


def test_visible_vertices_are_drawn_where_the_camera_puts_them():
    vertices, camera = posed_body(), camera_of(DISTORTED)
    pixels = camera.world_to_image(vertices)
    inverse_depth = (1 / camera.world_to_camera(vertices)[:, 2]).astype(np.float32)
    face_ids, nearest = rasterise(pixels.astype(np.float32), inverse_depth, load_body().faces, SIDE)
    column, row = np.round(pixels).astype(int).T
    covered = face_ids[row, column] >= 0
    assert covered.mean() > 0.85  # the others lie on the outline, up to half a pixel beyond the last sample
    behind = (1 / inverse_depth - 1 / np.maximum(nearest[row, column], 1e-9))[covered]  # mm
    assert (
        np.quantile(behind, 0.01) > -40
    )  # a vertex sticks out of its pixel's surface only where that is steep
    assert (np.abs(behind) < 20).mean() > 0.4  # about half of the vertices face the camera


def test_same_faces_as_a_ray_caster():
    rtcore_scene = pytest.importorskip("embreex.rtcore_scene", reason="embreex is not installed")
    from embreex.mesh_construction import TriangleMesh

    camera, faces = camera_of(np.zeros(4)), load_body().faces
    in_camera = camera.world_to_camera(posed_body()).astype(np.float32)
    face_ids, _ = rasterise(
        camera.camera_to_image(in_camera).astype(np.float32), 1 / in_camera[:, 2], faces, SIDE
    )
    target = rtcore_scene.EmbreeScene()
    TriangleMesh(target, in_camera, faces)
    grid = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), -1).reshape(-1, 2)
    rays = camera.image_to_camera(grid).astype(np.float32)
    hits = target.run(np.zeros_like(rays), rays).reshape(SIDE, SIDE)
    assert ((hits >= 0) == (face_ids >= 0)).mean() > 0.999  # silhouettes may differ by rounding
    both = (hits >= 0) & (face_ids >= 0)
    assert (hits == face_ids)[both].mean() > 0.97  # faces seen from behind: only the ray caster takes them


def test_the_last_layer_that_covers_a_point_paints_it():
    layers, albedo = look.empty_layers(), np.zeros(3, np.float32)
    look.set_layer(layers[0], (1, 0, 0))
    look.set_layer(layers[1], (0, 1, 0), bounds={look.Z: (100, 200)}, gloss=0.5)
    point = np.zeros(render.ATTRIBUTES, np.float32)
    assert render.paint(layers, point, 1.0, albedo) == 0
    np.testing.assert_array_equal(albedo, (1, 0, 0))
    point[look.Z] = 150
    assert render.paint(layers, point, 1.0, albedo) == 0.5
    np.testing.assert_array_equal(albedo, (0, 1, 0))


def test_patterns_finer_than_a_pixel_fade_to_a_plain_colour():
    layers, first, second = look.empty_layers(), np.zeros(3, np.float32), np.zeros(3, np.float32)
    look.set_layer(layers[0], (0, 0, 0), (1, 1, 1), pattern="stripes", period=10.0)
    low, high = np.zeros((2, render.ATTRIBUTES), np.float32)
    high[2] = 5
    render.paint(layers, low, 0.1, first)
    render.paint(layers, high, 0.1, second)
    assert np.abs(first - second).max() == 1
    render.paint(layers, low, 50.0, first)
    render.paint(layers, high, 50.0, second)
    np.testing.assert_array_equal(first, second)


def test_the_lit_side_is_brighter_and_the_floor_has_a_shadow():
    camera, place = camera_of(np.zeros(4)), quiet_place()
    place.light["direction"] = np.array([0.8, 0, 0.6])  # from the right of the image
    picture = draw(camera, place)
    person = picture.coverage == 1
    columns = np.nonzero(person)[1]
    grey = picture.image.mean(-1)
    right, left = person & (np.arange(SIDE) > columns.mean()), person & (np.arange(SIDE) < columns.mean())
    assert grey[right].mean() > grey[left].mean() + 10
    place.light["shadow"] = 0
    unshadowed = draw(camera, place).image.astype(int)
    darker = (unshadowed.mean(-1) - grey > 15) & (picture.coverage == 0)
    assert darker.sum() > 30
    assert np.nonzero(darker)[1].mean() < columns.mean()  # away from the light


def test_same_input_gives_the_same_bytes():
    camera = camera_of(DISTORTED)
    first, second = (draw(camera, quiet_place()) for _ in range(2))
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.coverage, second.coverage)


def test_background_rays_match_the_camera():
    for distortion, tolerance in (
        (np.zeros(4), 1e-6),
        (DISTORTED, 2e-3),
    ):  # interpolated between 17 x 17 rays
        camera = camera_of(distortion)
        grid = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), -1)
        expected = camera.image_to_camera(grid) @ camera.rotation
        np.testing.assert_allclose(scene.pixel_rays(camera, SIDE), expected, rtol=0, atol=tolerance)


def rasterise(pixels, inverse_depth, faces, side):
    face_ids, nearest = np.full((side, side), -1, np.int32), np.zeros((side, side), np.float32)
    faces = np.asarray(faces, np.int32)
    inverse_depth = np.asarray(inverse_depth, np.float32)
    render.rasterise(pixels, inverse_depth, faces, 0, len(faces), face_ids, nearest)
    return face_ids, nearest


def posed_body() -> np.ndarray:
    body = load_body()
    rotations = np.tile(np.eye(3), (1, len(body.bones), 1, 1))
    vertices, _ = body.pose(body.shape(), rotations, np.zeros((1, 3)))
    return vertices[0] - np.float32([0, 0, vertices[0, :, 2].min()])


def camera_of(distortion) -> Camera:
    """Sees the whole body, from the front and a little above."""
    level = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    intrinsics = np.array([[150.0, 0, (SIDE - 1) / 2], [0, 150.0, (SIDE - 1) / 2], [0, 0, 1]])
    camera = Camera(intrinsics, level, [0, -4000, 1500])
    turned = camera.turned_to(camera.world_to_image([0, 0, 850]))
    return Camera(intrinsics, turned.rotation, turned.position, distortion)


def quiet_place() -> surroundings.Place:
    style = surroundings.PlaceStyle(outdoor=0, plain=1, furniture=(0, 0), occluder=0)
    return surroundings.random_place(np.random.default_rng(0), style, (0, -4000, 1500), (0, 0), 1700)


def draw(camera, place) -> scene.Picture:
    person = scene.Person(
        posed_body(), look.random_look(np.random.default_rng(1), look.LookStyle(), scene.body_fields())
    )
    everything = np.array([-np.inf, -np.inf, np.inf, np.inf])
    return scene.draw(np.random.default_rng(2), [person], camera, place, SIDE, everything)
