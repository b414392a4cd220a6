#include "io/npy.h"

#include "base/error.h"
#include "base/tensor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "elements are written as they are in memory");

#define MAGIC        "\x93NUMPY"
#define MAGIC_LENGTH 6
#define ALIGNMENT    64 /* of the first element in a file that we write */

/* How numpy.dtype is told each type: a code that may have a byte order in front, or a name that has none. */
static const struct {
    int64_t number;
    const char *descr; /* what we write */
    const char *codes, *names;
} types[] = {
    {CONVOY_F32, "<f4", " f4 f ", " float32 single "},
    {CONVOY_F64, "<f8", " f8 d ", " float64 double float "},
    {CONVOY_F16, "<f2", " f2 e ", " float16 half "},
    {CONVOY_I8, "|i1", " i1 b ", " int8 byte "},
    {CONVOY_I16, "<i2", " i2 h ", " int16 short "},
    {CONVOY_I32, "<i4", " i4 i ", " int32 intc "},
    {CONVOY_I64, "<i8", " i8 l q p ", " int64 int longlong "},
    {CONVOY_U8, "|u1", " u1 B ", " uint8 ubyte "},
    {CONVOY_U16, "<u2", " u2 H ", " uint16 ushort "},
    {CONVOY_U32, "<u4", " u4 I ", " uint32 uintc "},
    {CONVOY_U64, "<u8", " u8 L Q P ", " uint64 uint ulonglong "},
    {CONVOY_BOOL, "|b1", " b1 ? ", " bool bool_ "},
};

/* The header is a Python dictionary; text is what is left of it. */
struct reader {
    const char *at, *end;
};

static void skip_spaces(struct reader *r) {
    while (r->at < r->end && (*r->at == ' ' || (*r->at >= '\t' && *r->at <= '\r')))
        r->at++;
}

/* Whether c comes next, after spaces; then it is consumed. */
static bool accept(struct reader *r, char c) {
    skip_spaces(r);
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

/* A quoted string without escapes, at most size-1 characters; Python 2 may have marked it as Unicode. */
static bool read_string(struct reader *r, char *text, size_t size) {
    accept(r, 'u');
    char quote = accept(r, '\'') ? '\'' : '"';
    if (quote == '"' && !accept(r, '"'))
        return false;
    size_t length = 0;
    while (r->at < r->end && *r->at != quote && *r->at != '\\' && *r->at >= ' ' && length + 1 < size)
        text[length++] = *r->at++;
    text[length] = 0;
    return r->at < r->end && *r->at++ == quote;
}

static bool read_word(struct reader *r, const char *word) {
    size_t length = strlen(word);
    skip_spaces(r);
    if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0)
        return false;
    r->at += length;
    return true;
}

static convoy_status error_header(convoy_error *error) {
    return error_set(
        error, CONVOY_E_INPUT,
        "its .npy header is damaged; a dictionary of descr, fortran_order and shape is accepted");
}

/* Whether the word stands in a list of words with a space before and behind each. */
static bool is_one_of(const char *word, const char *list) {
    char spaced[20];
    snprintf(spaced, sizeof spaced, " %s ", word);
    return *word && !strchr(word, ' ') && strstr(list, spaced);
}

static convoy_status read_type(struct reader *r, struct elements *elements, convoy_error *error) {
    char descr[16];
    if (!read_string(r, descr, sizeof descr))
        return error_set(error, CONVOY_E_UNSUPPORTED,
                         "holds records or has a damaged type; plain arrays of numbers are accepted");
    bool ordered = *descr && strchr("<>=|", *descr);
    const char *code = descr + ordered;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (is_one_of(code, types[i].codes) || (!ordered && is_one_of(code, types[i].names))) {
            elements->type = dtype_find(types[i].number);
            elements->big_endian = descr[0] == '>'; /* "=" and "|" are the order of the machine that reads */
            return CONVOY_OK;
        }
    return error_set(error, CONVOY_E_UNSUPPORTED,
                     "has elements of type '%s'; float16, float32, float64, bool, and integers of 8 to 64 "
                     "bits, signed or not, are accepted",
                     descr);
}

static convoy_status read_dimension(struct reader *r, int64_t *dimension, convoy_error *error) {
    int64_t value = 0;
    const char *first = r->at;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *r->at - '0', &value))
            return error_set(error, CONVOY_E_INPUT, "claims an axis of 2^63 elements or more");
    if (r->at == first)
        return error_header(error);
    if (r->at < r->end && *r->at == 'L') /* Python 2's long integers */
        r->at++;
    *dimension = value;
    return CONVOY_OK;
}

/* "()", "(3,)", "(3, 4)", "(3, 4,)" */
static convoy_status read_shape(struct reader *r, convoy_shape *shape, convoy_error *error) {
    *shape = (convoy_shape){0};
    if (!accept(r, '('))
        return error_header(error);
    bool comma = true;
    while (!accept(r, ')')) {
        if (!comma)
            return error_header(error);
        if (shape->rank == CONVOY_MAX_RANK)
            return error_set(error, CONVOY_E_UNSUPPORTED, "has more than %d axes", CONVOY_MAX_RANK);
        convoy_status status = read_dimension(r, &shape->dims[shape->rank], error);
        if (status != CONVOY_OK)
            return status;
        shape->rank++;
        comma = accept(r, ',');
    }
    return shape->rank == 1 && !comma ? error_header(error) : CONVOY_OK; /* "(3)" is a number, not a tuple */
}

static convoy_status read_header(struct reader *r, struct elements *elements, convoy_error *error) {
    enum { DESCR = 1, ORDER = 2, SHAPE = 4 };
    unsigned seen = 0, key;
    convoy_status status = CONVOY_OK;
    bool comma = true;
    if (!accept(r, '{'))
        return error_header(error);
    while (status == CONVOY_OK && !accept(r, '}')) {
        char name[16];
        if (!comma || !read_string(r, name, sizeof name) || !accept(r, ':'))
            return error_header(error);
        if (strcmp(name, "descr") == 0) {
            key = DESCR;
            status = read_type(r, elements, error);
        } else if (strcmp(name, "fortran_order") == 0) {
            key = ORDER;
            elements->column_major = read_word(r, "True");
            if (!elements->column_major && !read_word(r, "False"))
                return error_header(error);
        } else if (strcmp(name, "shape") == 0) {
            key = SHAPE;
            status = read_shape(r, &elements->shape, error);
        } else {
            return error_header(error);
        }
        if (seen & key)
            return error_header(error);
        seen |= key;
        comma = accept(r, ',');
    }
    if (status == CONVOY_OK && seen != (DESCR | ORDER | SHAPE))
        return error_header(error);
    return status;
}

bool npy_recognise(const uint8_t *bytes, size_t length) {
    return length >= MAGIC_LENGTH && memcmp(bytes, MAGIC, MAGIC_LENGTH) == 0;
}

/* Finds the header's text; *data is the offset of the first element. */
static convoy_status find_header(const uint8_t *bytes, size_t length, struct reader *r, size_t *data,
                                 convoy_error *error) {
    if (length < MAGIC_LENGTH + 2)
        return error_header(error);
    if (bytes[6] < 1 || bytes[6] > 3)
        return error_set(error, CONVOY_E_UNSUPPORTED,
                         "is .npy of version %u.%u; 1.0, 2.0 and 3.0 are accepted", bytes[6], bytes[7]);
    size_t width = bytes[6] == 1 ? 2 : 4, start = MAGIC_LENGTH + 2 + width, size = 0;
    if (length < start)
        return error_header(error);
    for (size_t i = width; i-- > 0;)
        size = size << 8 | bytes[MAGIC_LENGTH + 2 + i];
    if (size > length - start)
        return error_header(error);
    *r = (struct reader){(const char *)bytes + start, (const char *)bytes + start + size};
    *data = start + size;
    return CONVOY_OK;
}

convoy_status npy_parse(struct elements *elements, const uint8_t *bytes, size_t length, convoy_error *error) {
    struct elements found = {0};
    struct reader r = {0};
    size_t data = 0, wanted;
    if (!npy_recognise(bytes, length))
        return error_set(error, CONVOY_E_INPUT, "is no .npy file");
    convoy_status status = find_header(bytes, length, &r, &data, error);
    if (status == CONVOY_OK)
        status = read_header(&r, &found, error);
    if (status != CONVOY_OK)
        return status;
    skip_spaces(&r); /* the padding behind the dictionary */
    if (r.at != r.end)
        return error_header(error);
    char text[192];
    convoy_shape_text(&found.shape, text, sizeof text);
    if (!elements_size(found.type, &found.shape, &wanted))
        return error_set(error, CONVOY_E_INPUT, "claims %s elements, more than memory can hold", text);
    if (wanted != length - data)
        return error_set(error, CONVOY_E_INPUT, "claims %s elements of %s, which are %zu bytes, but has %zu",
                         text, found.type->name, wanted, length - data);
    found.data = bytes + data;
    if (!elements_valid(&found))
        return error_set(error, CONVOY_E_INPUT, "holds bytes other than 0 and 1, which are no bool");
    *elements = found;
    return CONVOY_OK;
}

static const char *descr_of(convoy_dtype dtype) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].number == (int64_t)dtype)
            return types[i].descr;
    return NULL;
}

/* The whole header, padded so that the elements are aligned. Returns its length. */
static size_t write_header(const convoy_tensor *tensor, char *header, size_t size) {
    char shape[256] = {0};
    size_t used = 0;
    for (uint32_t i = 0; i < tensor->shape.rank; i++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%lld", i ? ", " : "",
                                 (long long)tensor->shape.dims[i]);
    if (tensor->shape.rank == 1)
        shape[used] = ','; /* or it would be a number in brackets */
    memcpy(header, MAGIC "\x01\0\0", MAGIC_LENGTH + 4);
    size_t start = MAGIC_LENGTH + 4;
    size_t length = start + (size_t)snprintf(header + start, size - start,
                                             "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
                                             descr_of(tensor->dtype), shape);
    while ((length + 1) % ALIGNMENT)
        header[length++] = ' ';
    header[length++] = '\n';
    header[MAGIC_LENGTH + 2] = (char)((length - start) & 0xff);
    header[MAGIC_LENGTH + 3] = (char)((length - start) >> 8);
    return length;
}

convoy_status npy_write(const char *path, const convoy_tensor *tensor, convoy_error *error) {
    char header[512]; /* 8 axes of at most 19 digits, and less than 100 characters around them */
    size_t bytes;
    if (!descr_of(tensor->dtype) || !tensor_bytes(tensor->dtype, &tensor->shape, &bytes))
        return error_set(error, CONVOY_E_USAGE, "%s: is to hold something that is no tensor", path);
    size_t length = write_header(tensor, header, sizeof header);
    FILE *file = fopen(path, "wbe");
    bool written =
        file && fwrite(header, 1, length, file) == length && fwrite(tensor->data, 1, bytes, file) == bytes;
    int cause = errno;
    if (file && fclose(file) != 0 && written) {
        cause = errno;
        written = false;
    }
    char text[64];
    if (!written)
        return error_set(error, CONVOY_E_IO, "%s: cannot be written: %s", path,
                         strerror_r(cause, text, sizeof text));
    return CONVOY_OK;
}
