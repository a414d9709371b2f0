/* Receiving ahead. What a wait finds readable on an accepted connection is received at once, as
 * long as it is small, so that a guest that polls for many and then receives from each crosses from
 * JavaScript to here once, not once for each. Nobody can tell: what is held here counts as unread
 * in every answer, is received before what the kernel has, in the order data, error, end, and a
 * close that leaves some of it unread resets the connection, as the kernel's own would.
 *
 * JavaScript shares the tables, and takes what fits by itself (../ahead.ts). */
#include "ahead.h"
#include "system_call.h"

#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* A short message that is sent, in words of what JavaScript shares. */
enum outgoing { HANDLE, LENGTH, RESULT, BYTES };

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
  set_pending(ahead, fd, false);
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

bool kernel_has_more(struct instance *instance, int fd) {
  int bytes = 0;
  count_calls(instance, 1);
  return ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0;
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

void close_ahead(struct instance *instance) {
  struct ahead *ahead = instance->ahead;
  if (!ahead) return;
  if (ahead->board) napi_delete_reference(instance->env, ahead->board);
  batch_close(&ahead->batch);
  free(ahead->modes);
  free(ahead->seen);
  free(ahead->unread);
  free(ahead->pending);
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
  ahead->outgoing_bytes = (free - BYTES) * sizeof *board;
  ahead->outgoing = board;
  ahead->free = board + free;
  ahead->records = (struct record *)(board + records);
  ahead->arena = (uint8_t *)(board + arena);
  size_t record_words = sizeof *ahead->records / sizeof *board;
  return words <= INT32_MAX / sizeof *board && ahead->handles % 64 == 0 && free > BYTES &&
         free + 1 + slots <= records && records + ahead->handles * record_words <= arena &&
         arena <= words && ahead->slot_bytes > 0 &&
         ahead->stride >= ahead->slot_bytes &&
         slots * ahead->stride <= (words - arena) * sizeof *board;
}

/* aheadOpen(board, free, slots, records, handles, arena, slotBytes, stride, batches): from now on
 * in this thread. `board`: an Int32Array, in which a short message that is sent is first, and the
 * others are at these indices: the stack of free slots, the records of so many handles, and the
 * slots, at a distance of `stride` bytes. `batches`: whether io_uring(7) may be used. */
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
      (ahead->pending = calloc(ahead->handles / 64, sizeof *ahead->pending)) &&
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

/* sendShort(): sends `outgoing`, and puts the answer there. Node-API is asked for no argument, and
 * given no answer, for each of its functions is cold after a system call: about 60 ns of an
 * echo. */
static napi_value sendShort(napi_env env, napi_callback_info info) {
  struct instance *instance;
  napi_get_cb_info(env, info, NULL, NULL, NULL, (void **)&instance);
  const struct ahead *ahead = instance->ahead;
  if (!ahead) return answer(env, -EBADF);
  count_calls(instance, 1);
  int32_t *outgoing = ahead->outgoing;
  size_t length = (uint32_t)outgoing[LENGTH];
  outgoing[RESULT] = length <= ahead->outgoing_bytes
                         ? (int32_t)send_now(outgoing[HANDLE], outgoing + BYTES, length)
                         : -EINVAL;
  return NULL;
}

void export_ahead(napi_env env, napi_value exports) {
  napi_property_descriptor functions[] = {EXPORT(aheadOpen), EXPORT(aheadClose),
                                          EXPORT(sendShort)};
  define(env, exports, functions, sizeof functions / sizeof *functions);
}
