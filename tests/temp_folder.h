/* A folder of its own for a test that needs files; gone with the test. */
#ifndef TEMP_FOLDER_H
#define TEMP_FOLDER_H

#include <stddef.h>

#define TEMP_PATH 512

/* Group setup and teardown for cmocka: *state is the folder's path (char *). */
int temp_folder_create(void **state);
int temp_folder_remove(void **state);

/* Writes folder/name; path, where it is not NULL, receives that path. Fails the test where it cannot. */
void temp_file_write(char path[TEMP_PATH], const char *folder, const char *name, const void *bytes,
                     size_t length);

#endif
