/* The search translated for processors with AVX2. */
#ifdef __x86_64__
#pragma GCC target("avx2")
#endif
#include "gamma_tile.h"

void esrt_gamma_run_wide(const esrt_gamma_job *job, int64_t first, int64_t end,
                         int64_t *counts) {
  run_tile(job, first, end, counts);
}
