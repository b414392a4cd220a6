/* What every call of Convoy returns, and the sentence that explains a failure. A call that returns a status
 * refuses NULL with CONVOY_E_USAGE where its description does not allow it. All other calls need valid
 * pointers where their descriptions do not say that they take NULL. */
#ifndef CONVOY_STATUS_H
#define CONVOY_STATUS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CONVOY_API __attribute__((visibility("default")))

typedef enum convoy_status {
    CONVOY_OK = 0,
    CONVOY_E_USAGE,       /* an argument or option that makes no sense; the caller's mistake */
    CONVOY_E_INPUT,       /* a model, tensor, image or file whose content is wrong */
    CONVOY_E_UNSUPPORTED, /* valid, but something that Convoy cannot compute (an operator, a type) */
    CONVOY_E_IO,          /* a file or socket that cannot be opened, read or written */
    CONVOY_E_MEMORY,      /* no memory */
    CONVOY_E_WORKERS,     /* fewer workers left than a layer needs, and no fallback allowed */
    CONVOY_E_CLOSED,      /* the session or transport was closed while the call was under way */
    CONVOY_E_CANCELLED,   /* given up, as convoy_options.cancelled asked */
    CONVOY_E_INTERNAL     /* a library underneath failed, or a defect of Convoy */
} convoy_status;

/* One sentence about a failure; it names the thing and what would be accepted. Every call that takes a
 * convoy_error also takes NULL. It is written only on failure. */
typedef struct convoy_error {
    convoy_status status;
    char message[512];
} convoy_error;

/* A few words for a status, static storage: "bad input". Never NULL. */
CONVOY_API const char *convoy_status_text(convoy_status status);

/* Of words[0..count) the one that was probably meant by a mistyped word: about one letter in three may be
 * wrong, missing, too many, or exchanged with the next, and a beginning of three letters will do. NULL: none
 * is close. For the sentences of errors. Thread-safe. */
CONVOY_API const char *convoy_closest(const char *word, const char *const *words, size_t count);

#ifdef __cplusplus
}
#endif
#endif
