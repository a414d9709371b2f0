/* What was received ahead, and of what it may be: for the wait that receives (ahead_wait.c), and
 * for who takes it (ahead.c). */
#pragma once

#include "batch.h"

enum mode { NEVER, SMALL, LARGE }; /* LARGE: the last message did not fit in a slot */

struct record {
  int32_t held;   /* bytes + 1; 0: nothing; a negated errno */
  int32_t offset; /* where in the arena */
  int32_t next;   /* the handle that was received from after it, the last time; or 0 */
  int32_t unused;
};

struct ahead {
  napi_ref board; /* the words that JavaScript shares: all of these are in it */
  int32_t *outgoing;
  int32_t *free;          /* a stack of slots: how many there are, then they */
  struct record *records; /* by handle */
  uint8_t *arena;
  size_t outgoing_bytes, handles, slot_bytes, stride;
  uint8_t *modes;   /* by handle: enum mode */
  uint32_t *seen;   /* by handle: the number of the last wait that told of it */
  uint32_t waits;
  int32_t *unread; /* the handles of which something was held after the last wait */
  int unread_count, unread_capacity, turn;
  uint64_t *pending; /* a bit for each handle: nothing is held, and something has come */
  int pending_count;
  struct poller *poller; /* which told of them */
  struct batch batch;
};

static inline bool concerns(const struct ahead *ahead, int fd) {
  return ahead && fd >= 0 && (size_t)fd < ahead->handles;
}

static inline void give_back(struct ahead *ahead, int fd) {
  ahead->free[++ahead->free[0]] = ahead->records[fd].offset / (int32_t)ahead->stride;
}

static inline bool is_pending(const struct ahead *ahead, int fd) {
  return ahead->pending[fd / 64] >> fd % 64 & 1;
}

static inline void set_pending(struct ahead *ahead, int fd, bool pending) {
  if (is_pending(ahead, fd) == pending) return;
  ahead->pending[fd / 64] ^= (uint64_t)1 << fd % 64;
  ahead->pending_count += pending ? 1 : -1;
}

/* The bytes for which there is room behind what is held. */
static inline size_t slot_room(const struct ahead *ahead, int fd) {
  const struct record *record = &ahead->records[fd];
  size_t end = (size_t)record->offset % ahead->stride + (size_t)record->held - 1;
  return ahead->slot_bytes - end;
}

/* Asked before what must not take the error that may wait behind the bytes. */
bool kernel_has_more(struct instance *instance, int fd);
