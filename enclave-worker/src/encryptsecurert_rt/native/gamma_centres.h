/* The search at voxel centres only, as older programs do it: for comparison with their results. */
#ifndef ESRT_GAMMA_CENTRES_H
#define ESRT_GAMMA_CENTRES_H

#include "gamma_search.h"

/* Here an offset names a voxel, seen from the floor of the point's position. */
ESRT_INLINE void esrt_centres(const esrt_gamma_job *job, esrt_group *g, int64_t *counts) {
  const int64_t *shape = job->evaluated_shape; /* k, j, i */
  double scale[3];
  for (int n = 0; n < 3; n++) scale[n] = job->spacing_mm[n] / job->distance_mm;
  double highest = lanes_highest(lanes_select(g->active, g->best, lanes_of(0.0)));
  for (int64_t o = 0; o < job->offset_count; o++) {
    const esrt_gamma_offset offset = job->offsets[o];
    if ((double)offset.least_squared >= highest) break;
    counts[ESRT_COUNT_OFFSETS]++;
    const double by[3] = {offset.i, offset.j, offset.k};
    lane_mask need = g->active;
    lanes q[3], f = lanes_of(0.0);
    for (int n = 0; n < 3; n++) {
      const lanes at = g->base[n] + by[n];
      need &= (at >= 0.0) & (at <= (double)(shape[2 - n] - 1));
      q[n] = (at - g->position[n]) * scale[n];
      f += q[n] * q[n];
    }
    need &= f < g->best;
    if (!lanes_any(need)) continue;
    counts[ESRT_COUNT_CELLS]++;
    const int64_t step = (offset.k * shape[1] + offset.j) * shape[2] + offset.i;
    lanes dose;
    for (int l = 0; l < LANES; l++) dose[l] = job->evaluated[need[l] ? g->index[l] + step : 0];
    const lanes t = (dose - g->dose_gy) * g->per_gy;
    f += t * t;
    const lane_mask better = need & (f < g->best);
    if (!lanes_any(better)) continue;
    g->best = lanes_select(better, f, g->best);
    for (int n = 0; n < 3; n++) g->point[n] = lanes_select(better, q[n], g->point[n]);
    highest = lanes_highest(lanes_select(g->active, g->best, lanes_of(0.0)));
  }
}

#endif
