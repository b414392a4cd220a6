/* The files of a model: its own, and those that hold its weights. They are mapped and read for as long as the
 * model lives, so they must not change. */
#ifndef MODEL_MODEL_FILES_H
#define MODEL_MODEL_FILES_H

#include <convoy/model.h>

/* Notes the files of a model that was read. CONVOY_E_MEMORY. */
convoy_status model_files_find(convoy_model *model, convoy_error *error);

/* CONVOY_E_IO, with a sentence, if a file was overwritten since the model was read. Costs one system call a
 * file. Thread-safe. */
convoy_status model_files_check(const convoy_model *model, convoy_error *error);

#endif
