"""Points at exactly the height of a vertex: an edge's end must be the next edge's start."""

import numpy as np

from encryptsecurert_rt.dvh.distance import grid_distances, polygon_points

# As an outline of voxels of 0.9 mm has it: -2.25 + (-0.45 - -2.25) is not -0.45 in binary.
RING = np.array(
    [[91.35, -2.7], [91.8, -2.25], [91.8, -0.45], [91.35, 0.0], [90.9, -0.45], [90.9, -2.25]]
)
EDGES = np.hstack((RING, np.roll(RING, -1, axis=0)))


def test_a_point_beside_a_ring_is_outside_at_the_height_of_each_vertex() -> None:
    heights = np.repeat(RING[:, 1], 2)
    points = np.column_stack((np.tile([73.8, 99.0], len(RING)), heights))

    assert (polygon_points(EDGES, points) > 0.0).all()


def test_nodes_of_a_grid_at_the_heights_of_vertices_are_outside_too() -> None:
    across, heights = np.array([73.8, 80.1, 90.0]), np.unique(RING[:, 1])

    assert (grid_distances(EDGES, across, heights) > 0.0).all()


def test_random_rings_on_a_coarse_lattice_are_as_numpy_says() -> None:
    random = np.random.default_rng(91)
    for _ in range(200):
        ring = random.integers(-9, 9, (random.integers(3, 9), 2)) * 0.45 + 0.1
        points = random.integers(-10, 10, (20, 2)) * 0.45 + 0.1
        edges = np.hstack((ring, np.roll(ring, -1, axis=0)))

        levels = polygon_points(np.ascontiguousarray(edges), np.ascontiguousarray(points))

        inside = np.zeros(len(points), bool)
        for x0, y0, x1, y1 in edges:
            across = (y0 <= points[:, 1]) != (y1 <= points[:, 1])
            with np.errstate(divide="ignore", invalid="ignore"):
                at = x0 + (points[:, 1] - y0) * ((x1 - x0) / (y1 - y0))
            inside ^= across & (points[:, 0] < at)
        off_the_edges = np.abs(levels) > 1e-9
        assert ((levels < 0.0) == inside)[off_the_edges].all()
