/* NumPy's file format .npy (NEP 1): reading versions 1.0, 2.0 and 3.0, writing 1.0. */
#ifndef IO_NPY_H
#define IO_NPY_H

#include <convoy/tensor.h>

#include <stdbool.h>
#include <stdint.h>

/* Whether the bytes begin as a .npy file does. */
bool npy_recognise(const uint8_t *bytes, size_t length);

/* Copies the array in bytes[0..length) into a tensor of its own shape and type; an array in Fortran order is
 * transposed into row-major order. The bytes must hold exactly the elements that the header promises; that is
 * checked before memory is taken. CONVOY_E_INPUT, CONVOY_E_UNSUPPORTED (a type that is no convoy_dtype,
 * big-endian, more than CONVOY_MAX_RANK axes), CONVOY_E_MEMORY. */
convoy_status npy_decode(convoy_tensor *tensor, const uint8_t *bytes, size_t length, convoy_error *error);

/* Writes a tensor as a file of version 1.0 in C order. The sentence names path. CONVOY_E_IO. */
convoy_status npy_write(const char *path, const convoy_tensor *tensor, convoy_error *error);

#endif
