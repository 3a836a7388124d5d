/* The search translated for any processor. */
#include "gamma_tile.h"

void esrt_gamma_run_plain(const esrt_gamma_job *job, int64_t first, int64_t end,
                          int64_t *counts) {
  run_tile(job, first, end, counts);
}
