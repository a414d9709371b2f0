/* The wait that receives ahead (ahead.c) from what it finds readable, and tells of what is held. */
#include "ahead.h"
#include "system_call.h"

#include <poll.h>
#include <string.h>

/* As many sockets stay in the processor's caches from their receive to the answer. Where a wait
 * finds more, those that it watches by level are pending, until the guest receives from one: then
 * it and the next so many are received from. By edge none is: what comes while it is pending would
 * be received with the rest, and its edge never told. */
enum { NEAR = 64, FURTHER = 16 }; /* FURTHER: how far a next one is looked for */

/* One that is pending, of which there are some: fd, or the one that the guest will come to next, if
 * it receives in the same order as before; or else the first from there on. */
static int next_pending(const struct ahead *ahead, int fd) {
  for (int i = 0; i < FURTHER && !is_pending(ahead, fd); i++) {
    int next = ahead->records[fd].next;
    if (next == 0 || !concerns(ahead, next)) break;
    fd = next;
  }
  size_t words = ahead->handles / 64, word = (size_t)fd / 64;
  uint64_t bits = ahead->pending[word] >> fd % 64 << fd % 64;
  while (!bits) {
    word = (word + 1) % words;
    bits = ahead->pending[word];
  }
  return (int)word * 64 + __builtin_ctzll(bits);
}

static bool is_unread(struct ahead *ahead, int fd) {
  if (ahead->unread_count == ahead->unread_capacity) {
    int capacity = ahead->unread_capacity ? ahead->unread_capacity * 2 : 64;
    int32_t *unread = realloc(ahead->unread, (size_t)capacity * sizeof *unread);
    if (!unread) return false;
    ahead->unread = unread;
    ahead->unread_capacity = capacity;
  }
  ahead->unread[ahead->unread_count++] = fd;
  return true;
}

/* Puts fd into the batch; false if there is no room, and it stays in the kernel. */
static bool add(struct ahead *ahead, int fd) {
  struct batch *batch = &ahead->batch;
  if (ahead->free[0] == 0 || batch->count == BATCH || !is_unread(ahead, fd)) return false;
  ahead->records[fd].offset = ahead->free[ahead->free[0]--] * (int32_t)ahead->stride;
  uint8_t *bytes = ahead->arena + ahead->records[fd].offset;
  batch->pieces[batch->count++] = (struct piece){.bytes = bytes, .fd = fd};
  return true;
}

static bool by_level(struct poller *poller, int fd) {
  const struct watched *watched = poller->backend->watched(poller, fd);
  return watched && watched->trigger == TRIGGER_LEVEL;
}

/* Receives from those of which something has come, unless they are too many. */
static void receive_all(struct instance *instance, struct poller *poller,
                        const struct event *events, int count) {
  struct ahead *ahead = instance->ahead;
  ahead->batch.count = 0;
  ahead->poller = poller;
  for (int i = 0; i < count; i++) {
    int fd = events[i].fd;
    if (!concerns(ahead, fd) || ahead->modes[fd] != SMALL || ahead->records[fd].held ||
        ahead->seen[fd] == ahead->waits || !(events[i].mask & POLLIN))
      continue;
    if (count > NEAR && events[i].mask == POLLIN && by_level(poller, fd))
      set_pending(ahead, fd, true);
    else if (!add(ahead, fd))
      continue;
    ahead->seen[fd] = ahead->waits;
  }
  batch_receive(instance, &ahead->batch, ahead->slot_bytes);
}

/* Something was received from fd, of which other pollers that watch it by edge will find nothing in
 * the kernel: they tell of it from here. */
static void arm_others(const struct instance *instance, const struct poller *poller, int fd) {
  if (instance->pollers_by_edge == poller->by_edge) return;
  for (int i = 0; i < instance->poller_capacity; i++) {
    struct poller *other = instance->pollers[i];
    if (!other || other == poller || !other->by_edge) continue;
    struct watched *watched = other->backend->watched(other, fd);
    if (watched && watched->trigger == TRIGGER_EDGE) watched->armed = true;
  }
}

/* Takes note of what was received from fd. True if the kernel has nothing left. */
static bool receive(const struct instance *instance, const struct poller *poller, int fd,
                    int result) {
  struct ahead *ahead = instance->ahead;
  if (result <= 0) give_back(ahead, fd);
  if (result == -EAGAIN) return true;
  ahead->records[fd].held = result < 0 ? result : result + 1;
  arm_others(instance, poller, fd);
  if (result <= 0) return false;
  if ((size_t)result < ahead->slot_bytes) return true;
  ahead->modes[fd] = LARGE;
  return false;
}

/* A level of which epoll tells only the edges: that is all there is to tell as long as each edge
 * leaves nothing behind in the kernel. An end, an error, or what was not received is told again and
 * again, by the kernel itself. */
static void tell_by_level(struct poller *poller, int fd) {
  const struct watched *watched = poller->backend->watched(poller, fd);
  if (watched && watched->edges) poller->backend->level(poller, fd);
}

/* Receives from fd, if it is pending, and the next ones; or leaves them to the kernel, that tells
 * of them again. */
static void receive_pending(struct instance *instance, int fd) {
  struct ahead *ahead = instance->ahead;
  struct poller *poller = ahead->poller;
  struct batch *batch = &ahead->batch;
  batch->count = 0;
  for (int i = 0; i < NEAR && ahead->pending_count > 0; i++) {
    fd = next_pending(ahead, fd);
    set_pending(ahead, fd, false);
    if (!add(ahead, fd)) tell_by_level(poller, fd);
  }
  batch_receive(instance, batch, ahead->slot_bytes);
  for (const struct piece *piece = batch->pieces; piece < batch->pieces + batch->count; piece++)
    if (!receive(instance, poller, piece->fd, piece->result)) tell_by_level(poller, piece->fd);
}

void ahead_receiving(struct instance *instance, int fd) {
  struct ahead *ahead = instance->ahead;
  if (concerns(ahead, fd) && is_pending(ahead, fd)) receive_pending(instance, fd);
}

/* Nothing is pending any more: a wait is about to begin, which must know what is held. */
static void settle(struct instance *instance) {
  while (instance->ahead->pending_count > 0) receive_pending(instance, 0);
}

void ahead_closing_poller(struct instance *instance, const struct poller *poller) {
  struct ahead *ahead = instance->ahead;
  if (!ahead || ahead->poller != poller) return;
  memset(ahead->pending, 0, ahead->handles / 8);
  ahead->pending_count = 0;
  ahead->poller = NULL;
}

/* Something is held, and more has come: who receives after having been told of that must get all of
 * it, for by edge nothing will be told again. */
static void receive_more(struct instance *instance, const struct poller *poller, int fd) {
  struct ahead *ahead = instance->ahead;
  size_t room = slot_room(ahead, fd);
  if (room == 0 || !kernel_has_more(instance, fd)) return;
  uint8_t *end = ahead->arena + ahead->records[fd].offset + ahead->records[fd].held - 1;
  count_calls(instance, 1);
  ssize_t bytes = recv_now(fd, end, room);
  if (bytes <= 0) return;
  ahead->records[fd].held += (int32_t)bytes;
  arm_others(instance, poller, fd);
}

static uint32_t mask_of(const struct ahead *ahead, int fd) {
  return ahead->records[fd].held < 0 ? POLLIN | POLLERR : POLLIN;
}

/* By level, what is held is told at every wait; by edge or oneshot, once after it was set. */
static bool is_due(const struct watched *watched) {
  return watched && watched->interest & POLLIN &&
         (watched->trigger == TRIGGER_LEVEL || watched->armed);
}

/* Among the handles of which something was held after the last wait: those of which something
 * still is, and how many of them `poller` has to tell of. */
static int still_unread(struct ahead *ahead, struct poller *poller) {
  int kept = 0, watched = 0;
  for (int i = 0; i < ahead->unread_count; i++) {
    int32_t fd = ahead->unread[i];
    if (ahead->records[fd].held == 0) continue;
    ahead->unread[kept++] = fd;
    watched += is_due(poller->backend->watched(poller, fd));
  }
  ahead->unread_count = kept;
  return watched;
}

int ahead_wait(struct instance *instance, struct poller *poller, struct event *events, int capacity,
               double timeout_ns) {
  struct ahead *ahead = instance->ahead;
  if (ahead) settle(instance);
  int unread = ahead ? still_unread(ahead, poller) : 0;
  count_calls(instance, 1);
  int count = poller->backend->wait(poller, events, capacity, unread > 0 ? 0 : timeout_ns);
  if (!ahead) return count;
  if (unread > 0 && count < 0) count = 0;
  ahead->waits++;
  int held = ahead->unread_count;
  receive_all(instance, poller, events, count);
  const struct piece *piece = ahead->batch.pieces, *end = piece + ahead->batch.count;
  for (int i = 0; i < count; i++) {
    int fd = events[i].fd;
    if (!concerns(ahead, fd)) continue; /* the wake-up among others */
    ahead->seen[fd] = ahead->waits;
    struct watched *watched = poller->backend->watched(poller, fd);
    bool drained = is_pending(ahead, fd);
    if (watched) watched->armed = false;
    if (piece < end && piece->fd == fd) {
      drained = receive(instance, poller, fd, piece++->result);
    } else if (ahead->records[fd].held) {
      if (events[i].mask & POLLIN && ahead->records[fd].held > 1)
        receive_more(instance, poller, fd);
      if (watched && watched->interest & POLLIN) events[i].mask |= mask_of(ahead, fd);
    }
    if (!watched || !watched->edges) continue;
    if (!drained || events[i].mask & (POLLRDHUP | POLLHUP | POLLERR)) tell_by_level(poller, fd);
    events[i].mask &= watched->interest | POLLHUP | POLLERR;
  }
  int first = ahead->turn; /* where there is no room for all, they take turns */
  for (int i = 0; unread > 0 && i < held && count < capacity; i++) {
    int32_t fd = ahead->unread[(first + i) % held];
    struct watched *watched = poller->backend->watched(poller, fd);
    if (ahead->seen[fd] == ahead->waits || !is_due(watched)) continue;
    events[count++] = (struct event){.mask = mask_of(ahead, fd), .token = watched->token, .fd = fd};
    watched->armed = false;
    ahead->turn = (first + i + 1) % held;
    if (!(watched->trigger & TRIGGER_ONESHOT)) continue;
    poller->backend->forget(poller, fd); /* the kernel does not know that it was told */
    *watched = (struct watched){.known = true};
  }
  return count;
}
