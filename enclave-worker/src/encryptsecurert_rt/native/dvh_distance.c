/* Signed distance of points in a plane to a region bounded by straight edges.
 *
 * Edges are x0, y0, x1, y1 (mm). A point is inside where a ray from it crosses an odd number of edges
 * (even-odd rule), so neither the order of the edges nor the way round a ring matters; inside is
 * negative. The distance is exact: that to the nearest edge.
 *
 * Nodes of a rectilinear grid are taken in square blocks. From the distance c of a block's centre to
 * the boundary follows that its nodes, at most r from the centre, have their nearest edge among those
 * within |c| + 2 r of the centre: a few of many. Four points are done at a time (`lanes`), each with the
 * same operations in the same order as it would be alone.
 */
#include <math.h>
#include <stdlib.h>

#include "dvh_lanes.h"
#include "kernels.h"

#define SIDE 8 /* nodes along an edge of a block, as in distance.py: two lanes */
#define ROUNDING 1e-9
#define MAX_COUNT ((int64_t)1 << 31)

typedef struct {
    double x, y, dx, dy, inverse; /* start, extent, 1 / length^2 */
    double end; /* y of the end as given: y + dy may round to another, and an edge be missed */
} edge_t;

typedef struct {
    int64_t count;
    edge_t *edges;
    int64_t *near, *level; /* edges that may be nearest, and those at the heights of a block */
} region_t;

static edge_t edge_of(const double *ends) {
    edge_t edge = {ends[0], ends[1], ends[2] - ends[0], ends[3] - ends[1], 0.0, ends[3]};
    double length2 = edge.dx * edge.dx + edge.dy * edge.dy;
    edge.inverse = length2 > 0.0 ? 1.0 / length2 : 0.0;
    return edge;
}

static int region_new(region_t *region, const double *ends, int64_t count) {
    region->count = count;
    region->edges = malloc((size_t)count * sizeof(edge_t));
    region->near = malloc((size_t)count * sizeof(int64_t));
    region->level = malloc((size_t)count * sizeof(int64_t));
    if (!region->edges || !region->near || !region->level) return 0;
    for (int64_t e = 0; e < count; e++) region->edges[e] = edge_of(ends + 4 * e);
    return 1;
}

static void region_free(region_t *region) {
    free(region->edges);
    free(region->near);
    free(region->level);
}

static inline double distance2(const edge_t *edge, double x, double y) {
    double wx = x - edge->x, wy = y - edge->y;
    double t = (wx * edge->dx + wy * edge->dy) * edge->inverse;
    t = t < 0.0 ? 0.0 : t;
    t = t > 1.0 ? 1.0 : t;
    double ex = wx - t * edge->dx, ey = wy - t * edge->dy;
    return ex * ex + ey * ey;
}

/* Where an edge crosses the height y; half open, so that a vertex is crossed once or not at all. */
static inline int crosses(const edge_t *edge, double y, double *x) {
    if ((edge->y <= y) == (edge->end <= y)) return 0;
    *x = edge->x + (y - edge->y) * (edge->dx / edge->dy);
    return 1;
}

/* Squared distances of points at (x, y) to an edge, if less than `best`. */
ESRT_INLINE lanes nearest(lanes best, const edge_t *edge, lanes x, lanes y) {
    const lanes wx = x - edge->x, wy = y - edge->y;
    lanes t = (wx * edge->dx + wy * edge->dy) * edge->inverse;
    t = lanes_select(t < 0.0, lanes_of(0.0), t);
    t = lanes_select(t > 1.0, lanes_of(1.0), t);
    const lanes ex = wx - t * edge->dx, ey = wy - t * edge->dy;
    const lanes distance2 = ex * ex + ey * ey;
    return lanes_select(distance2 < best, distance2, best);
}

/* The square roots, negative where `inside` is set. */
ESRT_INLINE lanes signed_root(lanes best, lane_mask inside) {
    const lanes root = lanes_sqrt(best);
    return lanes_select(inside, -root, root);
}

/* Four points anywhere. */
ESRT_INLINE lanes signed_distance(const region_t *region, lanes x, lanes y) {
    lanes best = lanes_of(INFINITY);
    lane_mask inside = {0, 0, 0, 0};
    for (int64_t e = 0; e < region->count; e++) {
        const edge_t *edge = &region->edges[e];
        best = nearest(best, edge, x, y);
        const lane_mask across = (edge->y <= y) ^ (edge->end <= y);
        if (!lanes_any(across)) continue;
        const lanes at = edge->x + (y - edge->y) * (edge->dx / edge->dy);
        inside ^= across & (x < at);
    }
    return signed_root(best, inside);
}

/* One row of a block: `count` nodes at height y. */
ESRT_INLINE void row(const region_t *region, int64_t near, int64_t level, const double *u,
                     int64_t count, double y, double *out) {
    lanes x[SIDE / LANES], best[SIDE / LANES];
    lane_mask inside[SIDE / LANES];
    double at;
    for (int l = 0; l < SIDE / LANES; l++) {
        x[l] = lanes_of(u[count - 1]);
        for (int i = 0; i < LANES && LANES * l + i < count; i++) x[l][i] = u[LANES * l + i];
        best[l] = lanes_of(INFINITY);
        inside[l] = (lane_mask){0, 0, 0, 0};
    }
    for (int64_t n = 0; n < near; n++)
        for (int l = 0; l < SIDE / LANES; l++)
            best[l] = nearest(best[l], &region->edges[region->near[n]], x[l], lanes_of(y));
    for (int64_t n = 0; n < level; n++) {
        if (!crosses(&region->edges[region->level[n]], y, &at)) continue;
        for (int l = 0; l < SIDE / LANES; l++) inside[l] ^= x[l] < at;
    }
    for (int l = 0; l < SIDE / LANES; l++) best[l] = signed_root(best[l], inside[l]);
    for (int64_t i = 0; i < count; i++) out[i] = best[i / LANES][i % LANES];
}

/* Gather the edges that matter to a block: nearest ones within `reach` of its centre, and those that
 * some row crosses to the right of the block's left side. */
static void gather(const region_t *region, const double *centre, double reach, const double *box,
                   int64_t *near, int64_t *level) {
    *near = *level = 0;
    double reach2 = reach * reach;
    for (int64_t e = 0; e < region->count; e++) {
        const edge_t *edge = &region->edges[e];
        if (distance2(edge, centre[0], centre[1]) <= reach2) region->near[(*near)++] = e;
        double end = edge->end, right = edge->x + (edge->dx > 0.0 ? edge->dx : 0.0);
        double low = edge->y < end ? edge->y : end, high = edge->y < end ? end : edge->y;
        if (low <= box[3] && high >= box[2] && right >= box[0]) region->level[(*level)++] = e;
    }
}

/* Distances of `points` (x, y pairs). */
ESRT_EXPORT ESRT_CLONES int32_t esrt_polygon_points(int64_t count, const double *ends, int64_t points,
                                                    const double *xy, double *out) {
    if (count < 1 || count > MAX_COUNT || points < 0 || points > MAX_COUNT) return ESRT_BAD_ARGUMENT;
    region_t region;
    int32_t code = ESRT_NO_MEMORY;
    if (region_new(&region, ends, count)) {
        for (int64_t p = 0; p < points; p += LANES) {
            const int64_t count = points - p < LANES ? points - p : LANES;
            lanes x, y;
            for (int64_t l = 0; l < LANES; l++) {
                const double *point = xy + 2 * (p + (l < count ? l : 0));
                x[l] = point[0], y[l] = point[1];
            }
            const lanes distance = signed_distance(&region, x, y);
            for (int64_t l = 0; l < count; l++) out[p + l] = distance[l];
        }
        code = ESRT_OK;
    }
    region_free(&region);
    return code;
}

/* Distances at the nodes (v[j], u[i]) of a grid, out[j * nu + i], both axes rising.
 *
 * coarse: distance at the centre of each block of SIDE x SIDE nodes (the middle of its first and last
 * node), blocks along u fastest. exact: 0 where the coarse distance is good enough for a whole block.
 */
ESRT_EXPORT ESRT_CLONES int32_t esrt_polygon_nodes(int64_t count, const double *ends, int64_t nu,
                                                   const double *u, int64_t nv, const double *v,
                                                   const double *coarse, const uint8_t *exact,
                                                   double *out) {
    if (count < 1 || count > MAX_COUNT || nu < 1 || nv < 1) return ESRT_BAD_ARGUMENT;
    if (nu > MAX_COUNT / nv) return ESRT_BAD_ARGUMENT;
    region_t region;
    if (!region_new(&region, ends, count)) {
        region_free(&region);
        return ESRT_NO_MEMORY;
    }
    int64_t block = 0;
    for (int64_t j0 = 0; j0 < nv; j0 += SIDE) {
        int64_t j1 = j0 + SIDE < nv ? j0 + SIDE : nv;
        for (int64_t i0 = 0; i0 < nu; i0 += SIDE, block++) {
            int64_t i1 = i0 + SIDE < nu ? i0 + SIDE : nu, near, level;
            if (!exact[block]) {
                for (int64_t j = j0; j < j1; j++)
                    for (int64_t i = i0; i < i1; i++) out[j * nu + i] = coarse[block];
                continue;
            }
            double box[4] = {u[i0], u[i1 - 1], v[j0], v[j1 - 1]};
            double centre[2] = {0.5 * (box[0] + box[1]), 0.5 * (box[2] + box[3])};
            double across = hypot(box[1] - box[0], box[3] - box[2]); /* 2 r */
            gather(&region, centre, fabs(coarse[block]) + across + ROUNDING, box, &near, &level);
            for (int64_t j = j0; j < j1; j++)
                row(&region, near, level, u + i0, i1 - i0, v[j], out + j * nu + i0);
        }
    }
    region_free(&region);
    return ESRT_OK;
}
