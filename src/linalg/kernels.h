/* The kernels that combine.c, unmix.c and project.c choose from, one file for each instruction set. */
#ifndef LINALG_KERNELS_H
#define LINALG_KERNELS_H

#include "linalg/combine.h"
#include "linalg/project.h"
#include "linalg/unmix.h"

/* How many of the kernels, which both lists have in one order (AVX-512, AVX2, plain), this processor lacks.
 */
size_t kernels_lacking(void);

float combine_plain(const struct combine_job *job);
void project_row_plain(const float *row, const float *r, size_t count, float *sums);
void unmix_prepare_plain(const struct unmix_map *map, void *scratch);
bool unmix_plain(const struct unmix_job *job);
void unmix_widen_plain(convoy_dtype from_dtype, const void *from, size_t count, float *to);
#ifdef CONVOY_X86
float combine_avx2(const struct combine_job *job);
float combine_avx512(const struct combine_job *job);
void project_row_avx2(const float *row, const float *r, size_t count, float *sums);
void project_row_avx512(const float *row, const float *r, size_t count, float *sums);
void unmix_prepare_avx2(const struct unmix_map *map, void *scratch);
bool unmix_avx2(const struct unmix_job *job);
void unmix_widen_avx2(convoy_dtype from_dtype, const void *from, size_t count, float *to);
void unmix_prepare_avx512(const struct unmix_map *map, void *scratch);
bool unmix_avx512(const struct unmix_job *job);
void unmix_widen_avx512(convoy_dtype from_dtype, const void *from, size_t count, float *to);
#endif

#endif
