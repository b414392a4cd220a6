/* Contents of layers in a folder, one file HASH.layer each, so that a worker that starts anew need not be
 * sent them again. */
#ifndef RUNTIME_LAYER_DISK_H
#define RUNTIME_LAYER_DISK_H

#include "base/log.h"
#include "transport/frame.h"

struct layer_disk;

/* Makes the folder if it does not exist. The log is told of every damaged file, and once of a folder where
 * nothing can be kept. CONVOY_E_IO with the folder's name, CONVOY_E_MEMORY. */
convoy_status layer_disk_open(struct layer_disk **disk, const char *folder, uint64_t max_bytes,
                              struct log log, convoy_error *error);
void layer_disk_close(struct layer_disk **disk);

/* The content with this hash, or NULL where there is none that is whole: what does not match its hash is
 * removed. */
struct buffer *layer_disk_read(struct layer_disk *disk, struct content_hash hash);

/* Keeps a content, the files least lately used making room. A cache: what cannot be written is not kept. */
void layer_disk_write(struct layer_disk *disk, struct content_hash hash, const struct buffer *content);

#endif
