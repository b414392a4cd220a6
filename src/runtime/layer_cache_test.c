/* The layers that a worker keeps: bounds, order of leaving, and the folder across restarts. */
#include "runtime/layer_cache.h"
#include "runtime/layer_disk.h"
#include "runtime/layer_message.h"
#include "temp_folder.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define CHANNELS 4 /* in and out; the kernel is 1 */

/* A layer that multiplies by `value` on the diagonal. */
static struct buffer *make_content(float value) {
    struct conv_geometry task = {.layout = CONV_CHANNELS_FIRST,
                                 .spatial = 1,
                                 .batch = 1,
                                 .groups = 1,
                                 .in_channels = CHANNELS,
                                 .out_channels = CHANNELS,
                                 .in = {3},
                                 .kernel = {1},
                                 .stride = {1},
                                 .dilation = {1}};
    void *filters = NULL;
    char name[32];
    assert_int_equal(conv_geometry_complete(&task, NULL), CONVOY_OK);
    snprintf(name, sizeof name, "times %g", (double)value);
    struct buffer *content = layer_message_create(&task, CONV_DIRECT, name, CONVOY_F32, &filters);
    assert_non_null(content);
    for (int i = 0; i < CHANNELS * CHANNELS; i++)
        ((float *)filters)[i] = i % (CHANNELS + 1) == 0 ? value : 0;
    return content;
}

static struct backend *backend;
static size_t content_bytes;

static int open_group(void **state) {
    if (temp_folder_create(state) != 0 || backend_create(&backend, "reference", 1, NULL) != CONVOY_OK)
        return -1;
    struct buffer *content = make_content(1);
    content_bytes = content->bytes;
    buffer_release(&content);
    return 0;
}

static int close_group(void **state) {
    backend->ops->destroy(&backend);
    return temp_folder_remove(state);
}

static struct layer_cache *make_idle_cache(uint64_t max_bytes, const char *folder, uint64_t idle_ns) {
    struct layer_cache *cache = NULL;
    convoy_error error = {0};
    if (layer_cache_create(&cache, backend, max_bytes, folder, idle_ns, (struct log){0}, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    return cache;
}

/* Nothing is idle in a test. */
static struct layer_cache *make_cache(uint64_t max_bytes, const char *folder) {
    return make_idle_cache(max_bytes, folder, UINT64_MAX);
}

/* Offers the layer, and inserts it where it is not held. Whether it was. */
static bool offer(struct layer_cache *cache, float value) {
    struct buffer *content = make_content(value);
    struct held_layer *held = layer_cache_find(cache, frame_content_hash(content));
    const bool found = held;
    if (!found)
        assert_int_equal(layer_cache_insert(cache, content, &held), CONVOY_OK);
    layer_cache_release(cache, &held);
    assert_null(held);
    buffer_release(&content);
    return found;
}

/* Whether the layer is there; leaves everything else as it is, but for the order of use. */
static bool holds(struct layer_cache *cache, float value) {
    struct buffer *content = make_content(value);
    struct held_layer *held = layer_cache_find(cache, frame_content_hash(content));
    buffer_release(&content);
    const bool found = held;
    layer_cache_release(cache, &held);
    return found;
}

static void a_layer_computes_what_its_content_says(void **state) {
    (void)state;
    struct layer_cache *cache = make_cache(0, NULL);
    struct buffer *content = make_content(2.5f);
    struct held_layer *held = NULL, *again = NULL;
    assert_null(layer_cache_find(cache, frame_content_hash(content)));
    assert_int_equal(layer_cache_insert(cache, content, &held), CONVOY_OK);
    assert_int_equal(layer_cache_insert(cache, content, &again), CONVOY_OK);
    assert_ptr_equal(again, held); /* one copy, however often it comes */
    assert_string_equal(held->name, "times 2.5");
    assert_int_equal(held->input_bytes, CHANNELS * 3 * sizeof(float));
    assert_int_equal(held->output_bytes, CHANNELS * 3 * sizeof(float));
    buffer_release(&content); /* the layer does not live by the caller's reference */

    float input[CHANNELS * 3], output[CHANNELS * 3];
    for (int i = 0; i < CHANNELS * 3; i++)
        input[i] = (float)i;
    convoy_tensor in = {.dtype = held->dtype, .shape = conv_input_shape(&held->task), .data = input};
    convoy_tensor out = {.dtype = held->dtype, .shape = conv_output_shape(&held->task), .data = output};
    struct context *context = NULL;
    assert_int_equal(backend->ops->context_create(backend, &context, NULL), CONVOY_OK);
    assert_int_equal(held->layer->ops->layer_run(held->layer, context, &in, &out, NULL, NULL), CONVOY_OK);
    for (int i = 0; i < CHANNELS * 3; i++)
        assert_true(output[i] == 2.5f * (float)i);
    context->ops->context_destroy(&context);
    layer_cache_release(cache, &held);
    layer_cache_release(cache, &again);
    layer_cache_destroy(&cache);
    assert_null(cache);
    layer_cache_destroy(&cache);
}

static void the_least_lately_used_goes_first(void **state) {
    (void)state;
    struct layer_cache *cache = make_cache(3 * content_bytes, NULL);
    assert_false(offer(cache, 1));
    assert_false(offer(cache, 2));
    assert_false(offer(cache, 3));
    assert_true(offer(cache, 1)); /* now 2 is the oldest */
    assert_false(offer(cache, 4));
    assert_false(holds(cache, 2));
    assert_true(holds(cache, 1));
    assert_true(holds(cache, 3));
    assert_true(holds(cache, 4));
    layer_cache_destroy(&cache);
}

static void what_is_in_use_stays(void **state) {
    (void)state;
    struct layer_cache *cache = make_cache(2 * content_bytes + content_bytes / 2, NULL);
    struct held_layer *held[3] = {NULL};
    struct buffer *content[3];
    for (int i = 0; i < 3; i++)
        content[i] = make_content((float)i);
    assert_int_equal(layer_cache_insert(cache, content[0], &held[0]), CONVOY_OK);
    assert_int_equal(layer_cache_insert(cache, content[1], &held[1]), CONVOY_OK);
    assert_int_equal(layer_cache_insert(cache, content[2], &held[2]), CONVOY_E_INPUT); /* no room */
    assert_null(held[2]);
    assert_true(holds(cache, 0) && holds(cache, 1));
    layer_cache_release(cache, &held[1]);
    assert_int_equal(layer_cache_insert(cache, content[2], &held[2]), CONVOY_OK);
    assert_false(holds(cache, 1));
    assert_true(holds(cache, 0));
    layer_cache_release(cache, &held[0]);
    layer_cache_release(cache, &held[2]);
    layer_cache_destroy(&cache);
    for (int i = 0; i < 3; i++)
        buffer_release(&content[i]);
}

static void what_can_never_fit_drives_nothing_out(void **state) {
    (void)state;
    struct layer_cache *cache = make_cache(content_bytes, NULL);
    assert_false(offer(cache, 1));
    struct buffer *large = buffer_create(content_bytes + 1);
    struct held_layer *held = NULL;
    memset(large->data, 0, large->bytes);
    assert_int_equal(layer_cache_insert(cache, large, &held), CONVOY_E_INPUT);
    assert_true(holds(cache, 1));
    buffer_release(&large);
    layer_cache_destroy(&cache);
}

static void malformed_content_is_refused(void **state) {
    char folder[TEMP_PATH];
    snprintf(folder, sizeof folder, "%s/malformed", (char *)*state);
    struct layer_cache *cache = make_cache(0, folder);
    struct held_layer *held = NULL;
    struct buffer *content = make_content(1);
    for (size_t bytes = 0; bytes < content->bytes; bytes += 7) {
        struct buffer *cut = buffer_create(bytes);
        memcpy(cut->data, content->data, bytes);
        assert_int_equal(layer_cache_insert(cache, cut, &held), CONVOY_E_INPUT);
        assert_null(layer_cache_find(cache, frame_content_hash(cut))); /* nor is it kept on disk */
        buffer_release(&cut);
    }
    assert_int_equal(layer_cache_insert(cache, NULL, &held), CONVOY_E_INPUT);
    assert_null(held);
    buffer_release(&content);
    layer_cache_destroy(&cache);
    assert_int_equal(rmdir(folder), 0); /* it is empty */
}

/* --- The folder ---------------------------------------------------------------------------------------- */

/* The path of a layer's file in a folder. */
static void file_of(char path[PATH_MAX], const char *folder, float value) {
    struct buffer *content = make_content(value);
    struct content_hash hash = frame_content_hash(content);
    snprintf(path, PATH_MAX, "%s/%016llx%016llx.layer", folder, (unsigned long long)hash.high,
             (unsigned long long)hash.low);
    buffer_release(&content);
}

static bool file_is_there(const char *folder, float value) {
    char path[PATH_MAX];
    struct stat about;
    file_of(path, folder, value);
    return lstat(path, &about) == 0;
}

static void the_folder_outlives_the_worker(void **state) {
    char folder[TEMP_PATH], path[PATH_MAX];
    struct stat about;
    snprintf(folder, sizeof folder, "%s/kept", (char *)*state);
    struct layer_cache *cache = make_cache(0, folder);
    assert_int_equal(stat(folder, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
    assert_false(offer(cache, 1));
    assert_false(offer(cache, 2));
    layer_cache_destroy(&cache);
    file_of(path, folder, 1);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(about.st_size, content_bytes);

    cache = make_cache(0, folder);
    assert_true(offer(cache, 1));
    assert_true(offer(cache, 2));
    assert_false(holds(cache, 3));
    layer_cache_destroy(&cache);

    cache = make_cache(0, NULL); /* without the folder nothing is known */
    assert_false(holds(cache, 1));
    layer_cache_destroy(&cache);
}

static void a_damaged_file_is_removed(void **state) {
    char folder[TEMP_PATH], path[PATH_MAX];
    snprintf(folder, sizeof folder, "%s/damaged", (char *)*state);
    struct layer_cache *cache = make_cache(0, folder);
    for (int i = 1; i <= 4; i++)
        assert_false(offer(cache, (float)i));
    layer_cache_destroy(&cache);

    file_of(path, folder, 1); /* a byte in the middle */
    int file = open(path, O_RDWR);
    unsigned char byte;
    assert_int_equal(pread(file, &byte, 1, (off_t)content_bytes / 2), 1);
    byte ^= 1;
    assert_int_equal(pwrite(file, &byte, 1, (off_t)content_bytes / 2), 1);
    close(file);
    file_of(path, folder, 2);
    assert_int_equal(truncate(path, (off_t)content_bytes - 1), 0);
    file_of(path, folder, 3);
    assert_int_equal(truncate(path, 0), 0);
    file_of(path, folder, 4); /* sparse, and larger than any memory */
    assert_int_equal(truncate(path, (off_t)1 << 42), 0);

    cache = make_cache(1 << 20, folder);
    for (int i = 1; i <= 3; i++) {
        assert_false(offer(cache, (float)i)); /* as if it had not been there; kept anew */
        assert_true(file_is_there(folder, (float)i));
    }
    assert_false(holds(cache, 4));
    assert_false(file_is_there(folder, 4));
    layer_cache_destroy(&cache);
    cache = make_cache(0, folder);
    for (int i = 1; i <= 3; i++)
        assert_true(offer(cache, (float)i));
    layer_cache_destroy(&cache);
}

static void what_is_no_file_is_not_read(void **state) {
    char folder[TEMP_PATH], path[PATH_MAX], elsewhere[TEMP_PATH];
    struct stat about;
    struct buffer *content = make_content(1);
    temp_file_write(elsewhere, *state, "elsewhere", content->data, content->bytes);
    snprintf(folder, sizeof folder, "%s/links", (char *)*state);
    struct layer_cache *cache = make_cache(0, folder);
    file_of(path, folder, 1);
    assert_int_equal(symlink(elsewhere, path), 0);
    assert_false(holds(cache, 1)); /* though what it points to is right */
    file_of(path, folder, 2);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(holds(cache, 2)); /* and does not wait for somebody to write */
    file_of(path, folder, 3);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(holds(cache, 3));

    assert_false(offer(cache, 1)); /* takes the link's place, and leaves its target alone */
    file_of(path, folder, 1);
    assert_int_equal(lstat(path, &about), 0);
    assert_true(S_ISREG(about.st_mode));
    assert_int_equal(stat(elsewhere, &about), 0);
    assert_int_equal(about.st_nlink, 1);
    layer_cache_destroy(&cache);
    buffer_release(&content);
}

/* Times of use that differ, whatever the file system's clock does. */
static void set_age(const char *path, time_t seconds) {
    const struct timespec times[2] = {{.tv_sec = 1000000000 - seconds}, {.tv_sec = 1000000000 - seconds}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void the_folder_is_bounded(void **state) {
    char folder[TEMP_PATH], path[PATH_MAX], draft[PATH_MAX + 8];
    snprintf(folder, sizeof folder, "%s/bounded", (char *)*state);
    struct layer_cache *cache = make_cache(3 * content_bytes, folder);
    for (int i = 1; i <= 3; i++) {
        assert_false(offer(cache, (float)i));
        file_of(path, folder, (float)i);
        set_age(path, i == 2 ? 300 : 100);
    }
    file_of(path, folder, 9); /* what a worker that was killed has left, and what is not ours */
    snprintf(draft, sizeof draft, "%s.4711", path);
    int file = open(draft, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_int_equal(ftruncate(file, (off_t)content_bytes), 0);
    close(file);
    set_age(draft, 400);
    char stranger[TEMP_PATH];
    temp_file_write(stranger, folder, "notes.layer", "mine", 4);
    set_age(stranger, 500);

    assert_false(offer(cache, 4));
    assert_int_not_equal(access(draft, F_OK), 0);
    assert_false(file_is_there(folder, 2));
    assert_true(file_is_there(folder, 1) && file_is_there(folder, 3) && file_is_there(folder, 4));
    assert_int_equal(access(stranger, F_OK), 0);
    layer_cache_destroy(&cache);
}

static void a_bad_folder_is_named(void **state) {
    char file[TEMP_PATH], nowhere[TEMP_PATH];
    temp_file_write(file, *state, "no-folder", "x", 1);
    snprintf(nowhere, sizeof nowhere, "%s/no/such", (char *)*state);
    const char *const folders[] = {file, nowhere, ""};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        struct layer_cache *cache = NULL;
        convoy_error error = {0};
        assert_int_equal(layer_cache_create(&cache, backend, 0, folders[i], 0, (struct log){0}, &error),
                         CONVOY_E_IO);
        assert_null(cache);
        assert_non_null(strstr(error.message, folders[i]));
    }
}

static void a_folder_that_vanishes_does_no_harm(void **state) {
    char folder[TEMP_PATH];
    snprintf(folder, sizeof folder, "%s/vanished", (char *)*state);
    struct layer_cache *cache = make_cache(0, folder);
    assert_int_equal(rmdir(folder), 0);
    assert_false(offer(cache, 1));
    assert_true(holds(cache, 1)); /* in memory */
    layer_cache_destroy(&cache);
}

/* Turns over one bit of the weights that the layer reads. */
static void damage(const struct held_layer *held) {
    const struct buffer *weights = held->layer->ops->layer_weights(held->layer);
    ((unsigned char *)weights->data)[weights->bytes - 1] ^= 4;
}

/* Weights that memory has damaged while the layer was idle are not used, by either backend; the layer is
 * taken from disk, if it is there, or wanted anew. */
static void test_damaged_in_memory(void **state) {
    static const char *const names[] = {"reference", "onednn"};
    struct backend *usual = backend;
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s/damaged", (const char *)*state);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(backend_create(&backend, names[i % 2], 1, NULL), CONVOY_OK);
        struct layer_cache *cache = make_idle_cache(0, i / 2 ? folder : NULL, 0); /* always idle */
        struct buffer *content = make_content(7);
        struct held_layer *held = NULL, *same = NULL, *again = NULL;
        assert_int_equal(layer_cache_insert(cache, content, &held), CONVOY_OK);
        same = layer_cache_find(cache, frame_content_hash(content));
        assert_true(same == held && layer_cache_intact(cache, held));
        buffer_release(&content);

        damage(held);
        assert_false(layer_cache_intact(cache, held));
        assert_false(layer_cache_intact(cache, same)); /* it stays so */
        layer_cache_release(cache, &same);
        content = make_content(7);
        again = layer_cache_find(cache, frame_content_hash(content));
        assert_true(i / 2 ? again != NULL : again == NULL);
        layer_cache_release(cache, &held);
        if (!again)
            assert_int_equal(layer_cache_insert(cache, content, &again), CONVOY_OK);
        assert_true(layer_cache_intact(cache, again));
        layer_cache_release(cache, &again);
        buffer_release(&content);

        content = make_content(7);
        again = layer_cache_find(cache, frame_content_hash(content)); /* now of nobody's use */
        damage(again);
        layer_cache_release(cache, &again);
        buffer_release(&content);
        content = make_content(7);
        again = layer_cache_find(cache, frame_content_hash(content));
        assert_true(i / 2 ? layer_cache_intact(cache, again) : again == NULL);
        layer_cache_release(cache, &again);
        buffer_release(&content);
        layer_cache_destroy(&cache);
        backend->ops->destroy(&backend);
    }
    backend = usual;
}

/* Used all the time, it is not hashed again. */
static void test_not_idle(void **state) {
    (void)state;
    struct layer_cache *cache = make_cache(0, NULL);
    struct buffer *content = make_content(7);
    struct held_layer *held = NULL;
    assert_int_equal(layer_cache_insert(cache, content, &held), CONVOY_OK);
    damage(held);
    assert_true(layer_cache_intact(cache, held));
    layer_cache_release(cache, &held);
    buffer_release(&content);
    layer_cache_destroy(&cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damaged_in_memory),
        cmocka_unit_test(test_not_idle),
        cmocka_unit_test(a_layer_computes_what_its_content_says),
        cmocka_unit_test(the_least_lately_used_goes_first),
        cmocka_unit_test(what_is_in_use_stays),
        cmocka_unit_test(what_can_never_fit_drives_nothing_out),
        cmocka_unit_test(malformed_content_is_refused),
        cmocka_unit_test(the_folder_outlives_the_worker),
        cmocka_unit_test(a_damaged_file_is_removed),
        cmocka_unit_test(what_is_no_file_is_not_read),
        cmocka_unit_test(the_folder_is_bounded),
        cmocka_unit_test(a_bad_folder_is_named),
        cmocka_unit_test(a_folder_that_vanishes_does_no_harm),
    };
    return cmocka_run_group_tests_name("layer_cache", tests, open_group, close_group);
}
