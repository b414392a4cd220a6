/* Monotonic time. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t clock_now_ns(void);

/* Processor time of the calling thread, ns: other users of the machine do not count. */
uint64_t clock_thread_ns(void);

/* The same moment as a struct timespec, for waits on CLOCK_MONOTONIC. */
struct timespec clock_timespec(uint64_t time_ns);

/* Sleeps until the moment, signals notwithstanding. */
void clock_sleep_until(uint64_t time_ns);

#endif
