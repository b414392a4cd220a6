#include "compute/kernel_times.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/processor.h"
#include "base/tensor.h"
#include "compute/layer.h"
#include "compute/trial.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

enum { TIMED_RUNS = 3, MOST_ENTRIES = 8192 };

/* What is read between two runs, as a network reads the weights of its other layers: those of so many like
 * this one, within bounds. Always 16 MB made 256 to 256 channels on 14 x 14, F(4x4,3x3), seem to take 0.73
 * ms, where in ResNet-18 they take 1.35, as with 64 MB; always 64 MB misjudged SqueezeNet, which has 5. */
enum { OTHER_LAYERS = 32 };
#define LEAST_OTHER ((size_t)8 << 20)
#define MOST_OTHER  ((size_t)128 << 20)

/* A run of more multiply-adds is done on fewer rows. */
#define MOST_MACS ((uint64_t)2000000000)
enum { LEAST_ROWS = 16 };

/* A trial that took so long is not repeated: what disturbs a run is short. */
#define LONG_TRIAL_NS 200000000u

/* What a file says to have taken longer, eleven days, nobody measured. */
#define MOST_NS ((uint64_t)1000000000000000)

struct entry {
    struct conv_geometry geometry;
    uint64_t ns[CONV_KERNELS]; /* 0: there is no such kernel */
    bool stale;                /* to be timed anew when it is asked for */
};

struct kernel_times {
    struct backend *backend;
    const struct cancel *cancel;
    char *path; /* NULL: nothing is kept */
    pthread_mutex_t lock;
    struct entry *entries; /* [count] */
    size_t count, capacity;
    bool changed;
};

static struct entry *find_entry(const struct kernel_times *times, const struct conv_geometry *geometry) {
    for (size_t i = 0; i < times->count; i++)
        if (memcmp(&times->entries[i].geometry, geometry, sizeof *geometry) == 0)
            return &times->entries[i];
    return NULL;
}

static void add_entry(struct kernel_times *times, const struct entry *entry) {
    if (times->count == times->capacity) {
        size_t capacity = times->capacity ? 2 * times->capacity : 64;
        struct entry *grown = reallocarray(times->entries, capacity, sizeof *grown);
        if (!grown)
            return; /* it will be timed again */
        times->entries = grown;
        times->capacity = capacity;
    }
    times->entries[times->count++] = *entry;
}

/* --- The file: a line for each shape -------------------------------------------------------------------- */

enum { AXES = 6, FIELDS = 8 + AXES * CONV_MAX_SPATIAL };

static void entry_fields(const struct entry *entry, int64_t *fields) {
    const struct conv_geometry *g = &entry->geometry;
    const int64_t scalars[] = {g->layout, g->spatial, g->in_block,    g->out_block,
                               g->batch,  g->groups,  g->in_channels, g->out_channels};
    const int64_t *const axes[AXES] = {g->in, g->kernel, g->stride, g->dilation, g->pad_begin, g->pad_end};
    memcpy(fields, scalars, sizeof scalars);
    for (int i = 0; i < AXES; i++)
        memcpy(fields + 8 + i * CONV_MAX_SPATIAL, axes[i], CONV_MAX_SPATIAL * sizeof *fields);
}

/* False where the fields are no geometry. */
static bool entry_from_fields(struct entry *entry, const int64_t *fields) {
    for (int i = 0; i < 4; i++)
        if (fields[i] < 0 || fields[i] > 16)
            return false;
    struct conv_geometry *g = &entry->geometry;
    *g = (struct conv_geometry){.layout = (enum conv_layout)fields[0],
                                .spatial = (uint32_t)fields[1],
                                .in_block = (uint32_t)fields[2],
                                .out_block = (uint32_t)fields[3],
                                .batch = fields[4],
                                .groups = fields[5],
                                .in_channels = fields[6],
                                .out_channels = fields[7]};
    int64_t *const axes[AXES] = {g->in, g->kernel, g->stride, g->dilation, g->pad_begin, g->pad_end};
    for (int i = 0; i < AXES; i++)
        memcpy(axes[i], fields + 8 + i * CONV_MAX_SPATIAL, CONV_MAX_SPATIAL * sizeof *fields);
    return conv_geometry_complete(g, NULL) == CONVOY_OK;
}

static bool read_entry(FILE *file, struct entry *entry) {
    int64_t fields[FIELDS];
    bool winograd = false;
    for (int k = 0; k < CONV_KERNELS; k++) {
        if (fscanf(file, "%" SCNu64, &entry->ns[k]) != 1 || entry->ns[k] > MOST_NS)
            return false;
        winograd = winograd || (k != CONV_DIRECT && entry->ns[k]);
    }
    for (int i = 0; i < FIELDS; i++)
        if (fscanf(file, "%" SCNd64, &fields[i]) != 1)
            return false;
    return entry->ns[CONV_DIRECT] && entry_from_fields(entry, fields) &&
           (!winograd || conv_admits_winograd(&entry->geometry));
}

/* NULL for whatever is no file, a pipe for instance, which would keep us waiting. */
static FILE *open_times(const char *path) {
    struct stat info;
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    FILE *file = NULL;
    if (descriptor >= 0 && fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode))
        file = fdopen(descriptor, "r");
    if (!file && descriptor >= 0)
        close(descriptor);
    return file;
}

static void read_entries(struct kernel_times *times) {
    FILE *file = times->path ? open_times(times->path) : NULL;
    struct entry entry = {.stale = false};
    while (file && times->count < MOST_ENTRIES && read_entry(file, &entry))
        if (!find_entry(times, &entry.geometry))
            add_entry(times, &entry);
    if (file)
        fclose(file);
}

/* Into a draft that nobody else has, which then takes the file's place. */
static void write_entries(const struct kernel_times *times) {
    char draft[4200];
    int length = snprintf(draft, sizeof draft, "%s.XXXXXX", times->path);
    int descriptor = length < (int)sizeof draft ? mkostemp(draft, O_CLOEXEC) : -1;
    FILE *file = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;
    if (!file) {
        if (descriptor >= 0) {
            close(descriptor);
            unlink(draft);
        }
        return;
    }
    for (size_t i = 0; i < times->count && i < MOST_ENTRIES; i++) {
        int64_t fields[FIELDS];
        entry_fields(&times->entries[i], fields);
        for (int k = 0; k < CONV_KERNELS; k++)
            fprintf(file, "%" PRIu64 " ", times->entries[i].ns[k]);
        for (int k = 0; k < FIELDS; k++)
            fprintf(file, " %" PRId64, fields[k]);
        fputc('\n', file);
    }
    bool written = !ferror(file);
    if (fclose(file) != 0 || !written || rename(draft, times->path) != 0)
        unlink(draft);
}

/* What the times depend on besides the shape: processor, backend, its threads; and how many a line has. */
static uint64_t machine_hash(const struct backend *backend) {
    char text[640], processor[512];
    int length = snprintf(text, sizeof text, "%s %s %u %d", processor_name(processor, sizeof processor),
                          backend->ops->name, backend->threads, CONV_KERNELS);
    return XXH3_64bits(text, (size_t)length);
}

/* NULL where there is no folder and none can be made: then nothing is kept. */
static char *file_path(const char *folder, const struct backend *backend) {
    char *path = NULL;
    struct stat info;
    mkdir(folder, 0700);
    if (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode) ||
        asprintf(&path, "%s/kernels-%016" PRIx64, folder, machine_hash(backend)) < 0)
        return NULL;
    return path;
}

/* --- Trials --------------------------------------------------------------------------------------------- */

/* By the calling thread's time: where several threads compute, it does as long as they do. 0 where the trial
 * fails. */
static uint64_t trial_time_ns(const struct kernel_times *times, const struct conv_geometry *geometry,
                              enum conv_kernel kernel, const struct buffer *other) {
    struct trial trial;
    uint64_t best_ns = 0, all_ns = 0;
    bool good = trial_begin(&trial, times->backend, geometry, kernel);
    /* The first run warms up. */
    for (int run = 0; good && run <= TIMED_RUNS && (run < 2 || all_ns < LONG_TRIAL_NS); run++) {
        trial_settle(&trial, other);
        uint64_t start_ns = clock_thread_ns();
        good = trial_run(&trial);
        uint64_t spent_ns = clock_thread_ns() - start_ns + 1;
        if (run > 0 && (best_ns == 0 || spent_ns < best_ns))
            best_ns = spent_ns;
        all_ns += spent_ns;
    }
    trial_end(&trial);
    return good ? best_ns : 0;
}

/* Of a large layer a few rows tell: 256 to 256 channels on 1000 x 1000 would take 25 s and 2.5 GB. */
static struct conv_geometry shortened(const struct conv_geometry *geometry) {
    struct conv_geometry few = *geometry;
    uint64_t macs_of_row = conv_macs(geometry) / (uint64_t)(geometry->batch * geometry->out[0]) + 1;
    int64_t rows = (int64_t)(MOST_MACS / macs_of_row);
    if (rows < LEAST_ROWS)
        rows = LEAST_ROWS;
    if (conv_macs(geometry) <= MOST_MACS || rows >= geometry->out[0])
        return few;
    few.batch = 1;
    few.in[0] = (rows - 1) * few.stride[0] + (few.kernel[0] - 1) * few.dilation[0] + 1 - few.pad_begin[0] -
                few.pad_end[0];
    return conv_geometry_complete(&few, NULL) == CONVOY_OK ? few : *geometry;
}

static struct buffer *other_create(const struct conv_geometry *geometry) {
    size_t bytes = 0;
    convoy_shape filters = conv_filter_shape(geometry);
    if (!tensor_bytes(CONVOY_F32, &filters, &bytes) || !size_mul(bytes, OTHER_LAYERS, &bytes) ||
        bytes > MOST_OTHER)
        bytes = MOST_OTHER;
    struct buffer *other = buffer_create(bytes > LEAST_OTHER ? bytes : LEAST_OTHER);
    if (!other)
        return NULL;
    memory_in_large_pages(other->data, other->bytes);
    memset(other->data, 1, other->bytes);
    return other;
}

static struct entry try_kernels(struct kernel_times *times, const struct conv_geometry *geometry) {
    struct entry entry = {.geometry = *geometry};
    struct conv_geometry few = shortened(geometry);
    double share = (double)conv_macs(&few) / (double)conv_macs(geometry);
    struct buffer *other = cancel_asked(times->cancel) ? NULL : other_create(geometry);
    for (int k = CONV_DIRECT; other && k < CONV_KERNELS && !cancel_asked(times->cancel); k++) {
        bool exists = k == CONV_DIRECT || (entry.ns[CONV_DIRECT] && conv_admits_winograd(geometry));
        uint64_t ns = exists ? trial_time_ns(times, &few, (enum conv_kernel)k, other) : 0;
        entry.ns[k] = (uint64_t)((double)ns / share);
    }
    buffer_release(&other);
    return entry;
}

static struct entry recall_or_try(struct kernel_times *times, const struct conv_geometry *geometry) {
    pthread_mutex_lock(&times->lock);
    struct entry *known = find_entry(times, geometry);
    const bool tried = !known || known->stale;
    struct entry entry = tried ? try_kernels(times, geometry) : *known;
    if (tried && entry.ns[CONV_DIRECT] && !cancel_asked(times->cancel)) { /* else not by all kernels */
        if (known)
            *known = entry;
        else
            add_entry(times, &entry);
        times->changed = true;
    }
    pthread_mutex_unlock(&times->lock);
    return entry;
}

uint64_t kernel_times_of(struct kernel_times *times, const struct conv_geometry *geometry,
                         enum conv_kernel kernel) {
    return recall_or_try(times, geometry).ns[kernel];
}

/* Winograd's algorithms round more coarsely, F(2x2,3x3) by a bit, F(4x4,3x3) by a digit: each is taken if it
 * takes at most this many times as long as what is more exact. Decoding multiplies a worker's rounding by κ:
 * with any two of ten workers gone ResNet-50 is off by 9.3e-5 with 0.9 for F(4x4,3x3) on workers, 7.1e-5 with
 * 0.6 and 6.2e-5 without it. */
static const double worths[KERNEL_USES][CONV_KERNELS] = {
    [KERNEL_ALONE] = {[CONV_WINOGRAD_2] = 0.9, [CONV_WINOGRAD_4] = 0.9},
    [KERNEL_ON_WORKER] = {[CONV_WINOGRAD_2] = 0.9, [CONV_WINOGRAD_4] = 0.6},
    [KERNEL_FASTEST] = {[CONV_WINOGRAD_2] = 1, [CONV_WINOGRAD_4] = 1},
};

uint64_t kernel_times_find(struct kernel_times *times, const struct conv_geometry *geometry,
                           enum kernel_use use, enum conv_kernel *kernel) {
    struct entry entry = recall_or_try(times, geometry);
    *kernel = CONV_DIRECT;
    for (int k = CONV_DIRECT + 1; k < CONV_KERNELS; k++)
        if (entry.ns[k] && (double)entry.ns[k] <= worths[use][k] * (double)entry.ns[*kernel])
            *kernel = (enum conv_kernel)k;
    return entry.ns[*kernel];
}

/* --- Life ----------------------------------------------------------------------------------------------- */

convoy_status kernel_times_create(struct kernel_times **out, struct backend *backend, const char *folder,
                                  const struct cancel *cancel, convoy_error *error) {
    struct kernel_times *times = calloc(1, sizeof *times);
    if (!times)
        return error_memory(error);
    pthread_mutex_init(&times->lock, NULL);
    times->backend = backend;
    times->cancel = cancel;
    times->path = folder ? file_path(folder, backend) : NULL;
    read_entries(times);
    *out = times;
    return CONVOY_OK;
}

void kernel_times_forget(struct kernel_times *times) {
    for (size_t i = 0; i < times->count; i++)
        times->entries[i].stale = true;
}

void kernel_times_destroy(struct kernel_times **slot) {
    struct kernel_times *times = slot ? *slot : NULL;
    if (!times)
        return;
    *slot = NULL;
    if (times->changed && times->path)
        write_entries(times);
    pthread_mutex_destroy(&times->lock);
    free(times->entries);
    free(times->path);
    free(times);
}
