/* Asynchronous I/O as JavaScript knows it: queues by number, submit and reap. Operations are read
 * from guest memory, and completions written to it, within one call; every number of the guest's
 * is read once and checked against the memory given with that call. What a guest sees is the same
 * whichever engine does the work. */
#include "completion.h"

#include <math.h>
#include <string.h>

/* The ABI's structures, copied from and to guest memory whole. */
struct guest_operation {
  uint64_t userdata;
  uint8_t opcode, flags;
  uint16_t reserved;
  int32_t fd;
  uint32_t bytes, length;
  uint64_t argument;
};
struct guest_completion {
  uint64_t userdata;
  int32_t result;
  uint8_t flags, opcode;
  uint16_t reserved;
  uint32_t offset, reserved2;
};
_Static_assert(sizeof(struct guest_operation) == 32, "OPERATION.SIZE of host/kernel/completion.ts");
_Static_assert(sizeof(struct guest_completion) == 24, "COMPLETION.SIZE");

/* The words of `notes`: a header, and NOTE words for each note; NOTES of host/kernel/completion.ts
 * says what they mean. COUNT and USED, of completions and of bytes, carry over from one slice of a
 * wait to the next; SHORT: another slice may follow. */
enum { NOTES = 0, ROOM = 1, COUNT = 2, USED = 3, SHORT = 4, HEADER = 5, NOTE = 3 };
struct reaping {
  uint8_t *completions;
  uint32_t max;
  uint8_t *buffer;
  uint32_t size;
  int32_t *header, *notes;
  int32_t notes_max;
};

static struct queue *queue_of(const struct call *call, int index) {
  int number = argument_int(call, index);
  return number < 0 || number >= MAX_QUEUES ? NULL : call->instance->queues[number];
}

static void destroy(struct instance *instance, int number) {
  struct queue *queue = instance->queues[number];
  if (!queue) return;
  instance->queues[number] = NULL;
  queue->engine->close(queue);
}

void close_queues(struct instance *instance) {
  for (int i = 0; i < MAX_QUEUES; i++) destroy(instance, i);
}

/* The channel of a descriptor in whichever queue has one. */
static struct channel *channel_in(struct queue *queue, int fd) {
  bool known = queue && fd < MAX_CHANNELS && queue->pages[fd / CHANNELS_IN_PAGE];
  return known ? channel_of(queue, fd) : NULL;
}

int close_later(struct instance *instance, int fd) {
  for (int i = 0; i < MAX_QUEUES; i++) {
    struct channel *channel = channel_in(instance->queues[i], fd);
    if (!channel) continue;
    if (channel->closing) return -EBADF;
    if (channel->operations > 0) {
      channel->closing = true;
      return 1;
    }
    channel_clear(instance->queues[i], channel);
  }
  return 0;
}

void retire_everywhere(struct instance *instance, int fd) {
  for (int i = 0; i < MAX_QUEUES; i++) {
    struct channel *channel = channel_in(instance->queues[i], fd);
    if (!channel) continue;
    instance->queues[i]->engine->detach(instance->queues[i], channel);
  }
}

/* queueOpen(engine, wake): a number, or a negated errno */
static napi_value queueOpen(napi_env env, napi_callback_info info) {
  static const struct engine *const engines[] = {&engine_uring, &engine_uring_single,
                                                 &engine_threads};
  struct call call = begin(env, info);
  char name[32];
  if (!argument_text(&call, 0, name, sizeof name)) return answer(env, -EINVAL);
  int number = 0;
  while (number < MAX_QUEUES && call.instance->queues[number]) number++;
  if (number == MAX_QUEUES) return answer(env, -EMFILE);
  for (size_t i = 0; i < sizeof engines / sizeof *engines; i++) {
    if (strcmp(engines[i]->name, name) != 0) continue;
    struct queue *queue = calloc(1, sizeof *queue);
    if (!queue) return answer(env, -ENOMEM);
    queue->engine = engines[i];
    queue->instance = call.instance;
    queue->wake = argument_int(&call, 1);
    call.instance->queues[number] = queue;
    int result = queue_reserve(queue) ? queue->engine->open(queue) : -ENOMEM;
    if (result < 0) destroy(call.instance, number);
    return answer(env, result < 0 ? result : number);
  }
  return answer(env, -EINVAL);
}

/* queueClose(queue) */
static napi_value queueClose(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  if (queue_of(&call, 0)) destroy(call.instance, argument_int(&call, 0));
  return answer(env, 0);
}

/* ---- submit */

static int prepare_send(struct queue *queue, struct operation *operation,
                        const struct guest_operation *wanted, const uint8_t *memory, size_t size) {
  if ((uint64_t)wanted->bytes + wanted->length > size) return -EFAULT;
  operation->length = wanted->length < MAX_SEND_BYTES ? wanted->length : MAX_SEND_BYTES;
  if (!block_take(queue, operation, operation->length)) return -ENOMEM;
  memcpy(operation->bytes, memory + wanted->bytes, operation->length);
  return 0;
}

/* What an operation needs before it can begin: 0, or the errno that it completes with. */
static int prepare(struct queue *queue, struct operation *operation,
                   const struct guest_operation *wanted, int fd, const uint8_t *memory,
                   size_t size) {
  uint8_t opcode = operation->opcode;
  bool repeats = opcode == ACCEPT || opcode == RECV;
  bool wrong = wanted->reserved || wanted->flags & ~(repeats ? MULTISHOT : 0);
  if (wrong && opcode != CLOSE) return -EINVAL; /* the handle is no longer the caller's */
  operation->multishot = wanted->flags & MULTISHOT;
  operation->length = wanted->length;
  if (opcode == TIMEOUT) {
    uint64_t ns = wanted->argument < INT64_MAX ? wanted->argument : INT64_MAX;
    operation->when[0] = (int64_t)(ns / 1000000000);
    operation->when[1] = (int64_t)(ns % 1000000000);
    return 0;
  }
  if (opcode == CANCEL) return 0;
  if (opcode < ACCEPT || opcode > CANCEL) return -EINVAL;
  if (!owns(queue->instance, fd)) return -EBADF;
  struct channel *channel = channel_of(queue, fd);
  if (!channel) return -EMFILE;
  if (channel->closing) return -EBADF;
  if (opcode == SEND) {
    int result = prepare_send(queue, operation, wanted, memory, size);
    if (result < 0) return result;
  }
  if (opcode != CLOSE) operation->channel = channel;
  return 0;
}

/* Begins one operation: false if there is no room for it. */
static bool submit_one(struct queue *queue, const struct guest_operation *wanted, uint8_t opcode,
                       int fd, const uint8_t *memory, size_t size) {
  if (opcode == SEND && queue->bytes_in_flight + MAX_SEND_BYTES > MAX_BYTES_IN_FLIGHT) return false;
  if (!queue->engine->room(queue)) return false;
  struct operation *operation = operation_take(queue, wanted->userdata, opcode);
  if (!operation) return false;
  int result = fd < 0 && opcode != TIMEOUT && opcode != CANCEL
                   ? fd
                   : prepare(queue, operation, wanted, fd, memory, size);
  if (result < 0) {
    operation_settle(queue, operation, result);
  } else if (opcode == CLOSE) {
    operation_settle(queue, operation, close_owned(queue->instance, fd));
  } else if (opcode == CANCEL) {
    operation_cancel(queue, operation, wanted->argument);
  } else {
    operation_begin(queue, operation);
  }
  return true;
}

/* queueSubmit(queue, memory, operations, count, targets): targets is an Int32Array of pairs,
 * opcode and descriptor; how many were taken */
static napi_value queueSubmit(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 5);
  struct queue *queue = queue_of(&call, 0);
  uint8_t *memory;
  size_t size, words;
  void *array;
  if (!queue) return answer(env, -EBADF);
  if (!argument_bytes(&call, 1, &memory, &size) ||
      !argument_array(&call, 4, napi_int32_array, &array, &words))
    return answer(env, -EFAULT);
  uint64_t at = argument_u32(&call, 2), count = argument_u32(&call, 3);
  const int32_t *targets = array;
  if (at + count * sizeof(struct guest_operation) > size || count * 2 > words)
    return answer(env, -EFAULT);
  uint32_t taken = 0;
  for (; taken < count; taken++, at += sizeof(struct guest_operation)) {
    struct guest_operation wanted;
    memcpy(&wanted, memory + at, sizeof wanted);
    int32_t opcode = targets[taken * 2];
    if (!submit_one(queue, &wanted, opcode == (uint8_t)opcode ? (uint8_t)opcode : 0,
                    targets[taken * 2 + 1], memory, size))
      break;
  }
  queue->engine->flush(queue);
  return answer(env, taken);
}

/* ---- reap */

/* Writes one completion, and takes note of it if JavaScript must look at it. */
static void tell(struct queue *queue, struct reaping *reaping, const struct operation *operation,
                 int32_t result, bool more, uint32_t offset) {
  uint32_t index = (uint32_t)reaping->header[COUNT]++;
  struct guest_completion completion = {
      .userdata = queue->userdata[number_of(queue, operation)],
      .result = result,
      .flags = more ? MORE : 0,
      .opcode = operation->opcode,
      .offset = offset,
  };
  memcpy(reaping->completions + (size_t)index * sizeof completion, &completion, sizeof completion);
  if (result >= 0 && operation->opcode != ACCEPT) return;
  int32_t *note = reaping->notes + NOTE * reaping->header[NOTES]++;
  note[0] = (int32_t)index;
  note[1] = result;
  note[2] = operation->channel ? operation->channel->fd : -1;
}

/* A connection: the guest's, if it has room for it; or else kept for its next ACCEPT. Answers the
 * result that the guest is told. */
static int32_t accepted(struct queue *queue, struct reaping *reaping,
                        const struct completed *completed) {
  struct operation *operation = completed->operation;
  int fd = completed->result;
  if (operation->stage != SETTLED) fd = own(queue->instance, fd);
  if (fd < 0) return fd;
  if (!operation->muted && reaping->header[ROOM] > 0) {
    reaping->header[ROOM]--;
    return fd;
  }
  channel_park(queue, operation->channel, fd);
  return -EMFILE;
}

/* Tells the guest of what the engine completed: false if there is no room for it. What the guest
 * has no part in is dealt with here, too. */
static bool deliver(struct queue *queue, struct reaping *reaping,
                    const struct completed *completed) {
  struct operation *operation = completed->operation;
  int32_t result = completed->result;
  bool live = completed->live, received = operation->opcode == RECV && result > 0;
  uint32_t used = (uint32_t)reaping->header[USED];
  if (received && (uint32_t)result > reaping->size - used) return false;
  if (received) {
    memcpy(reaping->buffer + used, completed->bytes, (size_t)result);
    reaping->header[USED] += result;
  }
  queue->engine->take(queue);
  if (result == OUT_OF_BUFFERS) {
    operation_starve(queue, operation);
    return true;
  }
  if (operation->opcode == ACCEPT && result >= 0) result = accepted(queue, reaping, completed);
  if (operation->opcode == ACCEPT && result == -ECANCELED && !operation->canceller &&
      !operation->muted && includes(&queue->instance->retired, operation->channel->fd)) {
    operation->stage = WAITING; /* for ever: it was not the guest that cancelled it */
    return true;
  }
  bool more = operation->multishot && (received || (operation->opcode == ACCEPT && result >= 0));
  if (!operation->muted) tell(queue, reaping, operation, result, more, received ? used : 0);
  if (more && !live) {
    operation_again(queue, operation);
  } else if (!more && live && !operation->muted) {
    operation->muted = true;
    queue->engine->cancel(queue, operation);
  } else if (!more && !live) {
    operation_finish(queue, operation, result);
  }
  return true;
}

/* Takes completions until there are `min`, or time runs out: their number, or -EINTR. */
static int reap(struct queue *queue, struct reaping *reaping, uint32_t min, double timeout_ns) {
  int32_t *header = reaping->header;
  uint64_t now = 0, deadline = 0;
  header[SHORT] = 0;
  bool full = (uint32_t)header[COUNT] == reaping->max || header[NOTES] == reaping->notes_max;
  for (;;) {
    struct completed completed;
    while (!full && queue->engine->peek(queue, &completed)) {
      full = !deliver(queue, reaping, &completed) || (uint32_t)header[COUNT] == reaping->max ||
             header[NOTES] == reaping->notes_max;
    }
    if (queue->hungry_first) operations_feed(queue);
    /* One that finds nothing looks whether it was woken, although it does not wait. */
    bool enough = full || (header[COUNT] > 0 && (uint32_t)header[COUNT] >= min);
    if (!enough && now > 0) {
      now = monotonic_ns();
      enough = now >= deadline;
    } else if (!enough) {
      now = monotonic_ns();
      deadline = now + (min > 0 && timeout_ns > 0 ? (uint64_t)fmin(ceil(timeout_ns), 4e18) : 0);
    }
    if (enough) {
      queue->engine->flush(queue);
      header[SHORT] = !full && (uint32_t)header[COUNT] < min;
      return header[COUNT];
    }
    int result = queue->engine->wait(queue, deadline - now);
    if (result < 0) return header[COUNT] > 0 ? header[COUNT] : result;
  }
}

/* queueReap(queue, memory, completions, max, buffer, bufferBytes, min, timeoutNs, notes): how many
 * completions there are, those of the slices before included, or a negated errno */
static napi_value queueReap(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 9);
  struct queue *queue = queue_of(&call, 0);
  uint8_t *memory;
  size_t size, words;
  void *array;
  if (!queue) return answer(env, -EBADF);
  if (!argument_bytes(&call, 1, &memory, &size) ||
      !argument_array(&call, 8, napi_int32_array, &array, &words))
    return answer(env, -EFAULT);
  uint64_t completions = argument_u32(&call, 2), max = argument_u32(&call, 3);
  uint64_t buffer = argument_u32(&call, 4), bytes = argument_u32(&call, 5);
  uint32_t min = argument_u32(&call, 6);
  if (completions + max * sizeof(struct guest_completion) > size || buffer + bytes > size)
    return answer(env, -EFAULT);
  if (max == 0 || max > INT32_MAX || bytes < RECV_BYTES || words < HEADER + NOTE ||
      words > INT32_MAX)
    return answer(env, -EINVAL);
  struct reaping reaping = {
      .completions = memory + completions,
      .max = (uint32_t)max,
      .buffer = memory + buffer,
      .size = bytes < INT32_MAX ? (uint32_t)bytes : INT32_MAX,
      .header = array,
      .notes = (int32_t *)array + HEADER,
      .notes_max = (int32_t)((words - HEADER) / NOTE),
  };
  const int32_t *header = reaping.header;
  if (header[NOTES] < 0 || header[NOTES] > reaping.notes_max || header[COUNT] < 0 ||
      (uint32_t)header[COUNT] > max || header[USED] < 0 || (uint32_t)header[USED] > reaping.size)
    return answer(env, -EINVAL);
  if (min > max) min = (uint32_t)max;
  return answer(env, reap(queue, &reaping, min, argument_double(&call, 7)));
}

void export_completion(napi_env env, napi_value exports) {
  napi_property_descriptor functions[] = {
      EXPORT(queueOpen),
      EXPORT(queueSubmit),
      EXPORT(queueReap),
      EXPORT(queueClose),
  };
  define(env, exports, functions, sizeof functions / sizeof *functions);
}
