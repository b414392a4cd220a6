#include "audit.h"

#include "json.h"
#include "options.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

convoy_status audit_open(struct audit *audit, const char *path, convoy_error *error) {
    audit->file = NULL;
    if (!path)
        return CONVOY_OK;
    audit->file = fopen(path, "ae");
    return audit->file ? CONVOY_OK
                       : cli_error(error, CONVOY_E_IO, "%s: cannot be written: %s", path, strerror(errno));
}

/* "2026-11-28T03:30:29Z" */
static json_t *now(void) {
    char text[32] = "";
    const time_t seconds = time(NULL);
    struct tm utc;
    if (gmtime_r(&seconds, &utc))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return json_string(text);
}

void audit_note(void *context, const convoy_wrong_answer *wrong) {
    struct audit *audit = context;
    json_t *object =
        json_pack("{s:o, s:o, s:i, s:o, s:o, s:o, s:b}", "time", now(), "layer", json_text(wrong->layer),
                  "worker", (int)wrong->worker, "key", json_text(*wrong->key ? wrong->key : NULL),
                  "deviation", json_number(wrong->deviation), "threshold", json_number(wrong->limit),
                  "distrusted", (int)wrong->distrusted);
    if (object && json_dumpf(object, audit->file, JSON_COMPACT | JSON_REAL_PRECISION(4)) == 0)
        putc('\n', audit->file);
    fflush(audit->file);
    json_decref(object);
}

convoy_status audit_close(struct audit *audit, const char *path, convoy_error *error) {
    if (!audit->file)
        return CONVOY_OK;
    const bool failed = ferror(audit->file) != 0;
    const bool written = fclose(audit->file) == 0 && !failed;
    audit->file = NULL;
    return written ? CONVOY_OK
                   : cli_error(error, CONVOY_E_IO, "%s: not all wrong answers could be written", path);
}
