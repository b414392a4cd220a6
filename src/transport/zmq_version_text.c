#include "transport/zmq_transport.h"

#include <stdio.h>
#include <zmq.h>

const char *zmq_version_text(char *text, size_t size) {
    int major, minor, patch;
    zmq_version(&major, &minor, &patch);
    snprintf(text, size, "%d.%d.%d", major, minor, patch);
    return text;
}
