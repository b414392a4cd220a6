#include "study/samples.h"

static const char *cell(const char *text) {
    return text ? text : "";
}

void samples_begin(const struct study *study) {
    study_columns(study, study->samples,
                  "what,family,network,layer,workers,lost,threshold,input_parts,filter_parts,quantity,number,"
                  "value");
}

void samples_add(const struct study *study, const struct sample_of *of, const char *quantity, size_t number,
                 double value) {
    study_row(study, study->samples, "%s,%s,%s,%s,%u,%u,%u,%u,%u,%s,%zu,%.9g", of->what, cell(of->family),
              cell(of->network), cell(of->layer), of->workers, of->lost, of->threshold, of->input_parts,
              of->filter_parts, quantity, number, value);
}
