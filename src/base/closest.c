/* Which word was meant: the optimal string alignment distance (Boytsov, "Indexing methods for approximate
 * dictionary searching", 2011, section 2.2.1), which counts letters inserted, left out, replaced, and two
 * neighbours exchanged. Cost: product of the two lengths. */
#include <convoy/status.h>

#include <stdbool.h>
#include <string.h>

#define LONGEST        64 /* letters of a word that is compared */
#define LEAST_PREFIX   3  /* letters that a shortened word must have */
#define LETTERS_A_SLIP 3  /* of so many letters one may be wrong */

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Both at most LONGEST long. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length) {
    size_t rows[3][LONGEST + 1]; /* of the table: the last but one, the last, the present */
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= b_length; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
        size_t *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[b_length];
}

const char *convoy_closest(const char *word, const char *const *words, size_t count) {
    const size_t length = word ? strlen(word) : 0;
    const char *closest = NULL;
    size_t fewest = length > 0 && length < LETTERS_A_SLIP ? 2 : length / LETTERS_A_SLIP + 1; /* not close */
    if (length == 0 || length > LONGEST)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const size_t other = strlen(words[i]);
        if (other > LONGEST)
            continue;
        const bool shortened = length >= LEAST_PREFIX && strncmp(word, words[i], length) == 0;
        const size_t slips = shortened ? 1 : distance(word, length, words[i], other);
        if (slips < fewest && slips < other) {
            fewest = slips;
            closest = words[i];
        }
    }
    return closest;
}
