/* Where the times of kernels are remembered from run to run. */
#ifndef CLI_TRIALS_H
#define CLI_TRIALS_H

#include <limits.h>

/* $XDG_CACHE_HOME/convoy, or ~/.cache/convoy, in path, its parents made; NULL where there is no such place.
 */
const char *trials_folder(char path[PATH_MAX]);

#endif
