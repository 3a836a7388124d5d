/* Dose-volume histogram of one layer of cells between two planes of nodes.
 *
 * Level (negative inside) and dose are known at the eight corners of each cell. A cell whose corners
 * are all inside counts whole. One that the surface crosses is cut into six tetrahedra around its
 * diagonal, the same way in every cell so that the pieces of neighbours fit; in each the level is
 * taken as linear, so the inside part is a tetrahedron, a prism, or the rest of one: its volume,
 * centroid and second moments have closed forms.
 *
 * The dose of a part has mean D(centroid) and, by the gradient g there and the covariance C of the
 * part, variance g C g. It is spread as the sum of two uniform variables: the first along the axis of
 * the cell with the greatest change of dose, so that a row of cells tiles the dose axis without
 * ripple; the second has what remains of the variance. Its cumulative distribution is piecewise
 * quadratic with four knots, which are written as third differences on the dose axis: 12 additions,
 * however wide the spread. Summed up three times they are the exact values at the points of the axis.
 */
#include <math.h>

#include "kernels.h"

#define LEAST_PART 1e-12 /* of a cell: less is rounding, and has no centre to tell */
#define PAD 2       /* points before the least dose, as in layers.py */
#define TAIL 8      /* points of `spline` beyond `bins` */
#define LEAST 1.0   /* spread in points: what is narrower is told apart by no point */
#define SUPPORT 1e-6 /* voxels: coordinates that rounding puts outside a support */
#define RUN 16      /* cells that are passed over together */
#define MAX_COUNT ((int64_t)1 << 31)

enum { VOLUME, COVERED, DOSE_VOLUME, MINIMUM, MAXIMUM };

typedef struct {
    double volume, first[3], second[6]; /* moments; second: uu, vv, ww, uv, uw, vw */
    double least, most;                 /* dose at its vertices */
} part_t;

/* Corners of the tetrahedra: bit 0 is u, bit 1 is v, bit 2 is w. */
static const int TETRAHEDRA[6][4] = {{0, 1, 3, 7}, {0, 1, 5, 7}, {0, 2, 3, 7},
                                     {0, 2, 6, 7}, {0, 4, 5, 7}, {0, 4, 6, 7}};

/* Dose at a place of the unit cell. */
static double trilinear(const double d[8], const double x[3]) {
    double a = d[0] + x[0] * (d[1] - d[0]), b = d[2] + x[0] * (d[3] - d[2]);
    double c = d[4] + x[0] * (d[5] - d[4]), e = d[6] + x[0] * (d[7] - d[6]);
    double low = a + x[1] * (b - a), high = c + x[1] * (e - c);
    return low + x[2] * (high - low);
}

static void gradient(const double d[8], const double x[3], double g[3]) {
    for (int a = 0; a < 3; a++) {
        int step = 1 << a, p = a == 0 ? 1 : 0, q = a == 2 ? 1 : 2, sp = 1 << p, sq = 1 << q;
        double low = (d[step] - d[0]) * (1.0 - x[p]) + (d[step + sp] - d[sp]) * x[p];
        double high = (d[step + sq] - d[sq]) * (1.0 - x[p]) + (d[step + sp + sq] - d[sp + sq]) * x[p];
        g[a] = low * (1.0 - x[q]) + high * x[q];
    }
}

static void add_tetrahedron(part_t *part, const double v[4][3], double sign) {
    double a[3], b[3], c[3], sum[3];
    for (int i = 0; i < 3; i++) {
        a[i] = v[1][i] - v[0][i], b[i] = v[2][i] - v[0][i], c[i] = v[3][i] - v[0][i];
        sum[i] = v[0][i] + v[1][i] + v[2][i] + v[3][i];
    }
    double volume = sign / 6.0 *
                    fabs(a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) +
                         a[2] * (b[0] * c[1] - b[1] * c[0]));
    static const int P[6] = {0, 1, 2, 0, 0, 1}, Q[6] = {0, 1, 2, 1, 2, 2};
    part->volume += volume;
    for (int i = 0; i < 3; i++) part->first[i] += volume * 0.25 * sum[i];
    for (int m = 0; m < 6; m++) {
        double products = sum[P[m]] * sum[Q[m]];
        for (int n = 0; n < 4; n++) products += v[n][P[m]] * v[n][Q[m]];
        part->second[m] += volume * 0.05 * products;
    }
}

static void see(part_t *part, double dose) {
    part->least = dose < part->least ? dose : part->least;
    part->most = dose > part->most ? dose : part->most;
}

/* The place between an inside and an outside vertex where the level is 0. */
static void crossing(const double inside[3], const double outside[3], double level_in,
                     double level_out, double x[3]) {
    double t = level_in / (level_in - level_out);
    for (int i = 0; i < 3; i++) x[i] = inside[i] + t * (outside[i] - inside[i]);
}

/* Add what of one tetrahedron is inside. */
static void add_inside(part_t *part, const int corner[4], const double level[8], const double dose[8]) {
    int in[4], out[4], n = 0, m = 0;
    double v[4][3], x[2][2][3];
    for (int c = 0; c < 4; c++) {
        if (level[corner[c]] <= 0.0) in[n++] = c; else out[m++] = c;
        for (int a = 0; a < 3; a++) v[c][a] = (corner[c] >> a) & 1;
    }
    if (n == 0) return;
    for (int i = 0; i < n; i++) see(part, dose[corner[in[i]]]);
    if (n == 4 || n == 3) add_tetrahedron(part, (const double (*)[3])v, 1.0);
    if (n == 4) return;
    if (n == 2) {
        for (int i = 0; i < 2; i++)
            for (int o = 0; o < 2; o++) {
                crossing(v[in[i]], v[out[o]], level[corner[in[i]]], level[corner[out[o]]], x[i][o]);
                see(part, trilinear(dose, x[i][o]));
            }
        const double *prism[6] = {v[in[0]], x[0][0], x[0][1], v[in[1]], x[1][0], x[1][1]};
        for (int p = 0; p < 3; p++) {
            double piece[4][3];
            for (int k = 0; k < 4; k++)
                for (int a = 0; a < 3; a++) piece[k][a] = prism[p + k][a];
            add_tetrahedron(part, (const double (*)[3])piece, 1.0);
        }
        return;
    }
    /* One vertex alone on its side: the tip there is added, or taken from the whole. */
    int alone = n == 1 ? in[0] : out[0];
    double tip[4][3];
    for (int a = 0; a < 3; a++) tip[0][a] = v[alone][a];
    for (int c = 0, k = 1; c < 4; c++) {
        if (c == alone) continue;
        int from = n == 1 ? alone : c, to = n == 1 ? c : alone;
        crossing(v[from], v[to], level[corner[from]], level[corner[to]], tip[k]);
        see(part, trilinear(dose, tip[k]));
        k++;
    }
    add_tetrahedron(part, (const double (*)[3])tip, n == 1 ? 1.0 : -1.0);
}

/* Add `factor` * max(0, i - knot)^2 for all points i, as third differences. */
static void add_knot(double *spline, double knot, double factor) {
    double i = ceil(knot), f = i - knot;
    double *at = spline + (int64_t)i;
    at[0] += factor * f * f;
    at[1] += factor * (1.0 + 2.0 * f - 2.0 * f * f);
    at[2] += factor * (1.0 - f) * (1.0 - f);
}

/* Spread `weight` around the dose x as the sum of two uniform variables of widths a and b (points). */
static void spread(double *spline, int64_t bins, double weight, double x, double a, double b) {
    a = a > LEAST ? a : LEAST;
    b = b > LEAST ? b : LEAST;
    double below = x - (PAD - 1), above = (double)(bins + PAD + 1) - x;
    double room = below < above ? below : above;
    if (0.5 * (a + b) > room) {
        double shrink = 2.0 * room / (a + b);
        a *= shrink, b *= shrink;
    }
    double factor = 0.5 * weight / (a * b);
    add_knot(spline, x - 0.5 * (a + b), factor);
    add_knot(spline, x - 0.5 * (a - b), -factor);
    add_knot(spline, x + 0.5 * (a - b), -factor);
    add_knot(spline, x + 0.5 * (a + b), factor);
}

/* Mean and widths of the dose over a part of the unit cell. */
static void dose_of(const part_t *part, const double dose[8], double *mean, double *a, double *b) {
    double centre[3], g[3], c[6], most = 0.0;
    static const int P[6] = {0, 1, 2, 0, 0, 1}, Q[6] = {0, 1, 2, 1, 2, 2};
    for (int i = 0; i < 3; i++) centre[i] = part->first[i] / part->volume;
    for (int m = 0; m < 6; m++)
        c[m] = part->second[m] / part->volume - centre[P[m]] * centre[Q[m]];
    gradient(dose, centre, g);
    *mean = trilinear(dose, centre);
    double width2 = 0.0;
    for (int m = 0; m < 6; m++) width2 += (m < 3 ? 12.0 : 24.0) * c[m] * g[P[m]] * g[Q[m]];
    for (int i = 0; i < 3; i++) {
        double along2 = 12.0 * g[i] * g[i] * c[i];
        most = along2 > most ? along2 : most;
    }
    width2 = width2 > 0.0 ? width2 : 0.0;
    most = most < width2 ? most : width2;
    *a = sqrt(most);
    *b = sqrt(width2 - most);
}

/* The same for a whole cell; what is not linear in it only widens the spread. */
static void dose_of_whole(const double d[8], double *mean, double *a, double *b) {
    double u[4], s0 = 0.0, s[3] = {0.0, 0.0, 0.0}, most = 0.0, width2 = 0.0;
    for (int k = 0; k < 4; k++) u[k] = d[2 * k + 1] - d[2 * k];
    for (int k = 0; k < 8; k++) {
        s0 += d[k];
        s[1] += k & 2 ? d[k] : -d[k];
        s[2] += k & 4 ? d[k] : -d[k];
    }
    s[0] = u[0] + u[1] + u[2] + u[3];
    for (int i = 0; i < 3; i++) {
        double along2 = s[i] * s[i] / 16.0;
        width2 += along2;
        most = along2 > most ? along2 : most;
    }
    double uv = (u[1] + u[3] - u[0] - u[2]) / 2.0, uw = (u[2] + u[3] - u[0] - u[1]) / 2.0;
    double vw = (d[6] + d[7] - d[4] - d[5] - d[2] - d[3] + d[0] + d[1]) / 2.0;
    width2 += (uv * uv + uw * uw + vw * vw) / 12.0;
    *mean = s0 / 8.0;
    *a = sqrt(most);
    *b = sqrt(width2 - most);
}

/* Whether a point (u, v, w) is in the support of a dose, the closed box of its voxel centres. */
static int is_covered(const double *map, const int64_t *shape, double u, double v, double w) {
    for (int a = 0; a < 3; a++) {
        const double *m = map + 4 * a;
        double p = m[0] * u + m[1] * v + m[2] * w + m[3];
        if (!(p >= -SUPPORT && p <= (double)(shape[2 - a] - 1) + SUPPORT)) return 0;
    }
    return 1;
}

/* Dose at a point (u, v, w); outside the support that of its nearest point in index space, which only
 * cells across its border ask for. */
static double sample(const double *map, const int64_t *shape, const double *dose, double u, double v,
                     double w) {
    const int64_t stride[3] = {1, shape[2], shape[2] * shape[1]};
    int64_t at = 0, next[3];
    double x[3], d[8];
    for (int a = 0; a < 3; a++) {
        const double *m = map + 4 * a;
        const int64_t count = shape[2 - a];
        double p = m[0] * u + m[1] * v + m[2] * w + m[3], top = (double)(count - 1);
        p = p > 0.0 ? (p < top ? p : top) : 0.0; /* NaN becomes 0 */
        int64_t cell = (int64_t)p;
        if (cell > count - 2) cell = count > 1 ? count - 2 : 0;
        x[a] = p - (double)cell;
        next[a] = count > 1 ? stride[a] : 0;
        at += cell * stride[a];
    }
    for (int c = 0; c < 8; c++)
        d[c] = dose[at + (c & 1 ? next[0] : 0) + (c & 2 ? next[1] : 0) + (c & 4 ? next[2] : 0)];
    return trilinear(d, x);
}

typedef struct {
    int64_t nu, nv;
    const double *u, *v, *w, *lower, *upper, *blend, *inset;
    const uint8_t *whole;
    const double *map;
    const int64_t *shape;
    const double *dose;
    double *nodes, least, step;
    int64_t bins;
    double *spline, *sums;
} layer_t;

/* Whether some node of a run of cells is inside in one of the sections: if none, neither is a blend. */
static int any_inside(const layer_t *layer, int64_t j, int64_t first, int64_t stop) {
    int any = 0;
    for (int row = 0; row < 2; row++) {
        const double *lower = layer->lower + (j + row) * layer->nu;
        const double *upper = layer->upper + (j + row) * layer->nu;
        for (int64_t i = first; i <= stop; i++) any |= (lower[i] <= 0.0) | (upper[i] <= 0.0);
    }
    return any;
}

/* Levels at the corners of a cell, blended from two sections; how many are inside. */
static int corners(const layer_t *layer, const int64_t at[4], double level[8]) {
    const double *lower = layer->lower, *upper = layer->upper;
    int both = 0, inside = 0;
    for (int c = 0; c < 4; c++) both += (lower[at[c]] <= 0.0) + (upper[at[c]] <= 0.0);
    if (both == 0) return 0;
    if (both == 8 && layer->inset[0] == 0.0 && layer->inset[1] == 0.0) return 8;
    for (int c = 0; c < 8; c++) {
        const double t = layer->blend[c >> 2];
        level[c] = (1.0 - t) * lower[at[c & 3]] + t * upper[at[c & 3]] + layer->inset[c >> 2];
        inside += level[c] <= 0.0;
    }
    return inside;
}

static int32_t add_cell(const layer_t *layer, int64_t i, int64_t j) {
    const double *u = layer->u + i, *v = layer->v + j, *w = layer->w;
    const int64_t nu = layer->nu, first = j * nu + i;
    const int64_t at[4] = {first, first + 1, first + nu, first + nu + 1};
    double l[8], d[8], mean, a, b, *sums = layer->sums;
    const int inside = layer->lower ? corners(layer, at, l)
                                    : (layer->whole[j * (nu - 1) + i] ? 8 : 0);
    if (inside == 0) return ESRT_OK;
    for (int c = 0; c < 8; c++) {
        double *node = layer->nodes + (c >> 2) * layer->nv * nu + at[c & 3];
        if (*node != *node)
            *node = sample(layer->map, layer->shape, layer->dose, u[c & 1], v[c >> 1 & 1], w[c >> 2]);
        d[c] = (*node - layer->least) / layer->step + PAD;
    }
    part_t part = {1.0, {0}, {0}, d[0], d[0]};
    if (inside == 8) {
        for (int c = 1; c < 8; c++) see(&part, d[c]);
        dose_of_whole(d, &mean, &a, &b);
    } else {
        part.volume = 0.0, part.least = INFINITY, part.most = -INFINITY;
        for (int t = 0; t < 6; t++) add_inside(&part, TETRAHEDRA[t], l, d);
        if (!(part.volume > LEAST_PART)) return ESRT_OK;
        dose_of(&part, d, &mean, &a, &b);
    }
    const double weight = part.volume * (u[1] - u[0]) * (v[1] - v[0]) * (w[1] - w[0]);
    sums[VOLUME] += weight;
    if (!is_covered(layer->map, layer->shape, 0.5 * (u[0] + u[1]), 0.5 * (v[0] + v[1]),
                    0.5 * (w[0] + w[1])))
        return ESRT_OK;
    if (!(part.least >= PAD - 0.5 && part.most <= (double)layer->bins + PAD + 0.5))
        return ESRT_BAD_ARGUMENT;
    mean = mean < part.least ? part.least : (mean > part.most ? part.most : mean);
    const double low = layer->least + (part.least - PAD) * layer->step;
    const double high = layer->least + (part.most - PAD) * layer->step;
    sums[COVERED] += weight;
    sums[DOSE_VOLUME] += weight * (layer->least + (mean - PAD) * layer->step);
    sums[MINIMUM] = low < sums[MINIMUM] ? low : sums[MINIMUM];
    sums[MAXIMUM] = high > sums[MAXIMUM] ? high : sums[MAXIMUM];
    spread(layer->spline, layer->bins, weight, mean, a, b);
    return ESRT_OK;
}

/* Add one layer to a histogram.
 *
 * u, v, w[2]: nodes, rising. lower, upper: levels (nv, nu) of two sections, of which (1 - blend) and
 * blend, and an inset that is not negative, make the level at w[0] and at w[1]; or null with whole
 * (nv - 1, nu - 1) nonzero where a cell counts whole. map: 3 x 4, row-major, from (u, v, w, 1) to
 * continuous (i, j, k) of dose, whose shape is (k, j, i); a cell has dose if its centre is in the
 * support. nodes: (2, nv, nu), dose at the nodes, NaN where not yet known; filled in. Doses are from
 * `least` to `least` + `bins` * `step`. spline: bins + TAIL third differences of the volume (mm3)
 * below each point of the axis; point PAD is `least`. sums: volume, volume with dose, integral of
 * dose (Gy mm3), least and greatest dose of what is inside (Gy), all to be added to or taken on.
 */
ESRT_EXPORT int32_t esrt_dvh_layer(int64_t nu, const double *u, int64_t nv, const double *v,
                                   const double *w, const double *lower, const double *upper,
                                   const double *blend, const double *inset, const uint8_t *whole,
                                   const double *map, const int64_t *shape, const double *dose,
                                   double *nodes, double least, double step, int64_t bins,
                                   double *spline, double *sums) {
    if (nu < 2 || nv < 2 || nu > MAX_COUNT / nv || bins < 1 || bins > MAX_COUNT)
        return ESRT_BAD_ARGUMENT;
    if (!(step > 0.0) || (lower == 0) != (upper == 0) || (lower == 0) == (whole == 0))
        return ESRT_BAD_ARGUMENT;
    if (shape[0] < 1 || shape[1] < 1 || shape[2] < 1) return ESRT_BAD_ARGUMENT;
    const layer_t layer = {nu,  nv,    u,    v,     w,     lower, upper, blend,  inset,
                           whole, map, shape, dose, nodes, least, step,  bins, spline, sums};
    for (int64_t j = 0; j + 1 < nv; j++) {
        for (int64_t first = 0; first + 1 < nu; first += RUN) {
            const int64_t stop = first + RUN < nu - 1 ? first + RUN : nu - 1;
            if (lower && !any_inside(&layer, j, first, stop)) continue;
            for (int64_t i = first; i < stop; i++) {
                const int32_t code = add_cell(&layer, i, j);
                if (code != ESRT_OK) return code;
            }
        }
    }
    return ESRT_OK;
}
