/* The file is an array of events in Chrome's trace event format, which Perfetto and chrome://tracing read:
 * "X" is a slice with a beginning (ts) and a duration (dur) in microseconds, "M" the name of a row (pid,
 * tid). The slices of a row must nest. The file gets whole events only, so that it can be read, but for the
 * closing bracket, however the program ends.
 *
 * A small network has a hundred events in a fraction of a millisecond: they are written by hand into a
 * buffer. */
#include "trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUFFER_BYTES   ((size_t)1 << 18)
#define EVENT_BYTES    2048 /* at most, and of a row's name */
#define NAME_BYTES     200  /* of a layer's name; the rest is left out */
#define WORKER_ROWS_AT 1000 /* their numbers in the file: the master's are from 1 on */

/* ---- text: what is put into the buffer has room there ---- */

static inline void put(struct trace_file *trace, const char *text) {
    const size_t count = strlen(text);
    memcpy(trace->text + trace->used, text, count);
    trace->used += count;
}

/* Puts the digits of a number before *at, two at a time, and moves it. */
static inline void put_digits(char **at, uint64_t number) {
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    for (; number >= 10; number /= 100)
        memcpy(*at -= 2, &pairs[2 * (number % 100)], 2);
    if (number)
        *--*at = (char)('0' + number);
}

static inline void put_number(struct trace_file *trace, uint64_t number) {
    char digits[20], *at = digits + sizeof digits;
    put_digits(&at, number);
    if (!number)
        *--at = '0';
    memcpy(trace->text + trace->used, at, (size_t)(digits + sizeof digits - at));
    trace->used += (size_t)(digits + sizeof digits - at);
}

/* Microseconds and three digits more. */
static inline void put_us(struct trace_file *trace, uint64_t time_ns) {
    const uint64_t rest = time_ns % 1000;
    const char text[] = {'.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10),
                         (char)('0' + rest % 10)};
    put_number(trace, time_ns / 1000);
    memcpy(trace->text + trace->used, text, sizeof text);
    trace->used += sizeof text;
}

/* How many bytes the UTF-8 character at the beginning has; 0: there is none, or it is cut off. */
static size_t character_bytes(const unsigned char *c) {
    const size_t count = c[0] < 0x80                   ? 1
                         : c[0] >= 0xc2 && c[0] < 0xe0 ? 2
                         : (c[0] & 0xf0) == 0xe0       ? 3
                         : c[0] >= 0xf0 && c[0] < 0xf5 ? 4
                                                       : 0;
    for (size_t i = 1; i < count; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    const bool overlong = (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xf0 && c[1] < 0x90);
    const bool surrogate = c[0] == 0xed && c[1] >= 0xa0, beyond = c[0] == 0xf4 && c[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : count;
}

/* Within quotes. What is no UTF-8 becomes '?', what would end a line or the string is escaped. */
static void put_name(struct trace_file *trace, const char *name) {
    static const char hex[] = "0123456789abcdef";
    const unsigned char *c = (const unsigned char *)name, *end = c + NAME_BYTES;
    while (*c && c < end) {
        const size_t count = character_bytes(c);
        if (*c < 0x20 || *c == '"' || *c == '\\') {
            const char escaped[] = {'\\', 'u', '0', '0', hex[*c >> 4], hex[*c & 15], '\0'};
            put(trace, escaped);
        } else if (count == 0) {
            put(trace, "?");
        } else {
            memcpy(trace->text + trace->used, c, count);
            trace->used += count;
        }
        c += count ? count : 1;
    }
}

/* ---- rows ---- */

static bool is_worker(convoy_trace_step step) {
    return step == CONVOY_TRACE_TASK || step == CONVOY_TRACE_COMPUTE;
}

static uint64_t row_number(const convoy_trace_event *event) {
    return is_worker(event->step) ? WORKER_ROWS_AT + TRACE_WORKER_ROWS * (uint64_t)event->worker + event->row
                                  : UINT64_C(1) + event->row;
}

/* Where in trace->named; TRACE_ROWS or more: nowhere. */
static size_t row_place(const convoy_trace_event *event) {
    if (is_worker(event->step))
        return TRACE_MASTER_ROWS + TRACE_WORKER_ROWS * (size_t)event->worker + event->row;
    return event->row < TRACE_MASTER_ROWS ? event->row : TRACE_ROWS;
}

/* An event of a row, up to what its one argument is. */
static void put_of_row(struct trace_file *trace, const convoy_trace_event *event, const char *name,
                       const char *argument) {
    put(trace, ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":");
    put_number(trace, row_number(event));
    put(trace, ",\"ts\":0,\"name\":\"");
    put(trace, name);
    put(trace, "\",\"args\":{\"");
    put(trace, argument);
    put(trace, "\":");
}

/* The name of a row, "worker 3", or "worker 3 (2)" of its second one; and its place among the others. */
static void put_row(struct trace_file *trace, const convoy_trace_event *event) {
    put_of_row(trace, event, "thread_name", "name");
    put(trace, is_worker(event->step) ? "\"worker " : "\"master");
    if (is_worker(event->step))
        put_number(trace, event->worker);
    if (event->row) {
        put(trace, " (");
        put_number(trace, UINT64_C(1) + event->row);
        put(trace, ")");
    }
    put(trace, "\"}}");
    put_of_row(trace, event, "thread_sort_index", "sort_index");
    put_number(trace, row_number(event));
    put(trace, "}}");
}

/* ---- steps ---- */

static const char *const step_names[] = {
    [CONVOY_TRACE_INFERENCE] = "inference", [CONVOY_TRACE_LAYER] = "layer",
    [CONVOY_TRACE_ENCODE] = "encode",       [CONVOY_TRACE_SEND] = "send",
    [CONVOY_TRACE_WAIT] = "wait",           [CONVOY_TRACE_VERIFY] = "verify",
    [CONVOY_TRACE_DECODE] = "decode",       [CONVOY_TRACE_HERE] = "here",
    [CONVOY_TRACE_POSTPONED] = "postponed", [CONVOY_TRACE_TASK] = "task",
    [CONVOY_TRACE_COMPUTE] = "compute"};

static const char *const outcome_names[] = {
    [CONVOY_OUTCOME_NONE] = "none",  [CONVOY_OUTCOME_USED] = "used", [CONVOY_OUTCOME_UNUSED] = "unused",
    [CONVOY_OUTCOME_LATE] = "late",  [CONVOY_OUTCOME_LOST] = "lost", [CONVOY_OUTCOME_WRONG] = "wrong",
    [CONVOY_OUTCOME_SPARE] = "spare"};

/* Perfetto gives slices of one name one colour, and ignores what the format has for colours. */
static void put_title(struct trace_file *trace, const convoy_trace_event *event) {
    const bool task = event->step == CONVOY_TRACE_TASK;
    if (task || event->step == CONVOY_TRACE_LAYER)
        put_name(trace, event->layer);
    else
        put(trace, step_names[event->step]);
    if (event->step == CONVOY_TRACE_INFERENCE) {
        put(trace, " ");
        put_number(trace, event->inference);
    }
    if (task && event->outcome != CONVOY_OUTCOME_USED) {
        put(trace, " (");
        put(trace, outcome_names[event->outcome]);
        put(trace, ")");
    }
}

/* What a step is if its name does not tell; NULL: it does. */
static const char *category(const convoy_trace_event *event) {
    if (event->step == CONVOY_TRACE_TASK)
        return outcome_names[event->outcome];
    return event->step == CONVOY_TRACE_LAYER || event->step == CONVOY_TRACE_INFERENCE
               ? step_names[event->step]
               : NULL;
}

static void put_step(struct trace_file *trace, const convoy_trace_event *event) {
    const char *kind = category(event);
    put(trace, ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":");
    put_number(trace, row_number(event));
    put(trace, ",\"ts\":");
    put_us(trace, event->start_ns - trace->start_ns);
    put(trace, ",\"dur\":");
    put_us(trace, event->end_ns - event->start_ns);
    if (kind) {
        put(trace, ",\"cat\":\"");
        put(trace, kind);
        put(trace, "\"");
    }
    put(trace, ",\"name\":\"");
    put_title(trace, event);
    if (event->step != CONVOY_TRACE_TASK) {
        put(trace, "\"}");
        return;
    }
    put(trace, "\",\"args\":{\"inference\":");
    put_number(trace, event->inference);
    put(trace, ",\"queued_us\":");
    put_us(trace, event->start_ns - event->asked_ns);
    put(trace, event->cancelled ? ",\"cancelled\":true}}" : "}}");
}

/* ---- the file ---- */

static void fail(struct trace_file *trace) {
    if (!trace->failure)
        trace->failure = errno ? errno : EIO;
}

static void write_out(struct trace_file *trace) {
    errno = 0;
    if (!trace->failure && fwrite(trace->text, 1, trace->used, trace->file) != trace->used)
        fail(trace);
    trace->used = 0;
}

/* convoy_options.trace */
static void note(void *context, const convoy_trace_event *event) {
    struct trace_file *trace = context;
    const size_t place = row_place(event);
    pthread_mutex_lock(&trace->mutex);
    if (trace->used + (size_t)2 * EVENT_BYTES > BUFFER_BYTES)
        write_out(trace);
    if (place < TRACE_ROWS && !trace->named[place]) {
        put_row(trace, event);
        trace->named[place] = true;
    }
    put_step(trace, event);
    pthread_mutex_unlock(&trace->mutex);
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

convoy_status trace_open(struct trace_file *trace, const char *path, convoy_error *error) {
    *trace = (struct trace_file){0};
    if (!path)
        return CONVOY_OK;
    trace->text = malloc(BUFFER_BYTES);
    if (!trace->text)
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    trace->start_ns = now_ns();
    trace->file = fopen(path, "we");
    if (!trace->file) {
        free(trace->text);
        return cli_error(error, CONVOY_E_IO, "%s: cannot be written: %s", path, strerror(errno));
    }
    pthread_mutex_init(&trace->mutex, NULL);
    setvbuf(trace->file, NULL, _IONBF, 0);
    put(trace, "[\n{\"ph\":\"M\",\"pid\":1,\"tid\":0,\"ts\":0,\"name\":\"process_name\","
               "\"args\":{\"name\":\"convoy\"}}");
    write_out(trace); /* so that a full disk is told of now */
    return trace->failure ? trace_close(trace, path, error) : CONVOY_OK;
}

void trace_connect(struct trace_file *trace, convoy_options *session) {
    if (!trace->file)
        return;
    session->trace = note;
    session->trace_context = trace;
}

convoy_status trace_close(struct trace_file *trace, const char *path, convoy_error *error) {
    if (!trace->file)
        return CONVOY_OK;
    if (trace->used + EVENT_BYTES > BUFFER_BYTES)
        write_out(trace);
    put(trace, "\n]\n");
    write_out(trace);
    errno = 0;
    if (fclose(trace->file) != 0)
        fail(trace);
    free(trace->text);
    pthread_mutex_destroy(&trace->mutex);
    trace->file = NULL;
    return trace->failure ? cli_error(error, CONVOY_E_IO, "%s: the trace cannot be written: %s", path,
                                      strerror(trace->failure))
                          : CONVOY_OK;
}
