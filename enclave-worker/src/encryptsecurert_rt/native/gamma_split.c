/* Branch and bound inside one trilinear cell, for the few that descent cannot prove.
 *
 * Depth first, halving the longest scaled edge: one box waits at each depth, so the stack holds
 * MOST_DEPTH boxes and cannot overflow. What reaches that depth unproven is told, never dropped.
 */
#include <math.h>

#include "gamma.h"

#define STEPS_A_BOX 4
#define MOST_DEPTH 120 /* 40 halvings of each edge: beyond, float64 sees no difference */

typedef struct {
  double lo[3], hi[3]; /* scaled */
  int32_t depth;
} box_t;

typedef struct {
  double t, slope[3];
} value_t;

/* fmin and fmax without their care for NaN, which does not come here. */
static inline double least(double a, double b) { return a < b ? a : b; }
static inline double most(double a, double b) { return a > b ? a : b; }

static value_t value_at(const esrt_cell *c, const double q[3]) {
  const double x = (q[0] - c->lo[0]) * c->inverse[0];
  const double y = (q[1] - c->lo[1]) * c->inverse[1];
  const double z = (q[2] - c->lo[2]) * c->inverse[2];
  const double *a = c->a;
  const double dx = a[1] + a[3] * y + (a[5] + a[7] * y) * z;
  const double yz = a[6] + a[7] * x;
  return (value_t){
      .t = a[0] + a[2] * y + (a[4] + a[6] * y) * z + dx * x,
      .slope = {dx * c->inverse[0], (a[2] + a[3] * x + yz * z) * c->inverse[1],
                (a[4] + a[5] * x + yz * y) * c->inverse[2]},
  };
}

/* A trilinear function takes its extremes over a box at the corners. */
static double corner_bound(const esrt_cell *c, const box_t *b) {
  const double *a = c->a;
  double part[3][2], low = INFINITY, high = -INFINITY, squared = 0.0;
  for (int n = 0; n < 3; n++) {
    const double d = most(most(b->lo[n], -b->hi[n]), 0.0);
    squared += d * d;
    part[n][0] = (b->lo[n] - c->lo[n]) * c->inverse[n];
    part[n][1] = (b->hi[n] - c->lo[n]) * c->inverse[n];
  }
  for (int corner = 0; corner < 4; corner++) {
    const double x = part[0][corner & 1], y = part[1][corner >> 1];
    const double level = a[0] + a[2] * y + (a[1] + a[3] * y) * x;
    const double rise = a[4] + a[6] * y + (a[5] + a[7] * y) * x;
    const double near = level + rise * part[2][0], far = level + rise * part[2][1];
    low = least(low, least(near, far)), high = most(high, most(near, far));
  }
  const double gap = most(most(low, -high), 0.0);
  return squared + gap * gap;
}

/* h_ab over the box: the cross derivative is linear along the third axis. */
static void curvatures(const esrt_cell *c, const box_t *b, double sum[3]) {
  static const int pair[3][3] = {{0, 1, 2}, {0, 2, 1}, {1, 2, 0}};
  sum[0] = sum[1] = sum[2] = 0.0;
  for (int p = 0; p < 3; p++) {
    const int u = pair[p][0], v = pair[p][1], third = pair[p][2];
    const double constant = c->a[1 << u | 1 << v];
    const double from = constant + c->a[7] * ((b->lo[third] - c->lo[third]) * c->inverse[third]);
    const double to = constant + c->a[7] * ((b->hi[third] - c->lo[third]) * c->inverse[third]);
    const double h = most(fabs(from), fabs(to)) * c->inverse[u] * c->inverse[v];
    sum[u] += h, sum[v] += h;
  }
}

/* Least of 2 r d + k d^2 for d from back to ahead. */
static double least_along(double r, double k, double back, double ahead) {
  if (k <= 0.0) return least(back * (2.0 * r + k * back), ahead * (2.0 * r + k * ahead));
  const double d = least(most(-r / k, back), ahead);
  return d * (2.0 * r + k * d);
}

static double threshold_of(const esrt_cell *c, double best) {
  if (c->pass_fail) return best > ESRT_PASS(c->slack) ? ESRT_FAIL(c->slack) : 0.0;
  const double lower = sqrt(best) - (c->eps - c->slack);
  return lower > 0.0 ? lower * lower : 0.0;
}

/* Bounds F below over the box, and lowers best by what it sees on the way. */
static double descent_bound(const esrt_cell *c, const box_t *b, double *best, double point[3]) {
  double q[3], sum[3], bound = 0.0;
  curvatures(c, b, sum);
  for (int n = 0; n < 3; n++) q[n] = least(most(point[n], b->lo[n]), b->hi[n]);
  for (int step = 0; step < STEPS_A_BOX; step++) {
    const value_t v = value_at(c, q);
    const double f = q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + v.t * v.t;
    double here = f, dot = 0.0, norm = 1.0, r[3], slope[3];
    if (f < *best) {
      *best = f;
      for (int n = 0; n < 3; n++) point[n] = q[n];
    }
    for (int n = 0; n < 3; n++) {
      const double back = b->lo[n] - q[n], ahead = b->hi[n] - q[n];
      r[n] = q[n] + v.t * v.slope[n];
      here += least_along(r[n], 1.0 - fabs(v.t) * sum[n], back, ahead);
      const int held = (back >= 0.0 && r[n] > 0.0) || (ahead <= 0.0 && r[n] < 0.0);
      slope[n] = held ? 0.0 : v.slope[n];
      r[n] = held ? 0.0 : r[n];
      dot += slope[n] * r[n];
      norm += slope[n] * slope[n];
    }
    bound = most(bound, here);
    if (bound >= threshold_of(c, *best)) break;
    for (int n = 0; n < 3; n++) {
      q[n] = least(most(q[n] + slope[n] * dot / norm - r[n], b->lo[n]), b->hi[n]);
    }
  }
  return bound;
}

int esrt_gamma_split(const esrt_cell *cell, double *best, double point[3]) {
  box_t waiting[MOST_DEPTH + 1];
  int count = 1;
  for (int n = 0; n < 3; n++) {
    waiting[0].lo[n] = cell->lo[n];
    waiting[0].hi[n] = cell->lo[n] + cell->extent[n];
  }
  waiting[0].depth = 0;
  while (count > 0) {
    const box_t box = waiting[--count];
    if (corner_bound(cell, &box) >= threshold_of(cell, *best)) continue;
    if (descent_bound(cell, &box, best, point) >= threshold_of(cell, *best)) continue;
    if (*cell->boxes_left <= 0 || box.depth >= MOST_DEPTH) return 0;
    --*cell->boxes_left;
    int axis = 0;
    for (int n = 1; n < 3; n++) {
      if (box.hi[n] - box.lo[n] > box.hi[axis] - box.lo[axis]) axis = n;
    }
    const double middle = 0.5 * (box.lo[axis] + box.hi[axis]);
    /* The half nearer to the best point is taken first: what it finds may prove the other. */
    const int upper_first = point[axis] > middle;
    for (int half = 0; half < 2; half++) {
      box_t *part = &waiting[count++];
      *part = box;
      part->depth = box.depth + 1;
      if (half == upper_first) part->lo[axis] = middle;
      else part->hi[axis] = middle;
    }
  }
  return 1;
}
