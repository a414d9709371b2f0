/* Receiving ahead. What a wait finds readable on an accepted connection is received at once, as
 * long as it is small, so that a guest that polls for many and then receives from each crosses from
 * JavaScript to here once, not once for each. Nobody can tell: what is held here counts as unread
 * in every answer, is received before what the kernel has, in the order data, error, end, and a
 * close that leaves some of it unread resets the connection, as the kernel's own would.
 *
 * JavaScript shares the tables, and takes what fits by itself (../ahead.ts). */
#include "batch.h"
#include "system_call.h"

#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum mode { NEVER, SMALL, LARGE }; /* LARGE: the last message did not fit in a slot */

struct record {
  int32_t held;   /* bytes + 1; 0: nothing; a negated errno */
  int32_t offset; /* where in the arena */
};

struct ahead {
  napi_ref board; /* the words that JavaScript shares: all of these are in it */
  int32_t *free;          /* a stack of slots: how many there are, then they */
  struct record *records; /* by handle */
  uint8_t *arena;
  size_t handles, slot_bytes, stride;
  uint8_t *modes;   /* by handle: enum mode */
  uint32_t *seen;   /* by handle: the number of the last wait that told of it */
  uint32_t waits;
  int32_t *unread; /* the handles of which something was held after the last wait */
  int unread_count, unread_capacity, turn;
  struct batch batch;
};

static bool concerns(const struct ahead *ahead, int fd) {
  return ahead && fd >= 0 && (size_t)fd < ahead->handles;
}

static void give_back(struct ahead *ahead, int fd) {
  ahead->free[++ahead->free[0]] = ahead->records[fd].offset / (int32_t)ahead->stride;
}

void ahead_accepted(struct instance *instance, int fd) {
  if (concerns(instance->ahead, fd)) instance->ahead->modes[fd] = SMALL;
}

void ahead_closing(struct instance *instance, int fd) {
  struct ahead *ahead = instance->ahead;
  if (!concerns(ahead, fd)) return;
  if (ahead->records[fd].held > 1) {
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    give_back(ahead, fd);
  }
  ahead->records[fd].held = 0;
  ahead->modes[fd] = NEVER;
}

int ahead_readable(const struct instance *instance, int fd) {
  const struct ahead *ahead = instance->ahead;
  return concerns(ahead, fd) && ahead->records[fd].held > 1 ? ahead->records[fd].held - 1 : 0;
}

int ahead_error(struct instance *instance, int fd) {
  struct ahead *ahead = instance->ahead;
  if (!concerns(ahead, fd) || ahead->records[fd].held >= 0) return 0;
  int error = ahead->records[fd].held;
  ahead->records[fd].held = 0;
  return error;
}

bool ahead_knows(const struct instance *instance, int fd) {
  return concerns(instance->ahead, fd) && instance->ahead->modes[fd] == SMALL;
}

bool ahead_holds(const struct instance *instance, int fd) {
  return concerns(instance->ahead, fd) && instance->ahead->records[fd].held != 0;
}

/* Asked before what must not take the error that may wait behind the bytes. */
static bool kernel_has_more(struct instance *instance, int fd) {
  int bytes = 0;
  count_calls(instance, 1);
  return ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0;
}

/* The bytes for which there is room behind what is held. */
static size_t slot_room(const struct ahead *ahead, int fd) {
  const struct record *record = &ahead->records[fd];
  size_t end = (size_t)record->offset % ahead->stride + (size_t)record->held - 1;
  return ahead->slot_bytes - end;
}

/* Copies what is held to iovs, and takes it unless it is only looked at. */
static size_t copy_held(struct ahead *ahead, int fd, struct iovec *iovs, int count, bool take) {
  size_t left = (size_t)ahead->records[fd].held - 1, done = 0;
  const uint8_t *from = ahead->arena + ahead->records[fd].offset;
  for (int i = 0; i < count && left > 0; i++) {
    size_t bytes = iovs[i].iov_len < left ? iovs[i].iov_len : left;
    memcpy(iovs[i].iov_base, from + done, bytes);
    iovs[i].iov_base = (uint8_t *)iovs[i].iov_base + bytes;
    iovs[i].iov_len -= bytes;
    done += bytes;
    left -= bytes;
  }
  if (!take) return done;
  if (left == 0) {
    give_back(ahead, fd);
    ahead->records[fd].held = 0;
  } else {
    ahead->records[fd].held = (int32_t)left + 1;
    ahead->records[fd].offset += (int32_t)done;
  }
  return done;
}

ssize_t ahead_receive(struct instance *instance, int fd, struct iovec *iovs, int count, int flags) {
  struct ahead *ahead = instance->ahead;
  int32_t held = ahead->records[fd].held;
  size_t room = 0;
  for (int i = 0; i < count; i++) room += iovs[i].iov_len;
  if (held <= 1) {
    /* An end is told by the kernel again and again; an error only once. */
    ahead->records[fd].held = 0;
    if (held < 0) {
      errno = -held;
      return -1;
    }
    count_calls(instance, 1);
    return recvmsg(fd, &(struct msghdr){.msg_iov = iovs, .msg_iovlen = (size_t)count}, flags);
  }
  bool full = slot_room(ahead, fd) == 0; /* then the kernel may have the rest */
  bool peek = flags & MSG_PEEK;
  size_t done = copy_held(ahead, fd, iovs, count, !peek);
  if (done == room || !(full || flags & (MSG_PEEK | MSG_WAITALL))) return (ssize_t)done;
  if (peek && !kernel_has_more(instance, fd)) return (ssize_t)done;
  struct msghdr rest = {.msg_iov = iovs, .msg_iovlen = (size_t)count};
  count_calls(instance, 1);
  ssize_t more = recvmsg(fd, &rest, flags);
  if (more > 0) return (ssize_t)done + more;
  /* It comes after the bytes. */
  if (more < 0 && errno != EAGAIN && !peek) ahead->records[fd].held = -errno;
  return (ssize_t)done;
}

void ahead_received(struct instance *instance, int fd, ssize_t bytes) {
  struct ahead *ahead = instance->ahead;
  if (bytes > 0 && concerns(ahead, fd) && ahead->modes[fd] == LARGE &&
      (size_t)bytes < ahead->slot_bytes) {
    ahead->modes[fd] = SMALL;
  }
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

/* True for what is to be received from, as `mask` says that something has come. */
static bool is_wanted(const struct ahead *ahead, int fd, uint32_t mask) {
  return concerns(ahead, fd) && ahead->modes[fd] == SMALL && ahead->records[fd].held == 0 &&
         ahead->seen[fd] != ahead->waits && mask & POLLIN;
}

/* Receives from all of which something has come; what there is no slot for stays in the kernel. */
static void receive_all(struct instance *instance, const struct event *events, int count) {
  struct ahead *ahead = instance->ahead;
  struct batch *batch = &ahead->batch;
  int32_t top = ahead->free[0];
  batch->count = 0;
  for (int i = 0; i < count && top > 0 && batch->count < BATCH; i++) {
    int fd = events[i].fd;
    if (!is_wanted(ahead, fd, events[i].mask) || !is_unread(ahead, fd)) continue;
    ahead->seen[fd] = ahead->waits;
    ahead->records[fd].offset = ahead->free[top--] * (int32_t)ahead->stride;
    uint8_t *bytes = ahead->arena + ahead->records[fd].offset;
    batch->pieces[batch->count++] = (struct piece){.bytes = bytes, .fd = fd};
  }
  ahead->free[0] = top;
  batch_receive(instance, batch, ahead->slot_bytes);
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
static bool receive(struct ahead *ahead, int fd, int result) {
  if (result <= 0) give_back(ahead, fd);
  if (result == -EAGAIN) return true;
  ahead->records[fd].held = result < 0 ? result : result + 1;
  if (result <= 0) return false;
  if ((size_t)result < ahead->slot_bytes) return true;
  ahead->modes[fd] = LARGE;
  return false;
}

/* Something is held, and more has come: who receives after having been told of that must get all of
 * it, for by edge nothing will be told again. True if more was received. */
static bool receive_more(struct instance *instance, int fd) {
  struct ahead *ahead = instance->ahead;
  size_t room = slot_room(ahead, fd);
  if (room == 0 || !kernel_has_more(instance, fd)) return false;
  uint8_t *end = ahead->arena + ahead->records[fd].offset + ahead->records[fd].held - 1;
  count_calls(instance, 1);
  ssize_t bytes = recv_now(fd, end, room);
  if (bytes > 0) ahead->records[fd].held += (int32_t)bytes;
  return bytes > 0;
}

static uint32_t mask_of(const struct ahead *ahead, int fd) {
  return ahead->records[fd].held < 0 ? POLLIN | POLLERR : POLLIN;
}

/* By level, what is held is told at every wait; by edge or oneshot, once after it was set. */
static bool is_due(const struct watched *watched) {
  return watched && watched->interest & POLLIN &&
         (watched->trigger == TRIGGER_LEVEL || watched->armed);
}

/* A level of which epoll tells only the edges: that is all there is to tell as long as each edge
 * leaves nothing behind in the kernel. An end, an error, or what was not received is told again and
 * again, by the kernel itself. */
static void tell_levels(struct poller *poller, struct watched *watched, struct event *event,
                        bool drained) {
  if (!drained || event->mask & (POLLRDHUP | POLLHUP | POLLERR))
    poller->backend->level(poller, event->fd);
  event->mask &= watched->interest | POLLHUP | POLLERR;
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
  int unread = ahead ? still_unread(ahead, poller) : 0;
  count_calls(instance, 1);
  int count = poller->backend->wait(poller, events, capacity, unread > 0 ? 0 : timeout_ns);
  if (!ahead) return count;
  if (unread > 0 && count < 0) count = 0;
  ahead->waits++;
  int held = ahead->unread_count;
  receive_all(instance, events, count);
  const struct piece *piece = ahead->batch.pieces, *end = piece + ahead->batch.count;
  for (int i = 0; i < count; i++) {
    int fd = events[i].fd;
    if (!concerns(ahead, fd)) continue; /* the wake-up among others */
    ahead->seen[fd] = ahead->waits;
    struct watched *watched = poller->backend->watched(poller, fd);
    bool drained = false;
    if (watched) watched->armed = false;
    if (piece < end && piece->fd == fd) {
      drained = receive(ahead, fd, piece++->result);
      if (ahead->records[fd].held) arm_others(instance, poller, fd);
    } else if (ahead->records[fd].held) {
      if (events[i].mask & POLLIN && ahead->records[fd].held > 1 && receive_more(instance, fd))
        arm_others(instance, poller, fd);
      if (watched && watched->interest & POLLIN) events[i].mask |= mask_of(ahead, fd);
    }
    if (watched && watched->edges) tell_levels(poller, watched, &events[i], drained);
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

void close_ahead(struct instance *instance) {
  struct ahead *ahead = instance->ahead;
  if (!ahead) return;
  if (ahead->board) napi_delete_reference(instance->env, ahead->board);
  batch_close(&ahead->batch);
  free(ahead->modes);
  free(ahead->seen);
  free(ahead->unread);
  free(ahead);
  instance->ahead = NULL;
}

/* Where the parts of the board are, whose words end at `words`; false if they are not all in it. */
static bool lay_out(struct ahead *ahead, const struct call *call, int32_t *board, size_t words) {
  size_t free = argument_u32(call, 1), slots = argument_u32(call, 2);
  size_t records = argument_u32(call, 3), arena = argument_u32(call, 5);
  ahead->handles = argument_u32(call, 4);
  ahead->slot_bytes = argument_u32(call, 6);
  ahead->stride = argument_u32(call, 7);
  ahead->free = board + free;
  ahead->records = (struct record *)(board + records);
  ahead->arena = (uint8_t *)(board + arena);
  return words <= INT32_MAX / sizeof *board && free + 1 + slots <= records &&
         records + ahead->handles * 2 <= arena && arena <= words && ahead->slot_bytes > 0 &&
         ahead->stride >= ahead->slot_bytes &&
         slots * ahead->stride <= (words - arena) * sizeof *board;
}

/* aheadOpen(board, free, slots, records, handles, arena, slotBytes, stride, batches): from now on
 * in this thread. `board`: an Int32Array, in which these are at these indices: the stack of free
 * slots, the records of so many handles, and the slots, at a distance of `stride` bytes.
 * `batches`: whether io_uring(7) may be used. */
static napi_value aheadOpen(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 9);
  if (call.instance->ahead) return answer(env, -EBUSY);
  struct ahead *ahead = calloc(1, sizeof *ahead);
  if (!ahead) return answer(env, -ENOMEM);
  call.instance->ahead = ahead;
  batch_open(&ahead->batch, argument_int(&call, 8));
  void *board;
  size_t words;
  if (argument_array(&call, 0, napi_int32_array, &board, &words) &&
      lay_out(ahead, &call, board, words) && (ahead->modes = calloc(ahead->handles, 1)) &&
      (ahead->seen = calloc(ahead->handles, sizeof *ahead->seen)) &&
      napi_create_reference(env, call.argv[0], 1, &ahead->board) == napi_ok)
    return answer(env, 0);
  close_ahead(call.instance);
  return answer(env, -EINVAL);
}

/* aheadClose(): what is still held is lost, as the descriptors are that it came from */
static napi_value aheadClose(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  close_ahead(call.instance);
  return answer(env, 0);
}

void export_ahead(napi_env env, napi_value exports) {
  napi_property_descriptor functions[] = {EXPORT(aheadOpen), EXPORT(aheadClose)};
  define(env, exports, functions, sizeof functions / sizeof *functions);
}
