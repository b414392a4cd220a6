/* Operator sets, by their domains. */
#ifndef MODEL_OPSET_H
#define MODEL_OPSET_H

#include "model/graph.h"

/* A domain with one name: ONNX's own, which is written in two ways, is "". */
const char *domain_plain(const char *domain);

/* The version of a domain that the model imports; 0: none. */
int64_t opset_version(const convoy_model *model, const char *domain);

#endif
