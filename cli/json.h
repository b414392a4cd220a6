/* Pieces of JSON that the commands share. (Jansson) */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <convoy/convoy.h>

struct json_t;

#define JSON_VERSION      1 /* of all objects that the program prints: members are only ever added */
#define JSON_FLOAT_DIGITS 9 /* a float comes back the same */

/* A string, or null; bytes beyond ASCII become "?" if they are not UTF-8. */
struct json_t *json_text(const char *text);

/* A number; null for NaN and infinities, which JSON does not have. */
struct json_t *json_number(double value);

/* A number that applies; else null. */
struct json_t *json_if(bool applies, double value);
struct json_t *json_count_if(bool applies, uint32_t count);

/* Arrays of numbers. */
struct json_t *json_shape(const convoy_shape *shape);
struct json_t *json_numbers(const uint32_t *numbers, size_t count);

/* Who computes: "local", "spawn", "zmq" or "threads". */
const char *json_engine(const convoy_options *session);

/* Prints an object, which is taken, on standard output. False without memory, or for NULL. */
bool json_print(struct json_t *object, int digits);

#endif
