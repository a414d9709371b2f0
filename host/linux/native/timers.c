/* The TIMEOUTs of threads.c: a heap by deadline, and one timerfd for the earliest. Not locked. */
#include "timers.h"

#include <sys/timerfd.h>
#include <unistd.h>

static void put(struct timers *timers, uint32_t place, struct operation *operation) {
  timers->heap[place] = operation;
  operation->place = place;
}

/* Moves what is at `place` to where it belongs, up or down. */
static void settle(struct timers *timers, uint32_t place) {
  struct operation *operation = timers->heap[place];
  for (uint32_t parent; place > 0; place = parent) {
    parent = (place - 1) / 2;
    if (timers->heap[parent]->when[0] <= operation->when[0]) break;
    put(timers, place, timers->heap[parent]);
  }
  for (uint32_t child; (child = place * 2 + 1) < timers->count; place = child) {
    if (child + 1 < timers->count &&
        timers->heap[child + 1]->when[0] < timers->heap[child]->when[0])
      child++;
    if (operation->when[0] <= timers->heap[child]->when[0]) break;
    put(timers, place, timers->heap[child]);
  }
  put(timers, place, operation);
}

static void set_clock(const struct timers *timers) {
  struct itimerspec time = {0}; /* never */
  if (timers->count > 0) {
    int64_t deadline = timers->heap[0]->when[0];
    time.it_value.tv_sec = deadline / 1000000000;
    time.it_value.tv_nsec = deadline % 1000000000;
  }
  timerfd_settime(timers->fd, TFD_TIMER_ABSTIME, &time, NULL);
}

bool timers_open(struct timers *timers) {
  timers->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  return timers->fd >= 0;
}

void timers_close(struct timers *timers) {
  if (timers->fd >= 0) close(timers->fd);
  free(timers->heap);
}

bool timers_add(struct timers *timers, struct operation *operation) {
  if (timers->count == timers->capacity) {
    uint32_t capacity = timers->capacity ? timers->capacity * 2 : 64;
    struct operation **heap = realloc(timers->heap, capacity * sizeof(struct operation *));
    if (!heap) return false;
    timers->heap = heap;
    timers->capacity = capacity;
  }
  uint64_t now = monotonic_ns();
  uint64_t wanted = (uint64_t)operation->when[0] * 1000000000 + (uint64_t)operation->when[1];
  operation->when[0] = (int64_t)(wanted < INT64_MAX - now ? now + wanted : INT64_MAX);
  put(timers, timers->count++, operation);
  settle(timers, operation->place);
  if (operation->place == 0) set_clock(timers);
  return true;
}

bool timers_remove(struct timers *timers, struct operation *operation) {
  uint32_t place = operation->place;
  if (place >= timers->count || timers->heap[place] != operation) return false;
  if (--timers->count > place) {
    put(timers, place, timers->heap[timers->count]);
    settle(timers, place);
  }
  if (place == 0) set_clock(timers);
  return true;
}

struct operation *timers_expired(struct timers *timers) {
  struct operation *first = timers->count > 0 ? timers->heap[0] : NULL;
  if (!first || (uint64_t)first->when[0] > monotonic_ns()) {
    set_clock(timers); /* which also takes what the timer told */
    return NULL;
  }
  timers_remove(timers, first);
  return first;
}
