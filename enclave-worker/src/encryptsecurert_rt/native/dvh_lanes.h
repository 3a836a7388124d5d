/* Four points at a time, for the distance kernel.
 *
 * GCC makes AVX2 of this in the wide clone and pairs of SSE2 in the other, with the same results: no
 * operation is fused or reordered. All is inlined, so no vector crosses a call.
 */
#ifndef ESRT_DVH_LANES_H
#define ESRT_DVH_LANES_H

#include <math.h>
#include <stdint.h>

#define LANES 4
#define ESRT_INLINE static inline __attribute__((always_inline))
#pragma GCC diagnostic ignored "-Wpsabi"

typedef double lanes __attribute__((vector_size(8 * LANES)));
typedef int64_t lane_mask __attribute__((vector_size(8 * LANES))); /* -1 or 0 in each lane */

ESRT_INLINE lanes lanes_of(double x) { return (lanes){x, x, x, x}; }

ESRT_INLINE lanes lanes_select(lane_mask m, lanes a, lanes b) {
    return (lanes)((m & (lane_mask)a) | (~m & (lane_mask)b));
}

ESRT_INLINE lanes lanes_sqrt(lanes a) {
    return (lanes){sqrt(a[0]), sqrt(a[1]), sqrt(a[2]), sqrt(a[3])};
}

ESRT_INLINE int lanes_any(lane_mask m) { return (m[0] | m[1] | m[2] | m[3]) != 0; }

#endif
