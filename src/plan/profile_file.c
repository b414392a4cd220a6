#include "plan/profile_file.h"

#include "base/error.h"
#include "plan/profile_members.h"
#include "plan/text_file.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_FILE_BYTES ((size_t)1 << 20)
#define DIGITS          4  /* nothing is known better of a machine */
#define WHERE           48 /* "workers[255].slowness." */

/* ---- reading ---- */

struct reader {
    const char *path;
    convoy_error *error;
};

/* A name that came from the file, as it may stand in a sentence. */
static const char *shown(const char *name, char text[40]) {
    snprintf(text, 40, "%s", name);
    for (char *c = text; *c; c++)
        *c = *c >= ' ' && *c <= '~' ? *c : '?';
    return text;
}

static convoy_status read_object(const struct reader *reader, const json_t *object, const char *where,
                                 const struct profile_members *members, void *base);

/* "a, b, c". */
static void list_members(const struct profile_members *members, char *text, size_t size) {
    size_t at = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < members->count && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%s", i ? ", " : "", members->items[i].name);
}

static convoy_status refuse_unknown(const struct reader *reader, const json_t *object, const char *where,
                                    const struct profile_members *members) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value) {
        uint32_t i = 0;
        while (i < members->count && strcmp(members->items[i].name, name) != 0)
            i++;
        if (i < members->count)
            continue;
        char text[40], known[256];
        list_members(members, known, sizeof known);
        return error_set(reader->error, CONVOY_E_INPUT, "%s: %s%s is unknown: there may be %s", reader->path,
                         where, shown(name, text), known);
    }
    return CONVOY_OK;
}

static convoy_status wrong_type(const struct reader *reader, const char *where, const char *name,
                                const char *wanted) {
    return error_set(reader->error, CONVOY_E_INPUT, "%s: %s%s must be %s", reader->path, where, name, wanted);
}

static convoy_status read_number(const struct reader *reader, const json_t *value, const char *where,
                                 const struct profile_member *member, double *number) {
    if (member->null_is_infinite && json_is_null(value)) {
        *number = INFINITY;
        return CONVOY_OK;
    }
    if (!json_is_number(value))
        return wrong_type(reader, where, member->name,
                          member->null_is_infinite ? "a number, or null for memory that both sides see"
                                                   : "a number");
    *number = json_number_value(value) * member->times / member->over;
    return CONVOY_OK;
}

static convoy_status read_count(const struct reader *reader, const json_t *value, const char *where,
                                const struct profile_member *member, void *at) {
    const json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || (double)number < member->least || (double)number > member->most) {
        char wanted[80];
        snprintf(wanted, sizeof wanted, "a whole number from %.0f to %g", member->least, member->most);
        return wrong_type(reader, where, member->name, wanted);
    }
    if (member->kind == MEMBER_COUNT)
        *(uint32_t *)at = (uint32_t)number;
    else
        *(uint64_t *)at = (uint64_t)number;
    return CONVOY_OK;
}

static convoy_status read_workers(const struct reader *reader, const json_t *array,
                                  const struct profile_member *member, struct profile *profile) {
    const size_t count = json_array_size(array);
    if (count < 1 || count > CONVOY_MAX_WORKERS)
        return wrong_type(reader, "", member->name, "an array of 1 to 256 kinds of workers");
    profile->worker_kinds = (uint32_t)count;
    for (size_t k = 0; k < count; k++) {
        char where[WHERE];
        snprintf(where, sizeof where, "%s[%zu].", member->name, k);
        const convoy_status status =
            read_object(reader, json_array_get(array, k), where, member->members, &profile->workers[k]);
        if (status != CONVOY_OK)
            return status;
    }
    return CONVOY_OK;
}

/* Whether a text of UTF-8 may stand in a message: nothing in it controls a terminal. */
static bool is_on_one_line(const char *text) {
    const unsigned char *c = (const unsigned char *)text;
    while (*c >= ' ' && *c != 0x7f && !(*c == 0xc2 && c[1] < 0xa0)) /* U+0080 to U+009F: C2 80 to C2 9F */
        c++;
    return !*c;
}

static convoy_status read_member(const struct reader *reader, const json_t *value, const char *where,
                                 const struct profile_member *member, void *base) {
    void *at = (char *)base + member->offset;
    char within[WHERE];
    switch (member->kind) {
    case MEMBER_VERSION:
        return json_is_integer(value) && json_integer_value(value) == PROFILE_VERSION
                   ? CONVOY_OK
                   : wrong_type(reader, where, member->name, "1, the version of profiles that is known here");
    case MEMBER_TEXT:
        if (!json_is_string(value) || json_string_length(value) >= PROFILE_NAME ||
            !is_on_one_line(json_string_value(value)))
            return wrong_type(reader, where, member->name,
                              "a text of less than 64 bytes without control characters");
        snprintf(at, PROFILE_NAME, "%s", json_string_value(value));
        return CONVOY_OK;
    case MEMBER_NUMBER:
        return read_number(reader, value, where, member, at);
    case MEMBER_COUNT:
    case MEMBER_BYTES:
        return read_count(reader, value, where, member, at);
    case MEMBER_OBJECT:
        snprintf(within, sizeof within, "%s%s.", where, member->name);
        return read_object(reader, value, within, member->members, base);
    case MEMBER_WORKERS:
        return read_workers(reader, value, member, base);
    }
    return CONVOY_E_INTERNAL;
}

/* where ends in a dot, but for the profile itself. base is zeroed. */
static convoy_status read_object(const struct reader *reader, const json_t *object, const char *where,
                                 const struct profile_members *members, void *base) {
    if (!json_is_object(object))
        return error_set(reader->error, CONVOY_E_INPUT, "%s: %.*s must be an object of named members",
                         reader->path, where[0] ? (int)strlen(where) - 1 : 11,
                         where[0] ? where : "the profile");
    convoy_status status = refuse_unknown(reader, object, where, members);
    for (uint32_t i = 0; status == CONVOY_OK && i < members->count; i++) {
        const struct profile_member *member = &members->items[i];
        const json_t *value = json_object_get(object, member->name);
        if (value)
            status = read_member(reader, value, where, member, base);
        else if (member->required)
            status = error_set(reader->error, CONVOY_E_INPUT, "%s: %s%s is missing", reader->path, where,
                               member->name);
    }
    return status;
}

static convoy_status read_text(const char *text, size_t bytes, struct profile *profile, const char *path,
                               convoy_error *error) {
    json_error_t reason;
    convoy_error range;
    struct profile made = {0};
    const struct reader reader = {path, error};
    json_t *json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &reason);
    if (!json) {
        char what[JSON_ERROR_TEXT_LENGTH];
        snprintf(what, sizeof what, "%s", reason.text);
        for (char *c = what; *c; c++)
            *c = *c >= ' ' && *c <= '~' ? *c : '?';
        return error_set(error, CONVOY_E_INPUT, "%s: no profile in JSON: line %d, column %d: %s", path,
                         reason.line, reason.column, what);
    }
    convoy_status status = read_object(&reader, json, "", &profile_members, &made);
    json_decref(json);
    if (status == CONVOY_OK && profile_check(&made, &range) != CONVOY_OK)
        status = error_set(error, range.status, "%s: %s", path, range.message);
    if (status == CONVOY_OK)
        *profile = made;
    return status;
}

convoy_status profile_read(struct profile *profile, const char *path, convoy_error *error) {
    size_t bytes = 0;
    char *text = NULL;
    convoy_status status = text_file_read(&text, &bytes, path, MOST_FILE_BYTES, error);
    if (status == CONVOY_OK)
        status = read_text(text, bytes, profile, path, error);
    free(text);
    return status;
}

convoy_status profile_find(struct profile *profile, const char *name_or_path, convoy_error *error) {
    struct stat info;
    return stat(name_or_path, &info) == 0 ? profile_read(profile, name_or_path, error)
                                          : profile_preset(profile, name_or_path, error);
}

/* ---- writing ---- */

static json_t *write_object(const struct profile_members *members, const void *base);

static json_t *write_workers(const struct profile_members *members, const struct profile *profile) {
    json_t *array = json_array();
    for (uint32_t k = 0; k < profile->worker_kinds; k++)
        if (json_array_append_new(array, write_object(members, &profile->workers[k])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *write_member(const struct profile_member *member, const void *base) {
    const void *at = (const char *)base + member->offset;
    switch (member->kind) {
    case MEMBER_VERSION:
        return json_integer(PROFILE_VERSION);
    case MEMBER_TEXT:
        return json_string(at);
    case MEMBER_NUMBER:
        return isinf(*(const double *)at) ? json_null() : json_real(profile_member_value(member, base));
    case MEMBER_COUNT:
        return json_integer(*(const uint32_t *)at);
    case MEMBER_BYTES:
        return json_integer((json_int_t) * (const uint64_t *)at);
    case MEMBER_OBJECT:
        return write_object(member->members, base);
    case MEMBER_WORKERS:
        return write_workers(member->members, base);
    }
    return NULL;
}

/* NULL without memory, or for a name that is no UTF-8. */
static json_t *write_object(const struct profile_members *members, const void *base) {
    json_t *object = json_object();
    for (uint32_t i = 0; i < members->count; i++)
        if (json_object_set_new(object, members->items[i].name, write_member(&members->items[i], base)) !=
            0) {
            json_decref(object);
            return NULL;
        }
    return object;
}

convoy_status profile_write(const struct profile *profile, const char *path, convoy_error *error) {
    convoy_error range;
    if (profile_check(profile, &range) != CONVOY_OK)
        return error_set(error, range.status, "%s: the profile cannot be written: %s", path, range.message);
    char *line = NULL, *text = NULL;
    json_t *json = write_object(&profile_members, profile);
    if (json)
        text = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(DIGITS));
    json_decref(json);
    if (text && asprintf(&line, "%s\n", text) < 0)
        line = NULL;
    const convoy_status status = line ? text_file_write(line, path, "profile", error) : error_memory(error);
    free(line);
    free(text);
    return status;
}
