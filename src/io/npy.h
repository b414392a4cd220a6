/* NumPy's file format .npy (NEP 1): reading versions 1.0, 2.0 and 3.0, writing 1.0. */
#ifndef IO_NPY_H
#define IO_NPY_H

#include "io/elements.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether the bytes begin as a .npy file does. */
bool npy_recognise(const uint8_t *bytes, size_t length);

/* Finds the elements of the array in bytes[0..length), which the result borrows: of any spelling of their
 * type and byte order that numpy.load takes, in C or Fortran order. The bytes must hold exactly the elements
 * that the header promises. CONVOY_E_INPUT, CONVOY_E_UNSUPPORTED (records, text, complex numbers, more than
 * CONVOY_MAX_RANK axes). */
convoy_status npy_parse(struct elements *elements, const uint8_t *bytes, size_t length, convoy_error *error);

/* Writes a tensor as a file of version 1.0 in C order. The sentence names path. CONVOY_E_IO. */
convoy_status npy_write(const char *path, const convoy_tensor *tensor, convoy_error *error);

#endif
