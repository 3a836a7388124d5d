/* One tile: which voxels are searched, four of them at a time, and what is written of them.
 *
 * Included by two files, which differ in the processor that they are translated for.
 */
#ifndef ESRT_GAMMA_TILE_H
#define ESRT_GAMMA_TILE_H

#include <string.h>

#include "gamma_centres.h"
#include "gamma_search.h"

#define SNAP_MM 1e-6     /* what origins of six decimals leave: such points are on a plane */
#define BORDER_MM 1e-3   /* a point this near to the support counts as on it, from where it is */
#define LEAST_LOCAL 1e-7 /* of the largest dose: below, float64 cannot tell local doses apart */

/* Where a reference voxel lies on the evaluated grid; 0 if outside its support. */
static int place(const esrt_gamma_job *job, int64_t i, int64_t j, int64_t k, double u[3]) {
  for (int n = 0; n < 3; n++) {
    const double *row = job->map + 4 * n;
    const double x = row[0] * (double)i + row[1] * (double)j + row[2] * (double)k + row[3];
    const double plane = floor(x + 0.5);
    const double border = BORDER_MM / job->spacing_mm[n];
    u[n] = fabs(x - plane) * job->spacing_mm[n] < SNAP_MM ? plane : x;
    if (!(u[n] >= -border && u[n] <= (double)(job->evaluated_shape[2 - n] - 1) + border)) return 0;
  }
  return 1;
}

static double evaluated_at(const esrt_gamma_job *job, const double u[3]) {
  const int64_t stride[3] = {1, job->evaluated_shape[2],
                             job->evaluated_shape[2] * job->evaluated_shape[1]};
  double part[3], sum = 0.0;
  int64_t first = 0, step[3];
  for (int n = 0; n < 3; n++) {
    const int64_t last = job->evaluated_shape[2 - n] - 1;
    const double x = fmin(fmax(u[n], 0.0), (double)last);
    int64_t cell = (int64_t)x;
    if (cell > 0 && cell == last) cell--;
    part[n] = x - (double)cell;
    step[n] = last > 0 ? stride[n] : 0;
    first += cell * stride[n];
  }
  for (int corner = 0; corner < 8; corner++) {
    double weight = 1.0;
    int64_t index = first;
    for (int n = 0; n < 3; n++) {
      weight *= corner >> n & 1 ? part[n] : 1.0 - part[n];
      index += corner >> n & 1 ? step[n] : 0;
    }
    sum += weight * job->evaluated[index];
  }
  return sum;
}

/* State of a voxel before any search; ESRT_UNDECIDED means that it has to be searched. */
static int classify(const esrt_gamma_job *job, int64_t voxel, int64_t i, int64_t j, int64_t k,
                    double u[3], double *per_gy) {
  const double dose = job->reference[voxel];
  if (job->mask && !job->mask[voxel]) return ESRT_MASKED;
  if (dose < job->cutoff_gy && !job->either) return ESRT_BELOW_CUTOFF;
  const int inside = place(job, i, j, k, u);
  if (dose < job->cutoff_gy && !(inside && evaluated_at(job, u) >= job->cutoff_gy))
    return ESRT_BELOW_CUTOFF;
  if (!inside) return ESRT_OUTSIDE;
  if (job->local) {
    const double criterion = dose * job->dose_fraction;
    if (!(criterion > LEAST_LOCAL * fmax(job->evaluated_maximum, dose))) return ESRT_UNDEFINED;
    *per_gy = 1.0 / criterion;
  } else {
    *per_gy = 1.0 / job->dose_gy;
  }
  return ESRT_UNDECIDED;
}

typedef struct {
  double position[3][LANES], dose_gy[LANES], per_gy[LANES];
  int64_t voxel[LANES];
  int count;
} esrt_queue;

ESRT_INLINE void begin_group(const esrt_gamma_job *job, const esrt_queue *queue, esrt_group *g) {
  const int64_t *shape = job->evaluated_shape;
  memset(g, 0, sizeof *g);
  g->in_a_row = 1;
  for (int l = 0; l < LANES; l++) {
    const int from = l < queue->count ? l : 0;
    double base[3];
    for (int n = 0; n < 3; n++) {
      g->position[n][l] = queue->position[n][from];
      base[n] = shape[2 - n] > 1 ? floor(queue->position[n][from]) : 0.0;
      g->base[n][l] = base[n];
    }
    g->index[l] = ((int64_t)base[2] * shape[1] + (int64_t)base[1]) * shape[2] + (int64_t)base[0];
    g->in_a_row &= g->index[l] == g->index[0] + l;
    g->dose_gy[l] = queue->dose_gy[from];
    g->per_gy[l] = queue->per_gy[from];
    /* Sums of some tens of terms, each rounded at the size of the largest dose. */
    const double size = fmax(job->evaluated_maximum, g->dose_gy[l]) * g->per_gy[l];
    g->slack[l] = fmin(1e-9 + 1e-13 * size * (job->cap + 1.0), 0.25 * job->eps);
    g->best[l] = job->cap * job->cap + 8.0 * g->slack[l]; /* above the cap, even if that is 1 */
    g->active[l] = l < queue->count ? -1 : 0;
    g->boxes_left[l] = job->boxes_a_point;
  }
}

/* Searches again those of which the interval holds 1, until only the side of 1 is open. */
ESRT_INLINE void decide(const esrt_gamma_job *job, esrt_group *g, int64_t *counts) {
  const lanes least = lanes_sqrt(g->best) - job->eps;
  const lane_mask straddling = g->active & (g->best > ESRT_PASS(g->slack)) & (least <= 1.0);
  if (!lanes_any(straddling)) return;
  for (int l = 0; l < LANES; l++) counts[ESRT_COUNT_AGAIN] -= straddling[l];
  g->active = straddling;
  esrt_search(job, g, 1, counts);
}

/* Gamma as it is stored: on the side of 1 that was decided, also after rounding to float32, and 0
 * where it is no more than rounding. */
static float stored(double best, int passed, double cap, double slack) {
  const double root = sqrt(best);
  const float gamma = root > slack ? (float)fmin(root, cap) : 0.0F;
  if (passed) return fminf(gamma, 1.0F);
  return cap > 1.0 ? fmaxf(gamma, nextafterf(1.0F, 2.0F)) : gamma;
}

ESRT_INLINE void finish(const esrt_gamma_job *job, const esrt_queue *queue, const esrt_group *g,
                        int64_t *counts) {
  for (int l = 0; l < queue->count; l++) {
    const int passed = g->best[l] <= ESRT_PASS(g->slack[l]);
    const int64_t voxel = queue->voxel[l];
    job->state[voxel] = passed ? ESRT_PASSED : g->unproven[l] ? ESRT_UNDECIDED : ESRT_FAILED;
    if (job->gamma) job->gamma[voxel] = stored(g->best[l], passed, job->cap, g->slack[l]);
    counts[ESRT_COUNT_POINTS]++;
    counts[ESRT_COUNT_BOXES] += job->boxes_a_point - g->boxes_left[l];
    counts[ESRT_COUNT_UNPROVEN] += g->unproven[l] && !(job->mode == ESRT_GAMMA_PASS_FAIL && passed);
  }
}

static void run_group(const esrt_gamma_job *job, esrt_queue *queue, int64_t *counts) {
  esrt_group g;
  begin_group(job, queue, &g);
  if (job->mode == ESRT_GAMMA_CERTIFIED) {
    esrt_search(job, &g, 0, counts);
    decide(job, &g, counts);
  } else if (job->mode == ESRT_GAMMA_PASS_FAIL) {
    esrt_search(job, &g, 1, counts);
  } else {
    esrt_centres(job, &g, counts);
  }
  finish(job, queue, &g, counts);
  queue->count = 0;
}

ESRT_INLINE void run_tile(const esrt_gamma_job *job, int64_t first, int64_t end,
                          int64_t *counts) {
  const int64_t ni = job->reference_shape[2], nj = job->reference_shape[1];
  esrt_queue queue = {.count = 0};
  for (int64_t voxel = first; voxel < end; voxel++) {
    const int64_t i = voxel % ni, j = voxel / ni % nj, k = voxel / ni / nj;
    const int l = queue.count;
    double u[3];
    const int state = classify(job, voxel, i, j, k, u, &queue.per_gy[l]);
    job->state[voxel] = (uint8_t)state;
    if (job->gamma) job->gamma[voxel] = NAN;
    if (state != ESRT_UNDECIDED) continue;
    for (int n = 0; n < 3; n++) queue.position[n][l] = u[n];
    queue.dose_gy[l] = job->reference[voxel];
    queue.voxel[l] = voxel;
    if (++queue.count == LANES) run_group(job, &queue, counts);
  }
  if (queue.count) run_group(job, &queue, counts);
}

#endif
