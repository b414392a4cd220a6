/* What a plan has chosen for a session, in the words of the options. */
#include "options.h"

#include <string.h>

const char *precision_text(convoy_precision precision) {
    static const char *const texts[] = {[CONVOY_PRECISION_F32] = "f32",
                                        [CONVOY_PRECISION_BF16] = "bf16",
                                        [CONVOY_PRECISION_F16] = "f16",
                                        [CONVOY_PRECISION_AUTO] = "auto"};
    return texts[precision];
}

void options_settle(struct cli_options *options, const convoy_session *session) {
    convoy_plan_totals totals;
    convoy_session_plan(session, &totals);
    if (strcmp(options->session.code, "auto") == 0)
        options->session.code = totals.code; /* static: the plan chooses among codes that are */
    options->session.precision = totals.precision;
}
