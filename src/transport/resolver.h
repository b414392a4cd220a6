/* The addresses that a host's name stands for, asked for in a thread of its own: a name server may take
 * longer to answer than its asker can wait. */
#ifndef TRANSPORT_RESOLVER_H
#define TRANSPORT_RESOLVER_H

#include <stdbool.h>

#define RESOLVER_HOST 256
#define RESOLVER_URL  320

struct resolver;

/* Asks for the host of tcp://HOST:PORT. NULL without memory or thread. */
struct resolver *resolver_start(const char *host, const char *port);

/* Whether the answer has come. */
bool resolver_done(struct resolver *resolver);

/* Waits for it. */
void resolver_wait(struct resolver *resolver);

/* After the answer: NULL, or why there is no address, in words. */
const char *resolver_failure(const struct resolver *resolver);

/* The URL of the address number `index`, from 0 on, those of IPv4 first. False where there are no more. */
bool resolver_url(const struct resolver *resolver, unsigned index, char url[RESOLVER_URL]);

/* Waits for nothing: a thread that still asks frees what it uses when it has its answer. Takes NULL. */
void resolver_destroy(struct resolver **resolver);

#endif
