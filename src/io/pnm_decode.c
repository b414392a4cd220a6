/* PGM and PPM: P2 (grey, text), P3 (RGB, text), P5 (grey), P6 (RGB); see netpbm's pgm(5) and ppm(5). */
#include "io/image.h"

#include "base/error.h"

struct reader {
    const uint8_t *at, *end;
};

static bool is_space(uint8_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Skips spaces and comments, then reads a decimal number of at most maximum. */
static bool read_number(struct reader *r, unsigned maximum, unsigned *value) {
    while (r->at < r->end && (is_space(*r->at) || *r->at == '#')) {
        bool comment = *r->at == '#';
        while (comment && r->at < r->end && *r->at != '\n')
            r->at++;
        if (r->at < r->end)
            r->at++;
    }
    const uint8_t *first = r->at;
    unsigned number = 0;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        number = number * 10 + (*r->at - '0');
        if (number > maximum)
            return false;
    }
    *value = number;
    return r->at > first;
}

/* A sample of at most maximum as one of the picture's depth, rounded. */
static uint16_t scale(unsigned value, unsigned maximum, const struct image *image) {
    return (uint16_t)(((uint64_t)value * image->maximum + maximum / 2) / maximum);
}

static convoy_status read_text(struct reader *r, struct image *image, unsigned maximum, convoy_error *error) {
    int64_t count = image->height * image->width * image->channels;
    for (int64_t i = 0; i < count; i++) {
        unsigned value;
        if (!read_number(r, maximum, &value))
            return error_set(error, CONVOY_E_INPUT,
                             "is a PNM picture in text that ends, or is damaged, at pixel %lld",
                             (long long)(i / image->channels));
        image->pixels[i] = scale(value, maximum, image);
    }
    return CONVOY_OK;
}

static convoy_status read_binary(struct reader *r, struct image *image, unsigned maximum,
                                 convoy_error *error) {
    int64_t count = image->height * image->width * image->channels;
    for (int64_t i = 0; i < count; i++) {
        unsigned value = *r->at++;
        if (maximum > 255)
            value = value << 8 | *r->at++;
        if (value > maximum)
            return error_set(error, CONVOY_E_INPUT,
                             "is a PNM picture with the sample %u above its maximum %u", value, maximum);
        image->pixels[i] = scale(value, maximum, image);
    }
    return CONVOY_OK;
}

/* The formats that are read, by the digit behind the P. */
static const struct kind {
    uint8_t digit;
    bool text;
    int channels;
} kinds[] = {{'2', true, 1}, {'3', true, 3}, {'5', false, 1}, {'6', false, 3}};

static const struct kind *kind_find(const uint8_t *bytes, size_t length) {
    if (length < 3 || bytes[0] != 'P' || (!is_space(bytes[2]) && bytes[2] != '#'))
        return NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].digit == bytes[1])
            return &kinds[i];
    return NULL;
}

convoy_status pnm_decode(struct image *image, const uint8_t *bytes, size_t length, convoy_error *error) {
    const struct kind *kind = kind_find(bytes, length);
    if (!kind)
        return error_set(error, CONVOY_E_UNSUPPORTED,
                         "is no PGM or PPM picture; P2, P3, P5 and P6 are accepted");
    struct reader r = {bytes + 2, bytes + length};
    unsigned width, height, maximum;
    if (!read_number(&r, 1u << 24, &width) || !read_number(&r, 1u << 24, &height) ||
        !read_number(&r, 65535, &maximum) || maximum == 0 || r.at == r.end || !is_space(*r.at))
        return error_set(error, CONVOY_E_INPUT,
                         "is a PNM picture with a damaged header; P2, P3, P5 or P6, width, height and "
                         "maximum (1 to 65535) "
                         "are accepted");
    r.at++;
    /* A sample of text takes a digit and a space, but the last one. */
    uint64_t samples = (uint64_t)width * height * (unsigned)kind->channels;
    uint64_t needed = samples * (kind->text || maximum > 255 ? 2 : 1) - kind->text;
    struct image made = {0};
    convoy_status status = CONVOY_OK;
    if (width && height && needed > (uint64_t)(r.end - r.at))
        status = error_set(error, CONVOY_E_INPUT,
                           "is a cut off PNM picture: %u x %u pixels need %llu bytes, it has %zu", width,
                           height, (unsigned long long)needed, (size_t)(r.end - r.at));
    else
        status = image_create(&made, height, width, kind->channels, error);
    if (status == CONVOY_OK && maximum > 255)
        made.maximum = 65535;
    if (status == CONVOY_OK)
        status = kind->text ? read_text(&r, &made, maximum, error) : read_binary(&r, &made, maximum, error);
    if (status != CONVOY_OK)
        image_release(&made);
    else
        *image = made;
    return status;
}
