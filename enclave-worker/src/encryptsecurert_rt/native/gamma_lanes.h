/* Four points at a time. Each operation is done lane by lane, none is fused or reordered, so the
 * two translations of this file give the same bits: one for AVX2, one for any processor.
 */
#ifndef ESRT_GAMMA_LANES_H
#define ESRT_GAMMA_LANES_H

#include <math.h>
#include <stdint.h>

/* All functions are inlined: no vector crosses a call, whose convention could differ. */
#pragma GCC diagnostic ignored "-Wpsabi"

#define LANES 4
#define ESRT_INLINE static inline __attribute__((always_inline))

typedef double lanes __attribute__((vector_size(8 * LANES)));
typedef int64_t lane_mask __attribute__((vector_size(8 * LANES))); /* -1 or 0 in each lane */

ESRT_INLINE lanes lanes_of(double x) { return (lanes){x, x, x, x}; }

#ifdef __AVX2__
#include <immintrin.h>

ESRT_INLINE lanes lanes_select(lane_mask m, lanes a, lanes b) {
  return (lanes)_mm256_blendv_pd((__m256d)b, (__m256d)a, (__m256d)m);
}
ESRT_INLINE lanes lanes_least(lanes a, lanes b) { return _mm256_min_pd(a, b); }
ESRT_INLINE lanes lanes_most(lanes a, lanes b) { return _mm256_max_pd(a, b); }
ESRT_INLINE lanes lanes_sqrt(lanes a) { return _mm256_sqrt_pd(a); }
ESRT_INLINE int lanes_any(lane_mask m) { return _mm256_movemask_pd((__m256d)m) != 0; }
ESRT_INLINE lanes lanes_from(const double *p) { return _mm256_loadu_pd(p); }

#else

ESRT_INLINE lanes lanes_select(lane_mask m, lanes a, lanes b) {
  return (lanes)((m & (lane_mask)a) | (~m & (lane_mask)b));
}
ESRT_INLINE lanes lanes_least(lanes a, lanes b) { return lanes_select(a < b, a, b); }
ESRT_INLINE lanes lanes_most(lanes a, lanes b) { return lanes_select(a > b, a, b); }
ESRT_INLINE lanes lanes_sqrt(lanes a) {
  return (lanes){sqrt(a[0]), sqrt(a[1]), sqrt(a[2]), sqrt(a[3])};
}
ESRT_INLINE int lanes_any(lane_mask m) { return (m[0] | m[1] | m[2] | m[3]) != 0; }
ESRT_INLINE lanes lanes_from(const double *p) { return (lanes){p[0], p[1], p[2], p[3]}; }

#endif

ESRT_INLINE lanes lanes_absolute(lanes a) { return (lanes)((lane_mask)a & INT64_MAX); }

ESRT_INLINE double lanes_highest(lanes a) {
  const double x = a[0] > a[1] ? a[0] : a[1], y = a[2] > a[3] ? a[2] : a[3];
  return x > y ? x : y;
}

#endif
