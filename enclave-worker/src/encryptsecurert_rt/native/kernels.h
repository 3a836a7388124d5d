/* What all kernels share: the codes that they return, and how their symbols are seen.
 *
 * A kernel is a pure function of its arguments. Sizes are int64_t and checked before use. Results
 * do not depend on the processor: no contraction into fused operations, no reassociation.
 */
#ifndef ESRT_KERNELS_H
#define ESRT_KERNELS_H

#include <stdint.h>

#define ESRT_OK 0
#define ESRT_BAD_ARGUMENT (-1)
#define ESRT_NO_MEMORY (-2)

#define ESRT_EXPORT __attribute__((visibility("default")))

/* One source, two machine codes with the same results: the wide one where the processor has it. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define ESRT_CLONES __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define ESRT_CLONES
#endif

#endif
