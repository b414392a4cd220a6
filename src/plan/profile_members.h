/* The members of a profile, as its file and sentences about it name them: where each lies, in which unit the
 * file has it, and what values it may have. One table for reading, writing and checking. */
#ifndef PLAN_PROFILE_MEMBERS_H
#define PLAN_PROFILE_MEMBERS_H

#include "plan/profile.h"

#include <stddef.h>

#define PROFILE_VERSION 1

enum member_kind {
    MEMBER_VERSION, /* PROFILE_VERSION; nothing of the struct */
    MEMBER_TEXT,    /* char[PROFILE_NAME] */
    MEMBER_NUMBER,  /* double */
    MEMBER_COUNT,   /* uint32_t */
    MEMBER_BYTES,   /* uint64_t */
    MEMBER_OBJECT,  /* members */
    MEMBER_WORKERS  /* array of members, of struct worker_profile */
};

struct profile_members;

struct profile_member {
    const char *name;
    enum member_kind kind;
    size_t offset;         /* from the struct of the object; of members: from the same struct */
    bool required;         /* else it is 0 if it is missing */
    bool null_is_infinite; /* NUMBER: JSON has no infinity */
    double times, over;    /* NUMBER: the struct's value is the file's · times / over */
    double least, most;    /* NUMBER, COUNT, BYTES: in the file's unit; both 0: checked elsewhere */
    const struct profile_members *members; /* OBJECT, WORKERS */
};

struct profile_members {
    const struct profile_member *items; /* [count] */
    uint32_t count;
};

extern const struct profile_members profile_members;

/* The value of a NUMBER, COUNT or BYTES in the file's unit; base: the struct. */
double profile_member_value(const struct profile_member *member, const void *base);

#endif
