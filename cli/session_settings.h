/* Options that describe a session: shared by the commands that make one. */
#ifndef CLI_SESSION_SETTINGS_H
#define CLI_SESSION_SETTINGS_H

#include "option.h"

struct session_settings {
    convoy_options session;
    uint32_t parts[2];        /* k_A, k_B; 0,0: not given */
    uint32_t worker_range[2]; /* of convoy plan: the least and the most workers; 0,0: not given */
    uint32_t deadline_ms;
    struct text_list faults;
    bool workers_given, stragglers_given, lambda_given;
    bool lambda_shown; /* the command shows costs by --lambda, whatever the objective is */
};

/* Rows about struct session_settings, the last without a name. */
extern const struct option worker_count_rows[]; /* --workers N */
extern const struct option worker_range_rows[]; /* --workers N or A..B */
extern const struct option cluster_rows[];      /* what every cluster has */
extern const struct option local_rows[];
extern const struct option endpoint_rows[]; /* workers that are processes */
extern const struct option code_rows[];     /* code and plan */
extern const struct option verify_rows[];
extern const struct option fault_rows[];

/* Puts the library's defaults into options that are all zeros. */
void session_settings_init(struct session_settings *options);

/* Fills the library's options from those that they do not hold as they are given. CONVOY_E_USAGE. */
convoy_status session_settings_finish(struct session_settings *options, convoy_error *error);

/* Puts what the plan of the session chose in the place of what was left to it. */
void session_settings_settle(convoy_options *options, const convoy_session *session);

/* What --precision calls it. */
const char *precision_text(convoy_precision precision);

#endif
