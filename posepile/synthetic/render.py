"""A small software renderer: triangles to face numbers, face numbers to shaded pixels, compiled by numba.

It was chosen over ray casting with `embreex` because it measures faster (benchmarks/synthesize.py): a body
has 25,000 triangles of about one pixel and is posed anew for every image, so a ray caster spends its time
building a search tree that is used once.

Everything is one thread, without fast-math: the same input gives the same bytes. The compiled code is cached
beside this file (or under NUMBA_CACHE_DIR), so only the first run on a machine waits for the compiler.

The compiled functions stay in one file, long as it is: numba's cache notices when a function's own file
changes, not when a function that it calls in another file does.

Three passes: `rasterise` (which face is nearest at each sample), `shade` (colour of each sample: painted
layers, a directional light with a shadow map, sky and ground light), `resolve` (samples to pixels over a
backdrop).
"""

import numpy as np
from numba import njit

ATTRIBUTES = 7
"""Numbers that each vertex carries into the pixels: its rest position (3) and four body fields (see
look.py)."""

MAX_LAYERS = 10

LAYER = np.dtype(
    [
        ("low", "f4", ATTRIBUTES),  # the layer covers where low <= attributes <= high
        ("high", "f4", ATTRIBUTES),
        ("colour", "f4", (2, 3)),  # linear light, 0..1
        ("pattern", "i4"),  # see PATTERNS
        ("period", "f4"),  # mm of the rest pose
        ("direction", "f4", 3),
        ("gloss", "f4"),
    ]
)
PATTERNS = ("plain", "stripes", "checks", "dots", "blotches")

LIGHT = np.dtype(
    [
        ("direction", "f4", 3),  # towards the light, world
        ("sun", "f4", 3),
        ("sky", "f4", 3),
        ("ground", "f4", 3),
        ("shadow", "f4"),  # how much of the sun a shadow takes away
    ]
)


@njit(cache=True, nogil=True)
def rasterise(pixels, inverse_depth, faces, first, last, face_ids, nearest):
    """Draws triangles into a buffer of face numbers; the nearest one wins.

    Args:
        pixels: [V, 2] float32, px of the buffer, sample centres at integers.
        inverse_depth: [V] float32, 1/mm; a face with a value <= 0 (behind the camera, outside the lens) is
        left out. faces: [F, 3] int32, counter-clockwise seen from outside; faces seen from behind are left
        out. first, last: which faces to draw: first <= number < last.
        face_ids: [H, W] int32, -1 where nothing is; changed: the face's number where it is nearest.
        nearest: [H, W] float32, changed: the largest inverse depth so far.
    """
    height, width = face_ids.shape
    for f in range(first, last):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ia, ib, ic = inverse_depth[a], inverse_depth[b], inverse_depth[c]
        if ia <= 0.0 or ib <= 0.0 or ic <= 0.0:
            continue
        ax, ay = np.float64(pixels[a, 0]), np.float64(pixels[a, 1])
        bx, by = np.float64(pixels[b, 0]), np.float64(pixels[b, 1])
        cx, cy = np.float64(pixels[c, 0]), np.float64(pixels[c, 1])
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area >= -1e-9:  # y points down: faces towards the camera are clockwise in the buffer
            continue
        first_x, last_x = max(np.ceil(min(ax, bx, cx)), 0.0), min(np.floor(max(ax, bx, cx)), width - 1.0)
        first_y, last_y = max(np.ceil(min(ay, by, cy)), 0.0), min(np.floor(max(ay, by, cy)), height - 1.0)
        if first_x > last_x or first_y > last_y:
            continue
        scale = 1.0 / area
        step_b, step_c = (cy - ay) * scale, (ay - by) * scale
        for y in range(int(first_y), int(last_y) + 1):
            weight_b = ((first_x - ax) * (cy - ay) - (y - ay) * (cx - ax)) * scale
            weight_c = ((bx - ax) * (y - ay) - (by - ay) * (first_x - ax)) * scale
            for x in range(int(first_x), int(last_x) + 1):
                weight_a = 1.0 - weight_b - weight_c
                # Samples exactly on an edge belong to both faces, so that a closed surface has no holes.
                if weight_a >= -1e-9 and weight_b >= -1e-9 and weight_c >= -1e-9:
                    value = np.float32(weight_a * ia + weight_b * ib + weight_c * ic)
                    if value > nearest[y, x]:
                        nearest[y, x] = value
                        face_ids[y, x] = f
                weight_b += step_b
                weight_c += step_c


@njit(cache=True, nogil=True)
def bounds(points):
    """The lowest and highest coordinates of points [n, 3], as [2, 3] of the same type."""
    result = np.empty((2, 3), points.dtype)
    result[:] = points[0]
    for i in range(1, points.shape[0]):
        for k in range(3):
            result[0, k] = min(result[0, k], points[i, k])
            result[1, k] = max(result[1, k], points[i, k])
    return result


@njit(cache=True, nogil=True)
def extent(vertices, rotation, position):
    """Bounds on the image plane, [4] float64: the lowest and highest x/z and y/z, as (low x, low y, high x,
    high y).

    Args:
        vertices: [V, 3] float32 mm; rotation: [3, 3] and position: [3] float64, of the camera. Vertices that
        are not in front of the camera are left out.
    """
    bounds = np.array([np.inf, np.inf, -np.inf, -np.inf])
    for i in range(vertices.shape[0]):
        dx, dy, dz = vertices[i, 0] - position[0], vertices[i, 1] - position[1], vertices[i, 2] - position[2]
        depth = rotation[2, 0] * dx + rotation[2, 1] * dy + rotation[2, 2] * dz
        if depth <= 0:
            continue
        for k in range(2):
            value = (rotation[k, 0] * dx + rotation[k, 1] * dy + rotation[k, 2] * dz) / depth
            bounds[k], bounds[2 + k] = min(bounds[k], value), max(bounds[2 + k], value)
    return bounds


@njit(cache=True, nogil=True)
def corners(pixels, frame):
    """[4] low x, low y, high x, high y of those pixels [V, 2] that lie in `frame` (likewise); zeros if none
    does."""
    result = np.array([np.inf, np.inf, -np.inf, -np.inf])
    for i in range(pixels.shape[0]):
        x, y = pixels[i, 0], pixels[i, 1]
        if frame[0] <= x <= frame[2] and frame[1] <= y <= frame[3]:  # never for NaN
            result[0], result[1] = min(result[0], x), min(result[1], y)
            result[2], result[3] = max(result[2], x), max(result[3], y)
    return result if result[0] <= result[2] else np.zeros(4)


@njit(cache=True, nogil=True)
def vertex_normals(vertices, faces):
    """Unit normals [V, 3] float32: the mean of a vertex's face normals, weighted by face area."""
    normals = np.zeros(vertices.shape, np.float32)
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, vx = vertices[b, 0] - vertices[a, 0], vertices[c, 0] - vertices[a, 0]
        uy, vy = vertices[b, 1] - vertices[a, 1], vertices[c, 1] - vertices[a, 1]
        uz, vz = vertices[b, 2] - vertices[a, 2], vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for v in (a, b, c):
            normals[v, 0] += nx
            normals[v, 1] += ny
            normals[v, 2] += nz
    for v in range(normals.shape[0]):
        x, y, z = normals[v, 0], normals[v, 1], normals[v, 2]
        length = np.sqrt(x * x + y * y + z * z)
        if length > 0:
            for k in range(3):
                normals[v, k] /= length
    return normals


@njit(cache=True, nogil=True)
def shade(
    face_ids,
    pixels,
    inverse_depth,
    faces,
    face_object,
    world,
    normals,
    attributes,
    layers,
    light,
    light_frame,
    shadow_map,
    eye,
):
    """Colours of the samples that a face covers.

    Args:
        face_ids: [H, W] int32 from `rasterise`; pixels, inverse_depth, faces: as there.
        face_object: [F] uint8, the row of `layers` that paints the face.
        world: [V, 3] float32 mm; normals: [V, 3] float32; attributes: [V, ATTRIBUTES] float32.
        layers: [objects, MAX_LAYERS] LAYER; the last layer that covers a point paints it.
        light: [1] LIGHT. light_frame: [3, 4] float32, world to shadow map column, row, closeness to the
        light. shadow_map: [S, S] float32, the largest closeness.
        eye: [3] float32, the camera's centre in the world.

    Returns:
        [H, W, 3] float32 linear light; zeros where no face is.
    """
    height, width = face_ids.shape
    colours = np.zeros((height, width, 3), np.float32)
    point = np.zeros(ATTRIBUTES, np.float32)
    albedo = np.zeros(3, np.float32)
    for y in range(height):
        for x in range(width):
            f = face_ids[y, x]
            if f < 0:
                continue
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            wa, wb, wc = _weights(pixels, inverse_depth, a, b, c, x, y)
            for k in range(ATTRIBUTES):
                point[k] = wa * attributes[a, k] + wb * attributes[b, k] + wc * attributes[c, k]
            gloss = paint(layers[face_object[f]], point, np.float32(1), albedo)
            wx = wa * world[a, 0] + wb * world[b, 0] + wc * world[c, 0]
            wy = wa * world[a, 1] + wb * world[b, 1] + wc * world[c, 1]
            wz = wa * world[a, 2] + wb * world[b, 2] + wc * world[c, 2]
            nx = wa * normals[a, 0] + wb * normals[b, 0] + wc * normals[c, 0]
            ny = wa * normals[a, 1] + wb * normals[b, 1] + wc * normals[c, 1]
            nz = wa * normals[a, 2] + wb * normals[b, 2] + wc * normals[c, 2]
            scale = 1 / np.sqrt(nx * nx + ny * ny + nz * nz + np.float32(1e-12))
            sun, up, glint = _light_terms(
                light[0], light_frame, shadow_map, eye, wx, wy, wz, nx * scale, ny * scale, nz * scale, True
            )
            for k in range(3):
                ambient = light[0].ground[k] * (1 - up) + light[0].sky[k] * up
                colours[y, x, k] = albedo[k] * (ambient + sun * light[0].sun[k]) + (
                    gloss * glint * light[0].sun[k]
                )
    return colours


@njit(cache=True, nogil=True)
def backdrop(directions, eye, room, surfaces, light, light_frame, shadow_map, noise, sky, face_ids):
    """Colours of the floor, the walls and the sky that the pixels' rays hit.

    Args:
        directions: [H, W, 3] float32, the pixels' rays in the world (any length).
        eye: [3] float32. room: [5] float32, x and y of the walls (low, high, low, high), mm, and their
            height; a ray that passes above the walls sees the sky. The floor is z = 0.
        surfaces: [2, MAX_LAYERS] LAYER, floor and walls, painted in world coordinates.
        light, light_frame, shadow_map: as in `shade`.
        noise: [N, N] float32 in -1..1, periodic, N a power of two. sky: [2, 3] float32, colours at the
        horizon and overhead. face_ids: [n H, n W] int32 from `rasterise`; pixels all of whose samples are
        taken stay black.
    """
    height, width = directions.shape[:2]
    factor = face_ids.shape[0] // height
    colours = np.zeros((height, width, 3), np.float32)
    point = np.zeros(ATTRIBUTES, np.float32)
    albedo = np.zeros(3, np.float32)
    pixel_angle = _pixel_angle(directions)
    for y in range(height):
        for x in range(width):
            covered = True
            for row in range(y * factor, (y + 1) * factor):
                for column in range(x * factor, (x + 1) * factor):
                    covered = covered and face_ids[row, column] >= 0
            if covered:
                continue
            dx, dy, dz = directions[y, x, 0], directions[y, x, 1], directions[y, x, 2]
            distance, surface, nx, ny, nz = _hit_room(eye, dx, dy, dz, room)
            if surface < 0:
                slope = max(dz, np.float32(0)) / np.sqrt(dx * dx + dy * dy + dz * dz)
                cloud = _lookup(
                    noise, dx / (abs(dz) + np.float32(0.15)) * 20, dy / (abs(dz) + np.float32(0.15)) * 20
                )
                for k in range(3):
                    value = sky[0, k] * (1 - slope) + sky[1, k] * slope
                    colours[y, x, k] = value * (1 + np.float32(0.25) * cloud)
                continue
            wx, wy, wz = eye[0] + distance * dx, eye[1] + distance * dy, eye[2] + distance * dz
            point[0], point[1], point[2] = wx, wy, wz
            footprint = distance * pixel_angle / max(abs(nx * dx + ny * dy + nz * dz), np.float32(0.05))
            paint(surfaces[surface], point, footprint, albedo)
            across = wx if ny != 0 or nz != 0 else wy
            along = wy if nz != 0 else wz
            rough = (
                1
                + np.float32(0.22) * _lookup(noise, across / 9, along / 9)
                + np.float32(0.3) * _lookup(noise, across / 53, along / 53)
            )
            sun, up, _ = _light_terms(light[0], light_frame, shadow_map, eye, wx, wy, wz, nx, ny, nz, nz != 0)
            for k in range(3):
                ambient = light[0].ground[k] * (1 - up) + light[0].sky[k] * up
                colours[y, x, k] = albedo[k] * rough * (ambient + sun * light[0].sun[k])
    return colours


@njit(cache=True, nogil=True)
def resolve(colours, face_ids, face_object, background, person):
    """Averages samples to pixels over the background.

    Returns:
        image [h, w, 3] float32 linear light; coverage [h, w] float32, the share of the pixel's samples that
        show object `person`; mean brightness of the image and of the person, float64.
    """
    height, width = background.shape[:2]
    factor = face_ids.shape[0] // height
    share = np.float32(1) / (factor * factor)
    image = np.zeros((height, width, 3), np.float32)
    coverage = np.zeros((height, width), np.float32)
    total, of_person, amount = 0.0, 0.0, 1e-6
    for y in range(height):
        for x in range(width):
            empty = np.float32(0)
            for row in range(y * factor, (y + 1) * factor):
                for column in range(x * factor, (x + 1) * factor):
                    f = face_ids[row, column]
                    if f < 0:
                        empty += share
                        continue
                    if face_object[f] == person:
                        coverage[y, x] += share
                    for k in range(3):
                        image[y, x, k] += share * min(colours[row, column, k], np.float32(1.2))
            for k in range(3):
                image[y, x, k] += empty * background[y, x, k]
            brightness = np.float64(image[y, x, 0] + image[y, x, 1] + image[y, x, 2]) / 3
            total += brightness
            of_person += brightness * coverage[y, x]
            amount += coverage[y, x]
    return image, coverage, total / (height * width), of_person / amount


@njit(cache=True, nogil=True)
def develop(image, curve, noise, offset_y, offset_x, strength):
    """Linear light to 8 bits: a tone curve, then sensor noise.

    Args:
        image: [h, w, 3] float32. curve: [n] float32 in 0..255, the values of 0..1 in equal steps.
        noise: [N, N, 3] float32, unit normal, tiled from the offsets on; strength: of 255.
    """
    height, width = image.shape[:2]
    size, last = noise.shape[0], len(curve) - 1
    result = np.empty((height, width, 3), np.uint8)
    for y in range(height):
        for x in range(width):
            for k in range(3):
                value = min(max(image[y, x, k], np.float32(0)), np.float32(1))
                level = (
                    curve[int(value * last)]
                    + strength * noise[(y + offset_y) % size, (x + offset_x) % size, k]
                )
                result[y, x, k] = np.uint8(min(max(level + np.float32(0.5), np.float32(0)), np.float32(255)))
    return result


@njit(cache=True, nogil=True)
def paint(layers, point, footprint, albedo):
    """Writes the colour of the last layer that covers `point`; a pattern finer than `footprint` (mm) fades.
    Returns gloss."""
    for i in range(layers.shape[0] - 1, -1, -1):
        if not _covers(layers[i], point):
            continue
        layer = layers[i]
        mix = np.float32(0)
        if layer.pattern != 0:
            fade = min(max((layer.period / footprint - 2) / 4, np.float32(0)), np.float32(1))
            mix = np.float32(0.35) * (1 - fade) + fade * _pattern(layer, point)
        for k in range(3):
            albedo[k] = layer.colour[0, k] * (1 - mix) + layer.colour[1, k] * mix
        return layer.gloss
    return np.float32(0)


@njit(cache=True, nogil=True, inline="always")
def _covers(layer, point):
    low, high = layer.low, layer.high
    inside = True
    for k in range(ATTRIBUTES):
        inside = inside & (low[k] <= point[k]) & (point[k] <= high[k])
    return inside


@njit(cache=True, nogil=True, inline="always")
def _pattern(layer, point):
    d = layer.direction
    along = (point[0] * d[0] + point[1] * d[1] + point[2] * d[2]) / layer.period
    across = (point[0] * d[2] + point[1] * d[0] - point[2] * (d[0] + d[1])) / layer.period
    stripe = np.float32(along - np.floor(along) < 0.5)
    if layer.pattern == 1:
        return stripe
    other = np.float32(across - np.floor(across) < 0.5)
    if layer.pattern == 2:
        return abs(stripe - other)
    if layer.pattern == 3:
        u, v = along - np.floor(along) - np.float32(0.5), across - np.floor(across) - np.float32(0.5)
        return np.float32(u * u + v * v < 0.08)
    x, y, z = point[0] / layer.period, point[1] / layer.period, point[2] / layer.period
    waves = (
        np.sin(6 * x + 3 * np.sin(4 * z))
        + np.sin(7 * z + 2 * np.sin(5 * y))
        + np.sin(5 * y + 3 * np.sin(6 * x))
    )
    return np.float32(waves > 0.4)


@njit(cache=True, nogil=True, inline="always")
def _weights(pixels, inverse_depth, a, b, c, x, y):
    """Perspective-correct barycentric weights of a sample."""
    ax, ay = pixels[a, 0], pixels[a, 1]
    ux, uy, vx, vy = pixels[b, 0] - ax, pixels[b, 1] - ay, pixels[c, 0] - ax, pixels[c, 1] - ay
    scale = 1 / (ux * vy - uy * vx)
    weight_b = ((x - ax) * vy - (y - ay) * vx) * scale
    weight_c = (ux * (y - ay) - uy * (x - ax)) * scale
    wa, wb, wc = (
        (1 - weight_b - weight_c) * inverse_depth[a],
        weight_b * inverse_depth[b],
        weight_c * inverse_depth[c],
    )
    total = wa + wb + wc
    return np.float32(wa / total), np.float32(wb / total), np.float32(wc / total)


@njit(cache=True, nogil=True, inline="always")
def _light_terms(light, light_frame, shadow_map, eye, wx, wy, wz, nx, ny, nz, shadowed):
    """Direct light, share of the sky, and the mirror glint of a surface point."""
    d = light.direction
    facing = nx * d[0] + ny * d[1] + nz * d[2]
    up = np.float32(0.5) + np.float32(0.5) * nz
    if facing <= 0:
        return np.float32(0), up, np.float32(0)
    sun = facing
    if shadowed:
        sun *= 1 - light.shadow * _shadow(light_frame, shadow_map, wx, wy, wz)
    vx, vy, vz = eye[0] - wx, eye[1] - wy, eye[2] - wz
    length = np.sqrt(vx * vx + vy * vy + vz * vz)
    hx, hy, hz = vx / length + d[0], vy / length + d[1], vz / length + d[2]
    mirror = max(nx * hx + ny * hy + nz * hz, np.float32(0)) / np.sqrt(
        hx * hx + hy * hy + hz * hz + np.float32(1e-9)
    )
    mirror *= mirror
    mirror *= mirror
    mirror *= mirror
    return sun, up, mirror * mirror * sun


@njit(cache=True, nogil=True, inline="always")
def _shadow(frame, shadow_map, wx, wy, wz):
    """Share of a point's 3 x 3 neighbourhood in the shadow map that lies nearer to the light."""
    column = frame[0, 0] * wx + frame[0, 1] * wy + frame[0, 2] * wz + frame[0, 3]
    row = frame[1, 0] * wx + frame[1, 1] * wy + frame[1, 2] * wz + frame[1, 3]
    closeness = frame[2, 0] * wx + frame[2, 1] * wy + frame[2, 2] * wz + frame[2, 3]
    size = shadow_map.shape[0]
    if not (1 <= column < size - 3 and 1 <= row < size - 3):
        return np.float32(0)
    x, y = int(column), int(row)
    u, v = column - x, row - y
    total = np.float32(0)
    for j in range(-1, 3):
        weight_y = 1 - v if j == -1 else (v if j == 2 else np.float32(1))
        for i in range(-1, 3):
            if shadow_map[y + j, x + i] > closeness:
                weight_x = 1 - u if i == -1 else (u if i == 2 else np.float32(1))
                total += weight_x * weight_y
    return total / np.float32(9)


@njit(cache=True, nogil=True, inline="always")
def _hit_room(eye, dx, dy, dz, room):
    """Distance (in lengths of the ray), surface (0 floor, 1 wall, -1 sky) and normal of what a ray from
    inside hits."""
    to_x = (room[1] - eye[0]) / dx if dx > 0 else ((room[0] - eye[0]) / dx if dx < 0 else np.float32(1e12))
    to_y = (room[3] - eye[1]) / dy if dy > 0 else ((room[2] - eye[1]) / dy if dy < 0 else np.float32(1e12))
    wall = min(to_x, to_y)
    zero, one = np.float32(0), np.float32(1)
    if dz < 0:
        floor = -eye[2] / dz
        if floor < wall:
            return floor, 0, zero, zero, one
    if eye[2] + wall * dz > room[4]:
        return zero, -1, zero, zero, one
    if to_x < to_y:
        return wall, 1, (-one if dx > 0 else one), zero, zero
    return wall, 1, zero, (-one if dy > 0 else one), zero


@njit(cache=True, nogil=True, inline="always")
def _lookup(noise, x, y):
    """Bilinear look-up in a periodic array, whose side is a power of two."""
    last = noise.shape[0] - 1
    floor_x, floor_y = np.floor(x), np.floor(y)
    u, v = np.float32(x - floor_x), np.float32(y - floor_y)
    i, j = int(floor_x) & last, int(floor_y) & last
    k, m = (i + 1) & last, (j + 1) & last
    top = noise[j, i] + (noise[j, k] - noise[j, i]) * u
    bottom = noise[m, i] + (noise[m, k] - noise[m, i]) * u
    return top + (bottom - top) * v


@njit(cache=True, nogil=True)
def _pixel_angle(directions):
    """Mean angle between neighbouring pixels, radians, for unit-length-independent footprints."""
    middle = directions.shape[0] // 2
    a, b = directions[middle, 0], directions[middle, directions.shape[1] - 1]
    total = np.float32(0)
    for k in range(3):
        total += (a[k] - b[k]) ** 2
    return np.sqrt(total) / (directions.shape[1] - 1)
