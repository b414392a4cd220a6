/* Typed access to what parametrises a node: its attributes, and inputs that must be known beforehand. A wrong
 * type or value fails the node (lowering.h) and gives the fallback. An attribute that nobody asks for is not
 * supported: the driver says so. */
#ifndef MODEL_ATTRIBUTES_H
#define MODEL_ATTRIBUTES_H

#include "model/lowering.h"

/* Integers one per axis, or two. */
struct int_list {
    bool given;
    uint32_t count;
    int64_t values[2 * CONVOY_MAX_RANK];
};

/* The attribute, marked as read; NULL where the node has none. */
const struct attribute *attribute_find(struct lowering *lowering, const char *name);

int64_t attribute_int(struct lowering *lowering, const char *name, int64_t fallback);
float attribute_float(struct lowering *lowering, const char *name, float fallback);

/* Valid as long as the model; fallback where the node has none. */
const char *attribute_text(struct lowering *lowering, const char *name, const char *fallback);
struct int_list attribute_ints(struct lowering *lowering, const char *name);

/* Which of some texts it is, as their number; names end with NULL. */
unsigned attribute_choice(struct lowering *lowering, const char *name, const char *const *names,
                          const char *fallback);

/* A list of numbers, in its floats and count; NULL if the node has none. */
const struct attribute *attribute_floats(struct lowering *lowering, const char *name);

/* An input as integers; it must be a constant of int32 or int64 if it is given, or, until operator set 5,
 * of any number type. what: its name in ONNX. */
struct int_list input_ints(struct lowering *lowering, size_t input, const char *what);

/* An input as the shape of a result, whose axes are given. */
convoy_shape input_new_shape(struct lowering *lowering, size_t input, const char *what);

/* What was an attribute before operator set `moved`, and an input from then on. */
struct int_list option_ints(struct lowering *lowering, const char *name, size_t input, int64_t moved);

/* An input as one number; it must be a constant with one element where it is given. */
double input_number_value(struct lowering *lowering, size_t input, const char *what, double fallback);

/* *constant, a value that must be known beforehand, becomes what a layer on x has: in the type in which it
 * computes. what: for sentences, "weights". */
convoy_status layer_constant(struct lowering *lowering, uint32_t x, const char *what, uint32_t *constant);

/* An axis of -rank..rank-1 as one of 0..rank-1. */
uint32_t axis_normal(struct lowering *lowering, int64_t axis, uint32_t rank);

/* Axes as one bit each. */
uint32_t axes_mask(struct lowering *lowering, const struct int_list *axes, uint32_t rank);

#endif
