/* The gamma index of one tile of reference voxels; see gamma.h and docs/adr/0038. */
#include <math.h>
#include <stddef.h>

#include "gamma.h"

#define MOST_VOXELS ((int64_t)1 << 40)

static int volume_of(const int64_t shape[3], int64_t *count) {
  int64_t product = 1;
  for (int n = 0; n < 3; n++) {
    if (shape[n] < 1 || shape[n] > MOST_VOXELS / product) return 0;
    product *= shape[n];
  }
  *count = product;
  return 1;
}

static int in_range(double x, double least, double most) { return x >= least && x <= most; }

static int is_valid(const esrt_gamma_job *job) {
  int64_t reference, evaluated;
  if (!job || !job->reference || !job->evaluated || !job->offsets || !job->state) return 0;
  if (!volume_of(job->reference_shape, &reference) || !volume_of(job->evaluated_shape, &evaluated))
    return 0;
  if (reference != job->reference_count || evaluated != job->evaluated_count) return 0;
  if (job->state_count != reference || (job->gamma && job->gamma_count != reference)) return 0;
  if (job->mask && job->mask_count != reference) return 0;
  if (job->mode < ESRT_GAMMA_CERTIFIED || job->mode > ESRT_GAMMA_VOXEL_CENTRES) return 0;
  if (!job->gamma && job->mode != ESRT_GAMMA_PASS_FAIL) return 0;
  if (job->offset_count < 1 || job->boxes_a_point < 0) return 0;
  for (int n = 0; n < 12; n++)
    if (!in_range(job->map[n], -1e12, 1e12)) return 0;
  for (int n = 0; n < 3; n++)
    if (!in_range(job->spacing_mm[n], 1e-3, 1e6)) return 0;
  return in_range(job->distance_mm, 1e-3, 1e6) && in_range(job->dose_gy, 1e-300, 1e300) &&
         in_range(job->dose_fraction, 1e-9, 1e9) && in_range(job->evaluated_maximum, 0.0, 1e300) &&
         in_range(job->cutoff_gy, 0.0, 1e300) && in_range(job->cap, 1.0, 1e3) &&
         in_range(job->eps, 1e-5, 1.0);
}

/* Writes gamma and state of the voxels from first to below end, flat, and adds to counts. */
ESRT_EXPORT int32_t esrt_gamma_tile(const esrt_gamma_job *job, int64_t first, int64_t end,
                                    int64_t *counts) {
  if (!is_valid(job) || !counts) return ESRT_BAD_ARGUMENT;
  if (first < 0 || end < first || end > job->reference_count) return ESRT_BAD_ARGUMENT;
#ifdef __x86_64__
  if (!job->plain && __builtin_cpu_supports("avx2")) {
    esrt_gamma_run_wide(job, first, end, counts);
    return ESRT_OK;
  }
#endif
  esrt_gamma_run_plain(job, first, end, counts);
  return ESRT_OK;
}
