/* The search around four reference points at once: cells nearest first, each proven or improved.
 *
 * In a cell T is trilinear. For any point p of it and any number m, T^2 >= 2 m T - m^2, so
 * F(q) >= |q|^2 + 2 m T(q) - m^2. With m = T(p), d = q - p, r = p + m grad T(p) and the cross
 * derivatives of T in the cell bounded by h_ab,
 *   F(q) >= F(p) + 2 r.d + |d|^2 - 2 |m| (h_ij |d_i d_j| + h_ik |d_i d_k| + h_jk |d_j d_k|)
 *        >= F(p) + sum over axes of (2 r_a d_a + c d_a^2),   c = 1 - |m| max over a of sum_b h_ab.
 * Where c > 0 the least value is found axis by axis; p at the minimum proves the cell at once.
 */
#ifndef ESRT_GAMMA_SEARCH_H
#define ESRT_GAMMA_SEARCH_H

#include "gamma.h"
#include "gamma_lanes.h"

#define STEPS_A_CELL 6 /* of Gauss and Newton before a cell is split */

typedef struct {
  lanes position[3];  /* continuous evaluated index of the point */
  lanes base[3];      /* its floor */
  lanes dose_gy;      /* of the reference */
  lanes per_gy;       /* 1 / dose criterion */
  lanes slack;        /* what rounding may cost gamma */
  lane_mask active;
  lanes best;         /* F of the best point so far */
  lanes point[3];     /* that point, scaled, relative to the reference point */
  int64_t index[LANES];      /* of the base cell in the evaluated grid; may lie outside of it */
  int64_t boxes_left[LANES];
  int32_t unproven[LANES];
  int32_t in_a_row; /* each lane's index is the one before plus 1 */
} esrt_group;

typedef struct {
  lanes a[8];      /* as in esrt_cell */
  lanes lo[3], hi[3];
  lanes curvature; /* max over a of sum_b h_ab */
} esrt_group_cell;

/* F below which something must be found, or else the point is proven. */
ESRT_INLINE lanes esrt_threshold(const esrt_gamma_job *job, const esrt_group *g, int pass_fail) {
  const lanes zero = lanes_of(0.0);
  if (pass_fail) {
    const lane_mask open = g->active & (g->best > ESRT_PASS(g->slack));
    return lanes_select(open, ESRT_FAIL(g->slack), zero);
  }
  const lanes least = lanes_most(lanes_sqrt(g->best) - (job->eps - g->slack), zero);
  return lanes_select(g->active, least * least, zero);
}

/* Loads the eight corners of a cell in each lane; lanes that are not needed get any doses. */
ESRT_INLINE void esrt_corners(const esrt_gamma_job *job, const esrt_group *g, lane_mask need,
                              int64_t offset, const int64_t step[3], lanes w[8]) {
  const int64_t first = g->index[0] + offset, far = step[0] + step[1] + step[2] + LANES - 1;
  if (g->in_a_row && first >= 0 && first + far < job->evaluated_count) {
    const double *p = job->evaluated + first;
    for (int b = 0; b < 8; b++) {
      const int64_t s = (b & 1) * step[0] + (b >> 1 & 1) * step[1] + (b >> 2) * step[2];
      w[b] = (lanes_from(p + s) - g->dose_gy) * g->per_gy;
    }
    return;
  }
  const double *p[LANES];
  for (int l = 0; l < LANES; l++) p[l] = job->evaluated + (need[l] ? g->index[l] + offset : 0);
  for (int b = 0; b < 8; b++) {
    const int64_t s = (b & 1) * step[0] + (b >> 1 & 1) * step[1] + (b >> 2) * step[2];
    const lanes v = {p[0][s], p[1][s], p[2][s], p[3][s]};
    w[b] = (v - g->dose_gy) * g->per_gy;
  }
}

ESRT_INLINE void esrt_polynomial(const lanes w[8], const double inverse[3], esrt_group_cell *c) {
  const lanes a1 = w[1] - w[0], a2 = w[2] - w[0], a4 = w[4] - w[0];
  const lanes x2 = w[3] - w[2], x4 = w[5] - w[4], x6 = w[7] - w[6], y4 = w[6] - w[4];
  const lanes a3 = x2 - a1, a5 = x4 - a1, a6 = y4 - a2, a7 = (x6 - x4) - a3;
  /* A cross derivative is linear along the third axis: largest at one of its ends. */
  const lanes hij =
      lanes_most(lanes_absolute(a3), lanes_absolute(a3 + a7)) * (inverse[0] * inverse[1]);
  const lanes hik =
      lanes_most(lanes_absolute(a5), lanes_absolute(a5 + a7)) * (inverse[0] * inverse[2]);
  const lanes hjk =
      lanes_most(lanes_absolute(a6), lanes_absolute(a6 + a7)) * (inverse[1] * inverse[2]);
  c->a[0] = w[0], c->a[1] = a1, c->a[2] = a2, c->a[3] = a3;
  c->a[4] = a4, c->a[5] = a5, c->a[6] = a6, c->a[7] = a7;
  c->curvature = lanes_most(hij + hik, lanes_most(hij + hjk, hik + hjk));
}

/* Improves g->best inside the cell; returns the lanes whose cell stays unproven. */
ESRT_INLINE lane_mask esrt_descend(const esrt_gamma_job *job, esrt_group *g, lanes *threshold,
                                   const esrt_group_cell *c, const double inverse[3],
                                   lane_mask need, int pass_fail) {
  const lanes one = lanes_of(1.0), zero = lanes_of(0.0);
  const lanes *a = c->a;
  lanes q[3];
  for (int n = 0; n < 3; n++) q[n] = lanes_least(lanes_most(g->point[n], c->lo[n]), c->hi[n]);
  for (int step = 0; step < STEPS_A_CELL; step++) {
    const lanes x = (q[0] - c->lo[0]) * inverse[0];
    const lanes y = (q[1] - c->lo[1]) * inverse[1];
    const lanes z = (q[2] - c->lo[2]) * inverse[2];
    const lanes dx = a[1] + a[3] * y + (a[5] + a[7] * y) * z;
    const lanes yz = a[6] + a[7] * x;
    const lanes dy = a[2] + a[3] * x + yz * z;
    const lanes dz = a[4] + a[5] * x + yz * y;
    const lanes t = a[0] + a[2] * y + (a[4] + a[6] * y) * z + dx * x;
    const lanes slope[3] = {dx * inverse[0], dy * inverse[1], dz * inverse[2]};
    const lanes f = q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + t * t;

    const lane_mask better = need & (f < g->best);
    if (lanes_any(better)) {
      g->best = lanes_select(better, f, g->best);
      for (int n = 0; n < 3; n++) g->point[n] = lanes_select(better, q[n], g->point[n]);
      *threshold = esrt_threshold(job, g, pass_fail);
    }

    const lanes convex = one - lanes_absolute(t) * c->curvature;
    const lane_mask provable = convex > 0.0625;
    const lanes shrink = one / lanes_select(provable, convex, one);
    lanes bound = f, r[3], free_slope[3], free_r[3], dot = zero, norm = one;
    for (int n = 0; n < 3; n++) {
      const lanes back = c->lo[n] - q[n], ahead = c->hi[n] - q[n];
      r[n] = q[n] + t * slope[n];
      const lanes d = lanes_least(lanes_most(-r[n] * shrink, back), ahead);
      bound += d * (r[n] + r[n] + convex * d);
      const lane_mask held = ((back >= 0.0) & (r[n] > 0.0)) | ((ahead <= 0.0) & (r[n] < 0.0));
      free_r[n] = lanes_select(held, zero, r[n]);
      free_slope[n] = lanes_select(held, zero, slope[n]);
      dot += free_slope[n] * free_r[n];
      norm += free_slope[n] * free_slope[n];
    }
    need &= (*threshold > 0.0) & ~(provable & (bound >= *threshold));
    if (!lanes_any(need)) break;

    const lanes along = dot / norm;
    for (int n = 0; n < 3; n++) {
      const lanes d = free_slope[n] * along - free_r[n];
      q[n] = lanes_least(lanes_most(q[n] + d, c->lo[n]), c->hi[n]);
    }
  }
  return need;
}

/* Splits the cell in the lanes that descent could not prove. Compiled once: vectors by address. */
static void esrt_split_lanes(const esrt_gamma_job *job, esrt_group *g, const esrt_group_cell *c,
                             const double extent[3], const double inverse[3],
                             const lane_mask *need, int pass_fail) {
  for (int l = 0; l < LANES; l++) {
    if (!(*need)[l]) continue;
    esrt_cell cell = {.slack = g->slack[l], .eps = job->eps, .pass_fail = pass_fail,
                      .boxes_left = &g->boxes_left[l]};
    double best = g->best[l], q[3];
    for (int b = 0; b < 8; b++) cell.a[b] = c->a[b][l];
    for (int n = 0; n < 3; n++) {
      cell.lo[n] = c->lo[n][l], cell.extent[n] = extent[n], cell.inverse[n] = inverse[n];
      q[n] = g->point[n][l];
    }
    if (!esrt_gamma_split(&cell, &best, q)) g->unproven[l] = 1;
    g->best[l] = best;
    for (int n = 0; n < 3; n++) g->point[n][l] = q[n];
  }
}

ESRT_INLINE void esrt_search(const esrt_gamma_job *job, esrt_group *g, int pass_fail,
                             int64_t *counts) {
  const int64_t *shape = job->evaluated_shape; /* k, j, i */
  const int64_t stride[3] = {1, shape[2], shape[2] * shape[1]};
  double extent[3], inverse[3], scale[3], last[3];
  int64_t step[3];
  for (int n = 0; n < 3; n++) {
    const int64_t count = shape[2 - n];
    scale[n] = job->spacing_mm[n] / job->distance_mm;
    extent[n] = count > 1 ? scale[n] : 0.0;
    inverse[n] = count > 1 ? 1.0 / scale[n] : 0.0;
    step[n] = count > 1 ? stride[n] : 0;
    last[n] = count > 1 ? (double)(count - 2) : 0.0;
  }
  const lanes zero = lanes_of(0.0);
  lanes threshold = esrt_threshold(job, g, pass_fail);
  double highest = lanes_highest(threshold);
  for (int64_t o = 0; o < job->offset_count; o++) {
    const esrt_gamma_offset offset = job->offsets[o];
    if ((double)offset.least_squared >= highest) break;
    counts[ESRT_COUNT_OFFSETS]++;
    const double by[3] = {offset.i, offset.j, offset.k};
    esrt_group_cell c;
    lane_mask need = threshold > 0.0;
    lanes distance = zero;
    for (int n = 0; n < 3; n++) {
      const lanes corner = g->base[n] + by[n];
      need &= (corner >= 0.0) & (corner <= last[n]);
      c.lo[n] = (corner - g->position[n]) * scale[n];
      c.hi[n] = c.lo[n] + extent[n];
      const lanes d = lanes_most(lanes_most(c.lo[n], -c.hi[n]), zero);
      distance += d * d;
    }
    need &= distance < threshold;
    if (!lanes_any(need)) continue;
    counts[ESRT_COUNT_CELLS]++;
    lanes w[8];
    esrt_corners(job, g, need, offset.i + offset.j * stride[1] + offset.k * stride[2], step, w);
    lanes low = w[0], high = w[0];
    for (int b = 1; b < 8; b++) low = lanes_least(low, w[b]), high = lanes_most(high, w[b]);
    const lanes gap = lanes_most(lanes_most(low, -high), zero);
    need &= distance + gap * gap < threshold;
    if (!lanes_any(need)) continue;
    esrt_polynomial(w, inverse, &c);
    need = esrt_descend(job, g, &threshold, &c, inverse, need, pass_fail);
    if (lanes_any(need)) {
      esrt_split_lanes(job, g, &c, extent, inverse, &need, pass_fail);
      threshold = esrt_threshold(job, g, pass_fail);
    }
    highest = lanes_highest(threshold);
  }
}

#endif
