#include "zmq_scene.h"

#include "transport/zmq_frames.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void keep_line(void *context, convoy_log_level level, const char *line) {
    struct scene *scene = context;
    (void)level;
    pthread_mutex_lock(&scene->mutex);
    int written = snprintf(scene->log + scene->log_bytes, sizeof scene->log - scene->log_bytes, "%s\n", line);
    scene->lines++;
    if (written > 0 && scene->log_bytes + (size_t)written < sizeof scene->log)
        scene->log_bytes += (size_t)written;
    pthread_mutex_unlock(&scene->mutex);
}

static struct log scene_log(struct scene *scene) {
    return (struct log){.sink = keep_line, .context = scene};
}

bool scene_open_master(struct scene *scene, uint32_t nodes, uint64_t plan_hash) {
    convoy_error error;
    struct zmq_master_options options = {.url = scene->url,
                                         .nodes = nodes,
                                         .plan_hash = plan_hash,
                                         .limits = scene->limits,
                                         .key = scene->kind == SCENE_CURVE ? &scene->master_key : NULL,
                                         .allowed_folder = scene->kind == SCENE_CURVE ? scene->allowed : NULL,
                                         .log = scene_log(scene)};
    if (zmq_master_create(&scene->master, &options, &error) != CONVOY_OK) {
        printf("%s\n", error.message);
        return false;
    }
    snprintf(scene->url, sizeof scene->url, "%s", zmq_master_url(scene->master));
    return true;
}

bool scene_open(struct scene *scene, enum scene_kind kind, uint32_t nodes, struct zmq_limits limits) {
    char path[128];
    convoy_error error = {0};
    *scene = (struct scene){.kind = kind, .limits = limits, .folder = "/tmp/convoy-zmq-XXXXXX"};
    pthread_mutex_init(&scene->mutex, NULL);
    if (!mkdtemp(scene->folder))
        return false;
    snprintf(scene->allowed, sizeof scene->allowed, "%s/allowed", scene->folder);
    snprintf(path, sizeof path, "%s/worker.pub", scene->folder);
    if (mkdir(scene->allowed, 0700) != 0 || zmq_key_pair_create(&scene->master_key, &error) != CONVOY_OK ||
        zmq_key_pair_create(&scene->worker_key, &error) != CONVOY_OK ||
        zmq_key_pair_save(&scene->worker_key, scene->allowed, "worker", &error) != CONVOY_OK) {
        printf("%s\n", error.message);
        return false;
    }
    if (kind == SCENE_IPC)
        snprintf(scene->url, sizeof scene->url, "ipc://%s/master", scene->folder);
    else
        snprintf(scene->url, sizeof scene->url, "tcp://127.0.0.1:*");
    return scene_open_master(scene, nodes, 0x1234);
}

static void remove_folder(const char *folder) {
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    while (entries && (entry = readdir(entries))) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.')
            unlink(path);
    }
    if (entries)
        closedir(entries);
    rmdir(folder);
}

void scene_close(struct scene *scene) {
    if (scene->master)
        scene->master->ops->destroy(&scene->master);
    remove_folder(scene->allowed);
    remove_folder(scene->folder);
    pthread_mutex_destroy(&scene->mutex);
}

struct zmq_worker_options scene_options(struct scene *scene) {
    return (struct zmq_worker_options){.url = scene->url,
                                       .limits = scene->limits,
                                       .key = scene->kind == SCENE_CURVE ? &scene->worker_key : NULL,
                                       .server_key =
                                           scene->kind == SCENE_CURVE ? scene->master_key.public_key : NULL,
                                       .log = scene_log(scene)};
}

bool scene_dial(struct scene *scene, struct transport **worker) {
    convoy_error error;
    struct zmq_worker_options options = scene_options(scene);
    if (zmq_worker_create(worker, &options, &error) == CONVOY_OK)
        return true;
    printf("%s\n", error.message);
    return false;
}

uint32_t scene_join(struct scene *scene, struct transport *worker) {
    uint32_t node = UINT32_MAX, master;
    struct frame frame;
    if (next_event(scene->master, &node, &frame) != TRANSPORT_JOINED ||
        next_event(worker, &master, &frame) != TRANSPORT_JOINED)
        return UINT32_MAX;
    return zmq_worker_node(worker) == node ? node : UINT32_MAX;
}

enum transport_event next_event(struct transport *at, uint32_t *peer, struct frame *frame) {
    uint64_t deadline_ns = clock_now_ns() + PATIENCE_NS;
    enum transport_event event;
    do
        event = at->ops->poll(at, deadline_ns, peer, frame);
    while (event == TRANSPORT_SUSPECTED || event == TRANSPORT_RECOVERED);
    return event;
}

static bool send_empty(struct transport *from, uint32_t peer, enum frame_kind kind) {
    struct frame frame;
    return frame_make(&frame, kind, 4711, NULL, 0) && from->ops->send(from, peer, &frame) == CONVOY_OK;
}

/* Waits for the frame of send_empty. */
static bool receive_empty(struct transport *at, uint32_t peer, enum frame_kind kind) {
    for (;;) {
        uint32_t from;
        struct frame frame;
        enum transport_event event = next_event(at, &from, &frame);
        if (event == TRANSPORT_TIMEOUT || event == TRANSPORT_CLOSED)
            return false;
        if (event != TRANSPORT_FRAME)
            continue;
        bool right = from == peer && frame.header.kind == kind && frame.header.job == 4711;
        frame_release(&frame);
        if (right)
            return true;
    }
}

bool scene_serves(struct scene *scene, struct transport *worker, uint32_t node) {
    return send_empty(scene->master, node, FRAME_TASK) && receive_empty(worker, 0, FRAME_TASK) &&
           send_empty(worker, 0, FRAME_ANSWER) && receive_empty(scene->master, node, FRAME_ANSWER);
}

int scene_log_count(struct scene *scene, const char *text) {
    int count = 0;
    pthread_mutex_lock(&scene->mutex);
    for (const char *at = scene->log; (at = strstr(at, text)); at++)
        count++;
    pthread_mutex_unlock(&scene->mutex);
    return count;
}

unsigned scene_lines(struct scene *scene) {
    pthread_mutex_lock(&scene->mutex);
    unsigned lines = scene->lines;
    pthread_mutex_unlock(&scene->mutex);
    return lines;
}

bool scene_wait_log(struct scene *scene, const char *text, int count) {
    uint64_t deadline_ns = clock_now_ns() + PATIENCE_NS;
    while (scene_log_count(scene, text) < count && clock_now_ns() < deadline_ns) {
        uint32_t peer;
        struct frame frame;
        uint64_t until_ns = clock_now_ns() + 20 * NS_PER_MS;
        if (!scene->master)
            clock_sleep_until(until_ns);
        else if (scene->master->ops->poll(scene->master, until_ns, &peer, &frame) == TRANSPORT_FRAME)
            frame_release(&frame);
    }
    return scene_log_count(scene, text) >= count;
}
