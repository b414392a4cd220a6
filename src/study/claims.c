#include "study/topic.h"

#include "base/error.h"

convoy_status study_claims(struct study *study, convoy_error *error) {
    study_columns(study, study->csv, "family");
    return error_set(error, CONVOY_E_UNSUPPORTED, "the study claims is not there yet");
}
