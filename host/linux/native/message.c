/* Sends and receives a message with no argument and no answer: JavaScript writes what the call
 * needs on a board of words that it shares, and reads the answer there (../ahead.ts). Of Node-API,
 * each of whose functions is cold after a system call, only one is needed.
 *
 * Guest memory is known by its address, which holds as long as its buffer is not detached, as
 * memory.grow does. So who calls looks before each call that the words it gave have a length still:
 * between that look and the system call nothing else runs. */
#include "native.h"
#include "system_call.h"

enum board { HANDLE, AT, LENGTH, RESULT, BOARD_WORDS };

struct message {
  napi_ref board_kept, memory_kept;
  int32_t *board;
  uint8_t *memory;
  size_t size;
};

void close_message(struct instance *instance) {
  struct message *message = instance->message;
  if (!message) return;
  if (message->board_kept) napi_delete_reference(instance->env, message->board_kept);
  if (message->memory_kept) napi_delete_reference(instance->env, message->memory_kept);
  free(message);
  instance->message = NULL;
}

/* messageOpen(board, memory): from now on these are meant, in this thread. `board`: an Int32Array;
 * `memory`: an Int32Array too, of all of guest memory. Of shared memory neither moves. */
static napi_value messageOpen(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 2);
  close_message(call.instance);
  void *board, *memory;
  size_t board_words, memory_words;
  if (!argument_array(&call, 0, napi_int32_array, &board, &board_words) ||
      !argument_array(&call, 1, napi_int32_array, &memory, &memory_words) ||
      board_words < BOARD_WORDS)
    return answer(env, -EINVAL);
  struct message *message = calloc(1, sizeof *message);
  if (!message) return answer(env, -ENOMEM);
  call.instance->message = message;
  message->board = board;
  message->memory = memory;
  message->size = memory_words * sizeof(int32_t);
  if (napi_create_reference(env, call.argv[0], 1, &message->board_kept) == napi_ok &&
      napi_create_reference(env, call.argv[1], 1, &message->memory_kept) == napi_ok)
    return answer(env, 0);
  close_message(call.instance);
  return answer(env, -ENOMEM);
}

/* messageClose() */
static napi_value messageClose(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 0);
  close_message(call.instance);
  return answer(env, 0);
}

/* The part of guest memory that the board tells of; false if any of it lies outside. */
static inline bool part_of(const struct message *message, struct iovec *iov) {
  size_t at = (uint32_t)message->board[AT], length = (uint32_t)message->board[LENGTH];
  *iov = (struct iovec){.iov_base = message->memory + at, .iov_len = length};
  return at <= message->size && length <= message->size - at;
}

static inline ssize_t send_part(struct instance *instance, int fd, struct iovec *part) {
  count_calls(instance, 1);
  return send_now(fd, part->iov_base, part->iov_len);
}

ssize_t receive_part(struct instance *instance, int fd, struct iovec *part) {
  if (ahead_holds(instance, fd)) {
    ssize_t held = ahead_receive(instance, fd, part, 1, MSG_DONTWAIT);
    return held < 0 ? -errno : held;
  }
  count_calls(instance, 1);
  ssize_t bytes = recv_now(fd, part->iov_base, part->iov_len);
  ahead_received(instance, fd, bytes);
  return bytes;
}

/* Inlined with what it does: see system_call.h. */
static inline __attribute__((always_inline)) napi_value
transfer(napi_env env, napi_callback_info info,
         ssize_t (*move)(struct instance *, int, struct iovec *)) {
  struct instance *instance;
  napi_get_cb_info(env, info, NULL, NULL, NULL, (void **)&instance);
  const struct message *message = instance->message;
  struct iovec part;
  if (!message) return answer(env, -EBADF);
  message->board[RESULT] = part_of(message, &part)
                               ? (int32_t)move(instance, message->board[HANDLE], &part)
                               : -EFAULT;
  return NULL;
}

/* messageSend() */
static napi_value messageSend(napi_env env, napi_callback_info info) {
  return transfer(env, info, send_part);
}

/* messageReceive() */
static napi_value messageReceive(napi_env env, napi_callback_info info) {
  return transfer(env, info, receive_part);
}

void export_message(napi_env env, napi_value exports) {
  napi_property_descriptor functions[] = {EXPORT(messageOpen), EXPORT(messageClose),
                                          EXPORT(messageSend), EXPORT(messageReceive)};
  define(env, exports, functions, sizeof functions / sizeof *functions);
}
