#include "model/opset.h"

#include <string.h>

const char *domain_plain(const char *domain) {
    return strcmp(domain, "ai.onnx") == 0 ? "" : domain;
}

int64_t opset_version(const convoy_model *model, const char *domain) {
    domain = domain_plain(domain);
    for (size_t i = model->opset_count; i-- > 0;)
        if (strcmp(model->opsets[i].domain, domain) == 0)
            return model->opsets[i].version;
    return 0;
}
