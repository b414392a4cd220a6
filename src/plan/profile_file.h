/* Profiles as files: JSON that a person can read and edit, in human units, described in docs/planning.md. */
#ifndef PLAN_PROFILE_FILE_H
#define PLAN_PROFILE_FILE_H

#include "plan/profile.h"

/* Reads a file of at most 1 MiB. CONVOY_E_IO: it cannot be read; CONVOY_E_INPUT: it is no profile, and the
 * sentence names the member. */
convoy_status profile_read(struct profile *profile, const char *path, convoy_error *error);

/* Writes a profile that profile_check lets pass; numbers are rounded to four digits. The file is there whole,
 * or what was there before is. CONVOY_E_INPUT (profile_check), CONVOY_E_IO, CONVOY_E_MEMORY. */
convoy_status profile_write(const struct profile *profile, const char *path, convoy_error *error);

/* Reads the file of this path, if there is one; else it is the preset of this name (CONVOY_E_USAGE). */
convoy_status profile_find(struct profile *profile, const char *name_or_path, convoy_error *error);

#endif
