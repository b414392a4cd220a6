/* Tables fitted to the width of a line. */
#include "table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What the table prints if COLUMNS says so (NULL: nothing is known), to be freed. */
static char *printed(const struct table *table, const char *columns) {
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size), *file = tmpfile();
    assert_non_null(memory);
    assert_non_null(file);
    if (columns)
        setenv("COLUMNS", columns, 1);
    else
        unsetenv("COLUMNS");
    assert_true(table_print(table, file));
    rewind(file);
    for (int c; (c = fgetc(file)) != EOF;)
        fputc(c, memory);
    fclose(file);
    fclose(memory);
    return text;
}

static void prints(const struct table *table, const char *columns, const char *wanted) {
    char *text = printed(table, columns);
    assert_string_equal(text, wanted);
    free(text);
}

static void fill(struct table *table, const char *kinds, const char *const *cells) {
    table_open(table, kinds);
    for (; *cells; cells++)
        table_cell(table, "%s", *cells);
}

static void aligns_columns(void **state) {
    (void)state;
    struct table table;
    fill(&table, "<>", (const char *const[]){"name", "δ", "κ1", "10", "longer", "7", NULL});
    prints(&table, NULL, "name     δ\nκ1      10\nlonger   7\n");
    table_close(&table);
}

static void leaves_out_what_says_nothing(void **state) {
    (void)state;
    struct table table;
    fill(&table, "<><", (const char *const[]){"a", "lost", "b", "1", "", "2", "3", "", "4", NULL});
    prints(&table, NULL, "a  b\n1  2\n3  4\n");
    table_close(&table);
}

/* Every line of the text is as wide as this at most, and one is. */
static void fills(const char *text, size_t width) {
    size_t widest = 0;
    while (*text) {
        const size_t bytes = strcspn(text, "\n");
        char line[256];
        snprintf(line, sizeof line, "%.*s", (int)bytes, text);
        if (table_text_width(line) > widest)
            widest = table_text_width(line);
        text += bytes + (text[bytes] == '\n');
    }
    assert_int_equal(widest, width);
}

static void shortens_names_in_the_middle(void **state) {
    (void)state;
    struct table table;
    fill(&table, "n>",
         (const char *const[]){"layer", "ms", "stage1/block2/bränch3/convolution4/weights", "1.25", "conv",
                               "0.5", NULL});
    char *text = printed(&table, "40");
    fills(text, 40);
    assert_non_null(strstr(text, "stage1/blo.../convolution4/weights  1.25"));
    assert_non_null(strstr(text, "conv "));
    free(text);
    text = printed(&table, NULL); /* nothing is known of the line */
    assert_non_null(strstr(text, "bränch3/convolution4/weights"));
    free(text);
    table_close(&table);
}

static void wraps_words(void **state) {
    (void)state;
    struct table table;
    fill(&table, "n>w",
         (const char *const[]){"layer", "ms", "why", "conv1", "12.5",
                               "faster here than on any of the six workers", "conv2", "1", "", NULL});
    prints(&table, "40",
           "layer    ms  why\n"
           "conv1  12.5  faster here than on any of\n"
           "             the six workers\n"
           "conv2     1  \n");
    table_close(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligns_columns),
        cmocka_unit_test(leaves_out_what_says_nothing),
        cmocka_unit_test(shortens_names_in_the_middle),
        cmocka_unit_test(wraps_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
