/* The kernels that combine.c and unmix.c choose from, one file for each instruction set. */
#ifndef LINALG_KERNELS_H
#define LINALG_KERNELS_H

#include "linalg/combine.h"
#include "linalg/unmix.h"

void combine_plain(const struct combine_job *job);
void unmix_prepare_plain(const struct unmix_map *map, void *scratch);
void unmix_plain(const struct unmix_job *job);
#ifdef CONVOY_X86
void combine_avx2(const struct combine_job *job);
void combine_avx512(const struct combine_job *job);
void unmix_prepare_avx2(const struct unmix_map *map, void *scratch);
void unmix_avx2(const struct unmix_job *job);
void unmix_prepare_avx512(const struct unmix_map *map, void *scratch);
void unmix_avx512(const struct unmix_job *job);
#endif

#endif
