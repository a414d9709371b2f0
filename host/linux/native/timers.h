/* The TIMEOUTs of threads.c: a heap by deadline, and one timerfd for the earliest. Not locked. */
#pragma once

#include "completion.h"

struct timers {
  int fd;
  struct operation **heap; /* each knows its `place`; `when[0]` is its deadline in nanoseconds */
  uint32_t count, capacity;
};

bool timers_open(struct timers *timers);
void timers_close(struct timers *timers);
bool timers_add(struct timers *timers, struct operation *operation); /* false: no memory */
bool timers_remove(struct timers *timers, struct operation *operation); /* false: it is over */
/* Takes out one whose deadline is over; NULL if there is none (any more). */
struct operation *timers_expired(struct timers *timers);
