/* Files mapped into memory, read-only. */
#ifndef IO_FILE_MAP_H
#define IO_FILE_MAP_H

#include "base/memory.h"

/* Maps a regular file; the buffer unmaps it with its last reference. buffer_discard gives pages back,
 * buffer_changed tells whether the file was overwritten (its size or its time differs, and it is still at
 * its place). An empty file gives a buffer of 0 bytes.
 * The sentence of the error names path. CONVOY_E_IO (cannot be opened, is no regular file), CONVOY_E_MEMORY.
 */
convoy_status file_map(struct buffer **map, const char *path, convoy_error *error);

/* The folders of a file that names other files: that of the path by which it was given, and that where it is
 * when symbolic links are resolved, NULL where nobody knows. */
struct file_folders {
    const char *given, *real;
    struct buffer *latest; /* the file mapped last, which the next location mostly names again; NULL: none.
                              file_folders_clear releases it */
};
void file_folders_clear(struct file_folders *folders);

/* The same for a location inside of a folder, the given one or, where it has no such file, the real one. The
 * location comes from a file that nobody vouches for: it must be relative and without "..", and symbolic
 * links in it must end inside one of the two folders, so that nothing outside of them is ever opened, even
 * where links change at the same time. The folders themselves are the user's. CONVOY_E_INPUT (a location that
 * leads out), CONVOY_E_IO, CONVOY_E_MEMORY. */
convoy_status file_map_within(struct buffer **map, struct file_folders *folders, const char *location,
                              convoy_error *error);

#endif
