/* The kernels that combine.c and lines.c choose from, one file for each instruction set. */
#ifndef LINALG_KERNELS_H
#define LINALG_KERNELS_H

#include "linalg/combine.h"
#include "linalg/lines.h"

void combine_plain(const struct combine_job *job);
#ifdef CONVOY_X86
void combine_avx2(const struct combine_job *job);
void combine_avx512(const struct combine_job *job);
void lines_split_avx2(const struct line_split *job);
void lines_finish_avx2(const struct line_finish *job);
#endif

#endif
