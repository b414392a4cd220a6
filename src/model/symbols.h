/* The names of open axes: axes of one name have one size. */
#ifndef MODEL_SYMBOLS_H
#define MODEL_SYMBOLS_H

#include "model/graph.h"

/* bound[i]: the shape given for input i, with the axes that it leaves open (-1) filled in where another axis
 * of the same name is given. CONVOY_E_INPUT if axes of one name are given different sizes; CONVOY_E_MEMORY.
 */
convoy_status symbols_bind(const convoy_model *model, const convoy_shape *given, convoy_shape *bound,
                           convoy_error *error);

#endif
