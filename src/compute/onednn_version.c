#include "compute/backend.h"

#include <dnnl.h>
#include <stdio.h>

const char *onednn_version_text(char *text, size_t size) {
    const dnnl_version_t *version = dnnl_version();
    snprintf(text, size, "%d.%d.%d", version->major, version->minor, version->patch);
    return text;
}
