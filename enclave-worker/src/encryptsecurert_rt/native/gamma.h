/* What the parts of the gamma search share. Definition and proof: docs/adr/0038.
 *
 * Scaled space: lengths in units of the distance criterion, doses in units of the dose criterion,
 * both relative to the reference point. There gamma^2 of a point q is F(q) = |q|^2 + T(q)^2, where
 * T is evaluated minus reference dose. Arrays of three are in the order i, j, k (fastest first).
 */
#ifndef ESRT_GAMMA_H
#define ESRT_GAMMA_H

#include "kernels.h"

enum { ESRT_GAMMA_CERTIFIED = 0, ESRT_GAMMA_PASS_FAIL = 1, ESRT_GAMMA_VOXEL_CENTRES = 2 };

/* PointState of the Python side; the numbers are part of the results. */
enum {
  ESRT_BELOW_CUTOFF = 0,
  ESRT_MASKED = 1,
  ESRT_OUTSIDE = 2,
  ESRT_UNDEFINED = 3,
  ESRT_PASSED = 4,
  ESRT_FAILED = 5,
  ESRT_UNDECIDED = 6
};

/* Cells (or voxel centres) around a point, nearest first. */
typedef struct {
  int16_t i, j, k, unused;
  float least_squared; /* of the scaled distance, rounded down */
} esrt_gamma_offset;

/* One comparison, the same for all tiles. Filled by Python (ctypes) in this order. */
typedef struct {
  const double *reference; /* Gy */
  int64_t reference_count;
  int64_t reference_shape[3];
  const double *evaluated; /* Gy */
  int64_t evaluated_count;
  int64_t evaluated_shape[3];
  const uint8_t *mask; /* on the reference grid, or null */
  int64_t mask_count;
  float *gamma;   /* out, as the reference; null when only pass or fail is asked */
  uint8_t *state; /* out, as the reference */
  int64_t gamma_count, state_count;
  const esrt_gamma_offset *offsets;
  int64_t offset_count;
  double map[12];           /* rows of the 3 x 4 matrix, reference index -> evaluated index */
  double spacing_mm[3];     /* of the evaluated grid */
  double distance_mm;       /* criterion */
  double dose_gy;           /* criterion, when global */
  double dose_fraction;     /* criterion, when local */
  double evaluated_maximum; /* Gy: scale of the rounding errors */
  double cutoff_gy;
  double cap;
  double eps;
  int64_t boxes_a_point; /* bound of the work: beyond it a point is uncertified */
  int32_t local;
  int32_t either; /* the cutoff holds if either dose reaches it */
  int32_t mode;
  int32_t plain; /* not to use AVX2: the result is the same */
} esrt_gamma_job;

/* What a tile did, added up by Python in tile order. */
enum {
  ESRT_COUNT_POINTS = 0,   /* searched */
  ESRT_COUNT_OFFSETS = 1,  /* that four points looked at together */
  ESRT_COUNT_CELLS = 2,    /* of these, whose dose they read */
  ESRT_COUNT_BOXES = 3,    /* that were split off cells */
  ESRT_COUNT_AGAIN = 4,    /* points whose interval held 1 and were decided in a second search */
  ESRT_COUNT_UNPROVEN = 5, /* points that ran out of work before the proof */
  ESRT_COUNTS = 6
};

/* A part of one trilinear cell, and how far it has to be proven. */
typedef struct {
  double a[8];           /* T = sum of a[b] x^(b&1) y^(b>>1&1) z^(b>>2&1), x, y, z in 0..1 */
  double lo[3];          /* of the cell, scaled */
  double extent[3];      /* of the cell, scaled; 0 on an axis with one voxel */
  double inverse[3];     /* 1 / extent, or 0 */
  double slack;          /* what rounding may cost gamma */
  double eps;            /* certified: gamma may be too high by this */
  int32_t pass_fail;     /* only the side of 1 matters */
  int64_t *boxes_left;   /* goes down; 0 ends the search unproven */
} esrt_cell;

/* Lowers best (F) and its point q until no point of the cell is proven lower by more than eps.
 * Returns 1 if proven, 0 if the work ran out. */
int esrt_gamma_split(const esrt_cell *cell, double *best, double q[3]);

/* Both search the voxels from first to below end and write the same. */
void esrt_gamma_run_wide(const esrt_gamma_job *job, int64_t first, int64_t end,
                         int64_t *counts);
void esrt_gamma_run_plain(const esrt_gamma_job *job, int64_t first, int64_t end,
                          int64_t *counts);

/* F at or below which a point passes, and above which it is proven to fail: rounding of float64
 * goes in favour of passing, and the gap between the two lets every search end. */
#define ESRT_PASS(slack) (1.0 + 4.0 * (slack))
#define ESRT_FAIL(slack) (1.0 + 2.0 * (slack))

#endif
