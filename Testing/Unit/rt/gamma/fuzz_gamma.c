/* Calls the gamma kernel with jobs made by chance, good and bad, under the sanitizers.
 *
 * Each array has exactly the octets that the job tells, so that a step beyond is seen. What comes
 * back must be a code, and for a good job a state for each voxel with the gamma that belongs to it.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gamma.h"

int32_t esrt_gamma_tile(const esrt_gamma_job *job, int64_t first, int64_t end, int64_t *counts);

static uint64_t seed = 88172645463325252ULL;

static uint64_t any(uint64_t below) {
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return seed % below;
}

static double between(double low, double high) {
  return low + (high - low) * (double)any(1 << 20) / (double)((1 << 20) - 1);
}

static double odd(void) {
  static const double odds[] = {0.0, -1.0, 1e-320, 1e300, -1e300, INFINITY, -INFINITY, NAN, 1e15};
  return odds[any(sizeof odds / sizeof *odds)];
}

static double *doses(int64_t count, int strange) {
  double *values = malloc((size_t)count * sizeof *values);
  for (int64_t n = 0; n < count; n++) values[n] = between(0.0, 60.0);
  if (strange) values[any((uint64_t)count)] = odd();
  return values;
}

static int run(void) {
  esrt_gamma_job job;
  memset(&job, 0, sizeof job);
  int64_t reference = 1, evaluated = 1, counts[ESRT_COUNTS] = {0};
  for (int n = 0; n < 3; n++) {
    reference *= job.reference_shape[n] = 1 + (int64_t)any(5);
    evaluated *= job.evaluated_shape[n] = 1 + (int64_t)any(6);
    job.spacing_mm[n] = between(0.5, 4.0);
    for (int m = 0; m < 3; m++) job.map[4 * n + m] = n == m ? 1.0 : 0.0;
    if (any(2)) job.map[4 * n + any(3)] = between(-1.5, 1.5);
    job.map[4 * n + 3] = any(3) ? (double)any(3) : between(-2.0, 3.0);
  }
  const int strange = any(4) == 0;
  double *reference_gy = doses(reference, strange), *evaluated_gy = doses(evaluated, strange);
  uint8_t *mask = malloc((size_t)reference), *state = malloc((size_t)reference);
  float *gamma = malloc((size_t)reference * sizeof *gamma);
  for (int64_t n = 0; n < reference; n++) mask[n] = any(4) != 0, state[n] = 255;
  const int64_t offsets = 1 + (int64_t)any(200);
  esrt_gamma_offset *list = calloc((size_t)offsets, sizeof *list);
  for (int64_t n = 0; n < offsets; n++) {
    list[n].i = (int16_t)((int)any(9) - 4), list[n].j = (int16_t)((int)any(9) - 4);
    list[n].k = (int16_t)(any(50) ? (int)any(9) - 4 : (int)any(60000) - 30000);
    list[n].least_squared = (float)between(0.0, 0.5);
  }
  job.reference = reference_gy, job.reference_count = reference;
  job.evaluated = evaluated_gy, job.evaluated_count = evaluated;
  job.mask = any(2) ? mask : NULL, job.mask_count = reference;
  job.mode = (int32_t)any(3);
  job.gamma = gamma, job.gamma_count = reference;
  job.state = state, job.state_count = reference;
  job.offsets = list, job.offset_count = offsets;
  job.distance_mm = between(0.5, 8.0), job.dose_gy = between(0.1, 5.0);
  job.dose_fraction = between(0.01, 0.1), job.evaluated_maximum = 60.0;
  job.cutoff_gy = between(0.0, 20.0), job.cap = between(1.0, 3.0), job.eps = 0.001;
  job.boxes_a_point = (int64_t)any(200);
  job.local = (int32_t)any(2), job.either = (int32_t)any(2), job.plain = (int32_t)any(2);
  int64_t first = 0, end = reference;
  const int bad = any(3) == 0;
  if (bad) {
    switch (any(14)) {
      case 0: job.reference_count += (int64_t)any(3) - 1; break;
      case 1: job.evaluated_count -= (int64_t)any(3); break;
      case 2: job.evaluated_shape[any(3)] = (int64_t)any(3) - 1; break;
      case 3: job.reference_shape[any(3)] = INT64_MAX - (int64_t)any(2); break;
      case 4: job.map[any(12)] = odd(); break;
      case 5: job.spacing_mm[any(3)] = odd(); break;
      case 6: job.cap = odd(); break;
      case 7: job.eps = odd(); break;
      case 8: job.dose_gy = odd(), job.dose_fraction = odd(); break;
      case 9: end += (int64_t)any(3), first -= (int64_t)any(3); break;
      case 10: job.state_count--; break;
      case 11: job.mask_count--; break;
      case 12: job.mode = (int32_t)any(9) - 4; break;
      default: job.offset_count = -(int64_t)any(2); break;
    }
  }
  const int32_t code = esrt_gamma_tile(&job, first, end, counts);
  int wrong = code != ESRT_OK && code != ESRT_BAD_ARGUMENT;
  wrong |= !bad && code != ESRT_OK;
  for (int64_t n = 0; code == ESRT_OK && end == reference && first == 0 && n < reference; n++) {
    wrong |= state[n] > ESRT_UNDECIDED;
    wrong |= (state[n] < ESRT_PASSED) != (isnan(gamma[n]) != 0);
    wrong |= state[n] == ESRT_PASSED && gamma[n] > 1.0F;
  }
  free(reference_gy), free(evaluated_gy), free(mask), free(state), free(gamma), free(list);
  return wrong;
}

int main(int count, char **arguments) {
  const long runs = count > 1 ? atol(arguments[1]) : 1000;
  for (long n = 0; n < runs; n++) {
    if (run()) {
      printf("wrong answer in run %ld\n", n);
      return 1;
    }
  }
  return 0;
}
