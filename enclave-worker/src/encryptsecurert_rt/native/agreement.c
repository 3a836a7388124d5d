/* Distance to agreement: how far from a point the evaluated dose is the wanted one.
 *
 * For each point: min |p - r| over the support of a dose with D(p) = d, D trilinear in each cell.
 * All lengths are in mm along the axes of the grid, relative to the point, which is the origin.
 *
 * A trilinear function on an axis-aligned box has its extremes at the eight vertices, so a box whose
 * vertices are all above or all below d holds no such point: exact. In a box that remains, with A the
 * affine part of D and rho the largest |D - A| at a vertex (again exact, D - A being trilinear), every
 * such point has |A - d| <= rho. With e = |A(0) - d|, g the gradient of A towards d, and any lam >= 0,
 *     min over the box of |q|^2 + 2 lam (e - rho + g.q)
 * is a lower bound of the squared distance (weak duality) that separates per axis. Its minimiser q is
 * near the surface, and the crossing on the way from q to a vertex on the other side is on the
 * surface: an upper bound with a witness. Boxes are halved until both bounds meet.
 */
#include <math.h>
#include <stdlib.h>

#include "kernels.h"

#define BLOCK 4        /* cells along an edge of a block whose extremes are known beforehand */
#define STACK 192      /* boxes that wait; a halving adds one, and some 60 halvings reach 1e-6 mm */
#define BORDER 0.05     /* voxels that a point may lie off the support: what Python forgives */
#define ROUNDING 1e-9  /* mm by which lower bounds are taken smaller: float64 arithmetic */
#define DUAL_STEPS 12
#define CROSSING_STEPS 60

typedef struct {
    double low[3], high[3]; /* mm from the point, k j i */
    double value[8];        /* dose - d at the vertices: bit 2 is k, bit 1 is j, bit 0 is i */
} box_t;

typedef struct {
    const double *dose;
    int64_t shape[3], cells[3], blocks[3];
    double spacing[3];
    const double *block_low, *block_high;
} field_t;

typedef struct {
    double index[3]; /* of the point, continuous */
    double wanted;   /* dose at it */
    double best;     /* mm, of the nearest witness yet, or the radius */
    double tolerance;
    int found, gave_up, certify;
    int64_t cells, boxes; /* looked at, for whoever asks what it cost */
} search_t;

static double clamp(double x, double low, double high) {
    return x < low ? low : (x > high ? high : x);
}

static double norm2(const double q[3]) { return q[0] * q[0] + q[1] * q[1] + q[2] * q[2]; }

static double distance2(const double low[3], const double high[3]) {
    double sum = 0.0;
    for (int a = 0; a < 3; a++) {
        double x = clamp(0.0, low[a], high[a]);
        sum += x * x;
    }
    return sum;
}

static double interpolate(const box_t *box, const double q[3]) {
    double t[3], plane[4], row[2];
    for (int a = 0; a < 3; a++) {
        double extent = box->high[a] - box->low[a];
        t[a] = extent > 0.0 ? (q[a] - box->low[a]) / extent : 0.0;
    }
    for (int n = 0; n < 4; n++)
        plane[n] = box->value[n] * (1.0 - t[0]) + box->value[n + 4] * t[0];
    for (int n = 0; n < 2; n++)
        row[n] = plane[n] * (1.0 - t[1]) + plane[n + 2] * t[1];
    return row[0] * (1.0 - t[2]) + row[1] * t[2];
}

/* Lower bound of the squared distance, and its minimiser; not improved once it is `enough2`. */
static double dual_bound(const box_t *box, double enough2, double q[3]) {
    double gradient[3], mean = 0.0, at_origin, rho = 0.0, e, g2 = 0.0, slack;
    for (int n = 0; n < 8; n++)
        mean += box->value[n];
    mean *= 0.125;
    at_origin = mean;
    for (int a = 0; a < 3; a++) {
        int bit = 4 >> a;
        double extent = box->high[a] - box->low[a], rise = 0.0;
        for (int n = 0; n < 8; n++)
            rise += n & bit ? box->value[n] : -box->value[n];
        gradient[a] = extent > 0.0 ? 0.25 * rise / extent : 0.0;
        at_origin -= gradient[a] * 0.5 * (box->low[a] + box->high[a]);
        q[a] = clamp(0.0, box->low[a], box->high[a]);
    }
    for (int n = 0; n < 8; n++) {
        double affine = at_origin;
        for (int a = 0; a < 3; a++)
            affine += gradient[a] * (n & (4 >> a) ? box->high[a] : box->low[a]);
        double off = fabs(box->value[n] - affine);
        if (off > rho)
            rho = off;
    }
    e = fabs(at_origin);
    if (at_origin < 0.0)
        for (int a = 0; a < 3; a++)
            gradient[a] = -gradient[a];
    for (int a = 0; a < 3; a++)
        g2 += gradient[a] * gradient[a];
    slack = e - rho; /* how much A at q exceeds what is allowed: to be brought to 0 */
    for (int a = 0; a < 3; a++)
        slack += gradient[a] * q[a];
    double bound = norm2(q);
    if (!(slack > 0.0) || !(g2 > 0.0))
        return bound;
    /* Newton on the slope of the dual, which is piecewise linear and falls; kept in a bracket. */
    double low = 0.0, high = INFINITY, lam = (e - rho > 0.0 ? e - rho : slack) / g2;
    for (int n = 0; n < DUAL_STEPS && bound < enough2; n++) {
        double p[3], over = e - rho, free2 = 0.0, here, next;
        for (int a = 0; a < 3; a++) {
            double at = -lam * gradient[a];
            p[a] = clamp(at, box->low[a], box->high[a]);
            over += gradient[a] * p[a];
            if (p[a] == at)
                free2 += gradient[a] * gradient[a];
        }
        here = norm2(p) + 2.0 * lam * over;
        if (here > bound) {
            bound = here;
            for (int a = 0; a < 3; a++)
                q[a] = p[a];
        }
        if (fabs(over) <= 1e-9 * slack)
            break;
        if (over > 0.0)
            low = lam;
        else
            high = lam;
        next = free2 > 0.0 ? lam + over / free2 : INFINITY;
        if (!(next > low && next < high))
            next = isinf(high) ? 4.0 * lam : 0.5 * (low + high);
        lam = next;
    }
    return bound;
}

/* Note the distance of a point on the surface, near q: exact up to rounding. */
static void witness(const box_t *box, const double q[3], search_t *search) {
    double from[3] = {q[0], q[1], q[2]}, to[3], f_from = interpolate(box, q), f_to = 0.0;
    double steepest = -1.0;
    if (f_from != 0.0) {
        for (int n = 0; n < 8; n++) {
            double v[3], length2 = 0.0, f = box->value[n];
            if (f_from > 0.0 ? f > 0.0 : f < 0.0)
                continue;
            for (int a = 0; a < 3; a++) {
                v[a] = n & (4 >> a) ? box->high[a] : box->low[a];
                length2 += (v[a] - q[a]) * (v[a] - q[a]);
            }
            double drop = f - f_from, steep = drop * drop / (length2 + 1e-300);
            if (steep > steepest) {
                steepest = steep;
                f_to = f;
                for (int a = 0; a < 3; a++)
                    to[a] = v[a];
            }
        }
        if (steepest < 0.0)
            return; /* q and all vertices on one side: rounding at a touching vertex */
        /* The secant, halved on the end that stays (the Illinois rule), on a cubic. */
        double t_low = 0.0, t_high = 1.0, f_low = f_from, f_high = f_to, t = 1.0;
        int kept = 0;
        for (int n = 0; n < CROSSING_STEPS && f_high != 0.0; n++) {
            double p[3], f;
            t = t_low + (t_high - t_low) * (f_low / (f_low - f_high));
            for (int a = 0; a < 3; a++)
                p[a] = q[a] + t * (to[a] - q[a]);
            f = interpolate(box, p);
            if (f == 0.0 || t_high - t_low < 1e-13)
                break;
            if ((f > 0.0) == (f_from > 0.0)) {
                t_low = t;
                f_low = f;
                if (kept == 1)
                    f_high *= 0.5;
                kept = 1;
            } else {
                t_high = t;
                f_high = f;
                if (kept == -1)
                    f_low *= 0.5;
                kept = -1;
            }
        }
        for (int a = 0; a < 3; a++)
            from[a] = q[a] + t * (to[a] - q[a]);
    }
    double length = sqrt(norm2(from));
    if (length <= search->best) {
        search->best = length;
        search->found = 1;
    }
}

static int brackets(const box_t *box) {
    double low = box->value[0], high = box->value[0];
    for (int n = 1; n < 8; n++) {
        low = box->value[n] < low ? box->value[n] : low;
        high = box->value[n] > high ? box->value[n] : high;
    }
    return low <= 0.0 && high >= 0.0;
}

static void halve(const box_t *box, int axis, box_t *lower, box_t *upper) {
    int bit = 4 >> axis;
    double middle = 0.5 * (box->low[axis] + box->high[axis]);
    *lower = *upper = *box;
    lower->high[axis] = upper->low[axis] = middle;
    for (int n = 0; n < 8; n++) {
        if (n & bit)
            continue;
        double half = 0.5 * (box->value[n] + box->value[n | bit]);
        lower->value[n | bit] = upper->value[n] = half;
    }
}

/* A box with a lower bound of this or more, squared, cannot matter. */
static double enough(const search_t *search) {
    double least = search->best - (search->found ? search->tolerance : 0.0) + ROUNDING;
    return least > 0.0 ? least * least : 0.0;
}

static void search_box(const box_t *whole, search_t *search) {
    box_t stack[STACK];
    int waiting = 0;
    stack[waiting++] = *whole;
    while (waiting > 0) {
        box_t box = stack[--waiting];
        double q[3];
        int longest = 0;
        search->boxes++;
        if (distance2(box.low, box.high) >= enough(search) || !brackets(&box))
            continue;
        double bound2 = dual_bound(&box, enough(search), q);
        if (bound2 >= enough(search))
            continue;
        witness(&box, q, search);
        if (bound2 >= enough(search))
            continue;
        for (int a = 1; a < 3; a++)
            if (box.high[a] - box.low[a] > box.high[longest] - box.low[longest])
                longest = a;
        /* A box this small without a witness nearby lies beyond the radius by rounding only. */
        if (box.high[longest] - box.low[longest] < 1e-3 * search->tolerance)
            continue;
        if (waiting + 2 > STACK) {
            search->gave_up = 1;
            return;
        }
        box_t *first = &stack[waiting], *second = &stack[waiting + 1];
        halve(&box, longest, first, second);
        if (distance2(first->low, first->high) < distance2(second->low, second->high)) {
            box_t swap = *first;
            *first = *second;
            *second = swap;
        }
        waiting += 2;
    }
}

/* Look for a witness in a cell and, in the second pass, until no nearer one can be in it. */
static void search_cell(const field_t *field, const int64_t cell[3], search_t *search) {
    box_t box;
    int64_t step[3];
    search->cells++;
    for (int a = 0; a < 3; a++) {
        step[a] = field->shape[a] > 1 ? 1 : 0;
        box.low[a] = ((double)cell[a] - search->index[a]) * field->spacing[a];
        box.high[a] = ((double)(cell[a] + step[a]) - search->index[a]) * field->spacing[a];
    }
    if (distance2(box.low, box.high) >= enough(search))
        return;
    for (int n = 0; n < 8; n++) {
        int64_t k = cell[0] + (n & 4 ? step[0] : 0);
        int64_t j = cell[1] + (n & 2 ? step[1] : 0);
        int64_t i = cell[2] + (n & 1 ? step[2] : 0);
        box.value[n] =
            field->dose[(k * field->shape[1] + j) * field->shape[2] + i] - search->wanted;
    }
    if (!brackets(&box))
        return;
    if (search->certify) {
        search_box(&box, search);
    } else {
        double q[3];
        if (dual_bound(&box, enough(search), q) < enough(search))
            witness(&box, q, search);
    }
}

/* Cells of one block that are within reach. */
static void search_block(const field_t *field, const int64_t block[3], search_t *search) {
    int64_t first[3], last[3], cell[3];
    int64_t at = (block[0] * field->blocks[1] + block[1]) * field->blocks[2] + block[2];
    if (field->block_low[at] > search->wanted || field->block_high[at] < search->wanted)
        return;
    for (int a = 0; a < 3; a++) {
        double reach = search->best / field->spacing[a] + 1e-6;
        double low = floor(search->index[a] - reach) - 1.0, high = floor(search->index[a] + reach);
        first[a] = block[a] * BLOCK;
        last[a] = first[a] + BLOCK - 1;
        if (last[a] > field->cells[a] - 1)
            last[a] = field->cells[a] - 1;
        if (low > (double)first[a])
            first[a] = low > (double)last[a] ? last[a] + 1 : (int64_t)low;
        if (high < (double)last[a])
            last[a] = high < (double)first[a] ? first[a] - 1 : (int64_t)high;
    }
    for (cell[0] = first[0]; cell[0] <= last[0]; cell[0]++)
        for (cell[1] = first[1]; cell[1] <= last[1]; cell[1]++)
            for (cell[2] = first[2]; cell[2] <= last[2]; cell[2]++)
                search_cell(field, cell, search);
}

/* Distance from the point to what lies beyond the blocks within `shell` of its own; inf if none. */
static double beyond(const field_t *field, const int64_t own[3], int64_t shell,
                     const search_t *search) {
    double nearest = INFINITY;
    for (int a = 0; a < 3; a++) {
        int64_t low = (own[a] - shell) * BLOCK, high = (own[a] + shell + 1) * BLOCK;
        double down = (search->index[a] - (double)low) * field->spacing[a];
        double up = ((double)high - search->index[a]) * field->spacing[a];
        if (low > 0 && down < nearest)
            nearest = down;
        if (high < field->cells[a] && up < nearest)
            nearest = up;
    }
    return nearest;
}

static void search_shells(const field_t *field, const int64_t own[3], search_t *search) {
    int64_t block[3];
    for (int64_t shell = 0; !search->gave_up; shell++) {
        if (shell > 0 && !(beyond(field, own, shell - 1, search) - ROUNDING < search->best))
            return;
        int64_t low[3], high[3];
        for (int a = 0; a < 3; a++) {
            low[a] = own[a] - shell < 0 ? 0 : own[a] - shell;
            high[a] = own[a] + shell > field->blocks[a] - 1 ? field->blocks[a] - 1 : own[a] + shell;
        }
        for (block[0] = low[0]; block[0] <= high[0]; block[0]++)
            for (block[1] = low[1]; block[1] <= high[1]; block[1]++) {
                int face = llabs(block[0] - own[0]) == shell || llabs(block[1] - own[1]) == shell;
                for (block[2] = low[2]; block[2] <= high[2]; block[2]++)
                    if (face || llabs(block[2] - own[2]) == shell)
                        search_block(field, block, search);
            }
    }
}

static void search_point(const field_t *field, search_t *search) {
    int64_t own[3], cell[3];
    for (int a = 0; a < 3; a++) {
        cell[a] = (int64_t)search->index[a];
        if (cell[a] > field->cells[a] - 1)
            cell[a] = field->cells[a] - 1;
        own[a] = cell[a] / BLOCK;
    }
    search_cell(field, cell, search);
    /* Twice: a near witness first makes nearly all boxes of the second pass needless. */
    search_shells(field, own, search);
    search->certify = 1;
    search_shells(field, own, search);
}

/* Distances of `count` points.
 *
 * dose: (k, j, i) Gy, finite. block_low, block_high: extremes of the dose over blocks of 4 cells
 * (voxels 4 b to 4 b + 4 along each axis). points: (count, 3) continuous (k, j, i) indices in the
 * support, or next to it. wanted: Gy. distance: mm, +inf if none within the radius. gave_up: 1 if
 * unfinished. work: cells and boxes looked at.
 */
ESRT_EXPORT int32_t esrt_agreement(const double *dose, const int64_t *shape, const double *spacing,
                                   const double *block_low, const double *block_high,
                                   const double *points, const double *wanted, int64_t count,
                                   double radius_mm, double tolerance_mm, double *distance,
                                   uint8_t *gave_up, int64_t *work) {
    field_t field = {.dose = dose, .block_low = block_low, .block_high = block_high};
    if (count < 0 || !(radius_mm > 0.0) || !(radius_mm <= 1e4) || !(tolerance_mm >= 1e-6))
        return ESRT_BAD_ARGUMENT;
    for (int a = 0; a < 3; a++) {
        if (shape[a] < 1 || shape[a] > (1 << 20) || !(spacing[a] > 0.0) || !isfinite(spacing[a]))
            return ESRT_BAD_ARGUMENT;
        field.shape[a] = shape[a];
        field.spacing[a] = spacing[a];
        field.cells[a] = shape[a] > 1 ? shape[a] - 1 : 1;
        field.blocks[a] = (field.cells[a] + BLOCK - 1) / BLOCK;
    }
    work[0] = work[1] = 0;
    for (int64_t n = 0; n < count; n++) {
        search_t search = {.wanted = wanted[n], .best = radius_mm, .tolerance = tolerance_mm};
        for (int a = 0; a < 3; a++) {
            search.index[a] = points[3 * n + a];
            if (!(search.index[a] >= -BORDER && search.index[a] <= (double)(shape[a] - 1) + BORDER))
                return ESRT_BAD_ARGUMENT;
        }
        search_point(&field, &search);
        distance[n] = search.found ? search.best : INFINITY;
        gave_up[n] = (uint8_t)search.gave_up;
        work[0] += search.cells;
        work[1] += search.boxes;
    }
    return ESRT_OK;
}
