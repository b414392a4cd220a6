#include "base/blocks.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

enum { BATCH = 2, CHANNELS = 19, INNER = 5 };

/* Element (image, channel, i) lies where the header says, whatever the block. */
static void test_places(void **state) {
    (void)state;
    static const uint32_t blocks[] = {0, 8, 16};
    const struct block_map map = {sizeof(float), BATCH, CHANNELS, INNER};
    static float dense[BATCH * CHANNELS * INNER], laid[BATCH * 32 * INNER], back[BATCH * CHANNELS * INNER];
    for (size_t i = 0; i < BATCH * CHANNELS * INNER; i++)
        dense[i] = (float)(i + 1);
    for (size_t b = 0; b < 3; b++) {
        size_t block = blocks[b] ? blocks[b] : 1, padded = (CHANNELS + block - 1) / block * block;
        memset(laid, 0xff, sizeof laid);
        blocks_copy(&map, 0, dense, blocks[b], laid);
        for (size_t n = 0; n < BATCH; n++)
            for (size_t c = 0; c < padded; c++)
                for (size_t i = 0; i < INNER; i++) {
                    size_t at = ((n * (padded / block) + c / block) * INNER + i) * block + c % block;
                    float wanted = c < CHANNELS ? dense[(n * CHANNELS + c) * INNER + i] : 0;
                    assert_true(laid[at] == wanted);
                }
        for (size_t other = 1; other < 3; other++) { /* through another layout and back */
            static float between[BATCH * 32 * INNER];
            blocks_copy(&map, blocks[b], laid, blocks[other], between);
            blocks_copy(&map, blocks[other], between, 0, back);
            assert_memory_equal(back, dense, sizeof dense);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_places)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
