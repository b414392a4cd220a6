/* Files mapped into memory, read-only. */
#ifndef IO_FILE_MAP_H
#define IO_FILE_MAP_H

#include "base/memory.h"

/* Maps a regular file; the buffer unmaps it with its last reference. buffer_discard
 * gives pages back. An empty file gives a buffer of 0 bytes.
 * The sentence of the error names path. CONVOY_E_IO (cannot be opened, is no regular file), CONVOY_E_MEMORY.
 */
convoy_status file_map(struct buffer **map, const char *path, convoy_error *error);

/* The same for folder/location, where location comes from a file that nobody vouches for: it must be
 * relative, without "..", and no part of it may be a symbolic link, so that nothing outside of folder is ever
 * opened. The folder itself is the user's. CONVOY_E_INPUT (a location that could lead out), CONVOY_E_IO,
 * CONVOY_E_MEMORY. */
convoy_status file_map_within(struct buffer **map, const char *folder, const char *location,
                              convoy_error *error);

#endif
