/* How the plan of a session is found. If the options leave the code or the precision to it, plans are made
 * for each and compared (plan/alternatives.h): first the codes, with frames of float32 if those are left to
 * the plan too, then halves for the code that was chosen. */
#include "session/session.h"

#include "base/error.h"
#include "plan/alternatives.h"
#include "plan/plan_file.h"

#include <stdlib.h>

struct search {
    convoy_session *session;
    const convoy_options *options;
    struct plan_subject *subjects;   /* [step_count] */
    struct plan_decision *decisions; /* [step_count]: everything stays here; NULL: the planner decides */
    size_t made, plans;              /* plans: made, and to be made at most */
};

static void tell_progress(void *context, size_t done, size_t total) {
    const struct search *search = context;
    search->options->planning(search->options->progress_context, search->made * total + done,
                              search->plans * total);
}

static convoy_status make_plan(struct search *search, const struct code_family *family, convoy_dtype frames,
                               struct plan **plan, convoy_error *error) {
    const convoy_options *options = search->options;
    const size_t count = search->session->network->step_count;
    struct plan_request request;
    convoy_status status = session_plan_request(&request, search->session, options, family, frames, error);
    if (status != CONVOY_OK)
        return status;
    request.decided = search->decisions;
    request.progress = options->planning ? tell_progress : NULL;
    request.progress_context = search;
    status = options->plan_file
                 ? plan_read(plan, options->plan_file, &request, search->subjects, count, error)
                 : plan_create(plan, &request, search->subjects, count, error);
    search->made++;
    return status;
}

/* plan: NULL if none was made, since it is refused. */
static void note(struct search *search, const struct code_family *family, convoy_dtype frames,
                 const struct plan *plan, const char *refused) {
    convoy_session *session = search->session;
    if (session->alternative_count == MOST_ALTERNATIVES)
        return;
    convoy_plan_alternative *noted = &session->alternatives[session->alternative_count++];
    *noted = (convoy_plan_alternative){
        .code = family->name, .precision = session_precision(frames), .refused = refused};
    if (!plan)
        return;
    noted->planned_ms = plan->planned_ns / 1e6;
    noted->busiest_ms = plan->busiest_ns / 1e6;
    noted->up_bytes = plan->up_bytes;
    noted->down_bytes = plan->down_bytes;
    noted->coded_layers = plan_coded(plan);
    noted->error_bound = plan_error_bound(plan);
    noted->noise_gain = plan_noise_gain(plan);
}

/* Makes the plan the session's, in the place of the one that it has. */
static void take(struct search *search, const struct code_family *family, struct plan **plan) {
    convoy_session *session = search->session;
    plan_destroy(&session->plan);
    session->plan = *plan;
    session->family = family;
    session->frames = (*plan)->frames;
    *plan = NULL;
}

/* The best of the plans for all codes that may be taken. */
static convoy_status choose_code(struct search *search, convoy_error *error) {
    const convoy_options *options = search->options;
    const convoy_dtype frames = session_frames(options);
    const struct code_family *family;
    for (size_t f = 0; (family = code_family_at(f)); f++) {
        const char *refused = plan_refuses_code(family, options->stragglers, options->reserve);
        struct plan *plan = NULL;
        if (!refused && make_plan(search, family, frames, &plan, error) != CONVOY_OK)
            return error->status;
        note(search, family, frames, plan, refused);
        if (plan && (!search->session->plan || plan_is_better(plan, search->session->plan)))
            take(search, family, &plan);
        plan_destroy(&plan);
    }
    return CONVOY_OK;
}

/* float16, else bfloat16, if that is worth it. */
static convoy_status choose_frames(struct search *search, convoy_error *error) {
    static const convoy_dtype halves[] = {CONVOY_F16, CONVOY_BF16};
    convoy_session *session = search->session;
    if (session->alternative_count == 0)
        note(search, session->family, session->frames, session->plan, NULL);
    for (size_t i = 0; i < sizeof halves / sizeof halves[0] && session->frames == CONVOY_F32; i++) {
        struct plan *plan = NULL;
        const convoy_status status = make_plan(search, session->family, halves[i], &plan, error);
        if (status != CONVOY_OK)
            return status;
        const char *refused = plan_refuses_halves(plan, session->plan);
        note(search, session->family, halves[i], plan, refused);
        if (!refused)
            take(search, session->family, &plan);
        plan_destroy(&plan);
    }
    return CONVOY_OK;
}

/* Which of the alternatives was taken. */
static void mark_chosen(convoy_session *session) {
    for (size_t i = 0; i < session->alternative_count; i++) {
        convoy_plan_alternative *one = &session->alternatives[i];
        one->chosen =
            one->code == session->family->name && one->precision == session_precision(session->frames);
    }
}

/* Those that a plan is made for. */
static size_t count_codes(const convoy_options *options) {
    const struct code_family *family;
    size_t count = 0;
    for (size_t f = 0; (family = code_family_at(f)); f++)
        count += !plan_refuses_code(family, options->stragglers, options->reserve);
    return count;
}

static convoy_status find(struct search *search, convoy_error *error) {
    convoy_session *session = search->session;
    const bool decided = session->unmeasured; /* all plans are the same: everything stays here */
    const bool any_code = session_code_is_open(search->options) && !decided;
    const bool any_frames = search->options->precision == CONVOY_PRECISION_AUTO && !decided;
    convoy_status status = CONVOY_OK;
    search->plans = (any_code ? count_codes(search->options) : 1) + (any_frames ? 2 : 0);
    if (any_code)
        status = choose_code(search, error);
    else
        status = make_plan(search, session->family, session->frames, &session->plan, error);
    if (status == CONVOY_OK && any_frames)
        status = choose_frames(search, error);
    mark_chosen(session);
    return status;
}

convoy_status session_plan_create(convoy_session *session, const convoy_options *options,
                                  convoy_error *error) {
    struct search search = {.session = session, .options = options};
    convoy_error why;
    convoy_status status =
        session_subjects_create(&search.subjects, session->network, options->cut == CONVOY_CUT_WIDTH, &why);
    if (status == CONVOY_OK && session->unmeasured) {
        search.decisions = calloc(session->network->step_count + 1, sizeof *search.decisions);
        if (!search.decisions)
            status = error_memory(&why);
    }
    if (status == CONVOY_OK)
        status = find(&search, &why);
    if (status == CONVOY_OK)
        status = session_layers_describe(session, &why);
    free(search.subjects);
    free(search.decisions);
    if (status != CONVOY_OK && error)
        *error = why;
    return status;
}

size_t convoy_session_alternatives(const convoy_session *session, convoy_plan_alternative *alternatives,
                                   size_t capacity) {
    for (size_t i = 0; i < session->alternative_count && i < capacity; i++)
        alternatives[i] = session->alternatives[i];
    return session->alternative_count;
}

convoy_status convoy_options_settle(convoy_options *options, const convoy_model *model,
                                    const convoy_shape *input_shapes, convoy_error *error) {
    if (!options || !model || (!input_shapes && model->input_count > 0))
        return error_null(error, __func__);
    if (!options->code || (!session_code_is_open(options) && options->precision != CONVOY_PRECISION_AUTO))
        return CONVOY_OK; /* what makes no sense is told when a session is made */
    convoy_session *session = NULL;
    convoy_options planning = *options;
    planning.plan_only = true;
    const convoy_status status = convoy_session_create(&session, model, input_shapes, &planning, error);
    if (status != CONVOY_OK)
        return status;
    if (session_code_is_open(options))
        options->code = session->family->name; /* static, since the plan chooses among those that are */
    options->precision = session_precision(session->frames);
    convoy_session_destroy(&session);
    return CONVOY_OK;
}
