#include "json.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

json_t *json_text(const char *text) {
    if (!text)
        return json_null();
    json_t *string = json_string(text);
    char *copy = string ? NULL : strdup(text);
    if (copy) {
        for (char *c = copy; *c; c++)
            *c = (unsigned char)*c < 128 ? *c : '?';
        string = json_string(copy);
        free(copy);
    }
    return string;
}

json_t *json_number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_if(bool applies, double value) {
    return applies ? json_number(value) : json_null();
}

json_t *json_count_if(bool applies, uint32_t count) {
    return applies ? json_integer(count) : json_null();
}

json_t *json_shape(const convoy_shape *shape) {
    json_t *array = json_array();
    for (uint32_t i = 0; i < shape->rank; i++)
        json_array_append_new(array, json_integer(shape->dims[i]));
    return array;
}

json_t *json_numbers(const uint32_t *numbers, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_integer(numbers[i]));
    return array;
}

const char *json_engine(const convoy_options *session) {
    return session->local ? "local" : session->spawn ? "spawn" : session->listen ? "zmq" : "threads";
}

bool json_print(json_t *object, int digits) {
    const bool done = object && json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(digits)) == 0;
    json_decref(object);
    if (done)
        putchar('\n');
    return done;
}
