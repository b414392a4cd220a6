/* The JSON of convoy inspect; docs/json/inspect.json describes it. */
#ifndef CLI_INSPECT_JSON_H
#define CLI_INSPECT_JSON_H

#include <convoy/convoy.h>

/* Prints the object. False without memory. */
bool inspect_json_print(const char *path, const convoy_model *model, const convoy_session *session);

/* The same of a model with operators that are not supported. */
bool inspect_json_print_nodes(const char *path, const convoy_model *model);

#endif
