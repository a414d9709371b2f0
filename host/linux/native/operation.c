/* Operations of asynchronous I/O: what they are made of, and what becomes of each: it begins, or
 * stands in line; it goes on, starves, is cancelled, ends. How it is done is the engine's matter,
 * how it is told is completion.c's. */
#include "completion.h"

#include <string.h>
#include <unistd.h>

#define SMALLEST_BLOCK 256
#define MAX_IDLE_BYTES (4 << 20) /* of blocks that are kept for the next SEND */

/* A SEND's bytes, while nobody needs them: the free list. */
struct block {
  struct block *next;
};

bool queue_reserve(struct queue *queue) {
  /* Large, so fresh from the kernel: a page costs memory only when it is touched. */
  queue->operations = calloc(MAX_OPERATIONS, sizeof *queue->operations);
  queue->userdata = calloc(MAX_OPERATIONS, sizeof *queue->userdata);
  queue->pages = calloc(MAX_CHANNELS / CHANNELS_IN_PAGE, sizeof(void *));
  return queue->operations && queue->userdata && queue->pages;
}

/* A connection that the guest was not told of, or a descriptor that it has closed. */
static void drop(struct queue *queue, int fd) {
  disown(queue->instance, fd);
  close(fd);
}

static void drop_parked(struct queue *queue, struct channel *channel) {
  while (channel->parked_count > 0) drop(queue, channel->parked[--channel->parked_count]);
}

void queue_release(struct queue *queue) {
  for (uint32_t i = 0; queue->operations && i < queue->used; i++) free(queue->operations[i].bytes);
  for (int i = 0; i < BLOCK_SIZES; i++) {
    for (struct block *block = queue->blocks[i], *next; block; block = next) {
      next = block->next;
      free(block);
    }
  }
  for (size_t page = 0; queue->pages && page < MAX_CHANNELS / CHANNELS_IN_PAGE; page++) {
    for (int i = 0; queue->pages[page] && i < CHANNELS_IN_PAGE; i++) {
      struct channel *channel = &queue->pages[page][i];
      drop_parked(queue, channel);
      free(channel->parked);
      if (channel->closing) drop(queue, channel->fd);
    }
    free(queue->pages[page]);
  }
  free(queue->pages);
  free(queue->userdata);
  free(queue->operations);
}

struct channel *channel_of(struct queue *queue, int fd) {
  if (fd < 0 || fd >= MAX_CHANNELS) return NULL;
  struct channel **page = &queue->pages[fd / CHANNELS_IN_PAGE];
  if (!*page) {
    *page = calloc(CHANNELS_IN_PAGE, sizeof **page);
    if (!*page) return NULL;
    int first = fd - fd % CHANNELS_IN_PAGE;
    for (int i = 0; i < CHANNELS_IN_PAGE; i++) (*page)[i].fd = first + i;
  }
  return &(*page)[fd % CHANNELS_IN_PAGE];
}

/* ---- blocks */

uint8_t *block_take(struct queue *queue, struct operation *operation, uint32_t length) {
  uint8_t doublings = 0;
  while ((uint32_t)SMALLEST_BLOCK << doublings < length) doublings++;
  size_t bytes = (size_t)SMALLEST_BLOCK << doublings;
  struct block *block = queue->blocks[doublings];
  if (block) {
    queue->blocks[doublings] = block->next;
    queue->bytes_idle -= bytes;
  } else {
    block = malloc(bytes);
    if (!block) return NULL;
  }
  queue->bytes_in_flight += bytes;
  operation->doublings = doublings;
  return operation->bytes = (uint8_t *)block;
}

static void block_release(struct queue *queue, struct operation *operation) {
  size_t bytes = (size_t)SMALLEST_BLOCK << operation->doublings;
  struct block *block = (struct block *)(void *)operation->bytes;
  operation->bytes = NULL;
  queue->bytes_in_flight -= bytes;
  if (queue->bytes_idle + bytes > MAX_IDLE_BYTES) {
    free(block);
    return;
  }
  queue->bytes_idle += bytes;
  block->next = queue->blocks[operation->doublings];
  queue->blocks[operation->doublings] = block;
}

/* ---- operations */

struct operation *operation_take(struct queue *queue, uint64_t userdata, uint8_t opcode) {
  struct operation *operation = queue->free;
  if (operation) {
    queue->free = operation->next;
  } else if (queue->used < MAX_OPERATIONS) {
    operation = &queue->operations[queue->used++];
  } else {
    return NULL;
  }
  *operation = (struct operation){.opcode = opcode, .stage = WAITING};
  queue->userdata[number_of(queue, operation)] = userdata;
  return operation;
}

void operation_release(struct queue *queue, struct operation *operation) {
  if (operation->bytes) block_release(queue, operation);
  operation->stage = FREE;
  operation->next = queue->free;
  queue->free = operation;
}

void operation_settle(struct queue *queue, struct operation *operation, int32_t result) {
  operation->stage = SETTLED;
  operation->result = result;
  queue->engine->settle(queue, operation);
}

/* Hands an operation, the first of its line, to the engine. */
static void start(struct queue *queue, struct operation *operation) {
  struct channel *channel = operation->channel;
  if (operation->opcode == ACCEPT && channel->parked_count > 0) {
    int fd = channel->parked[0];
    memmove(channel->parked, channel->parked + 1, --channel->parked_count * sizeof(int));
    operation_settle(queue, operation, fd);
  } else if (operation->opcode == ACCEPT && includes(&queue->instance->retired, channel->fd)) {
    operation->stage = WAITING;
  } else {
    operation->stage = STARTED;
    queue->engine->start(queue, operation);
  }
}

void operation_begin(struct queue *queue, struct operation *operation) {
  struct channel *channel = operation->channel;
  if (channel) {
    int direction = direction_of(operation);
    struct operation *last = channel->last[direction];
    channel->operations++;
    channel->last[direction] = operation;
    if (channel->first[direction]) {
      last->next = operation;
      return;
    }
    channel->first[direction] = operation;
  }
  start(queue, operation);
}

void operation_again(struct queue *queue, struct operation *operation) {
  if (operation->canceller) {
    operation_settle(queue, operation, -ECANCELED);
  } else {
    start(queue, operation);
  }
}

/* Takes an operation out of its line, and starts the next if it was the first. */
static void leave_line(struct queue *queue, struct operation *operation) {
  struct channel *channel = operation->channel;
  int direction = direction_of(operation);
  struct operation **link = &channel->first[direction], *previous = NULL;
  while (*link && *link != operation) {
    previous = *link;
    link = &previous->next;
  }
  if (!*link) return; /* it was cancelled in line */
  *link = operation->next;
  if (channel->last[direction] == operation) channel->last[direction] = previous;
  if (!previous && operation->next) start(queue, operation->next);
}

void operation_starve(struct queue *queue, struct operation *operation) {
  if (operation->stage != SETTLED) operation->stage = STARVED;
  operation->hungry = NULL;
  if (queue->hungry_first) {
    queue->hungry_last->hungry = operation;
  } else {
    queue->hungry_first = operation;
  }
  queue->hungry_last = operation;
}

static void leave_hungry(struct queue *queue, struct operation *operation) {
  struct operation **link = &queue->hungry_first, *previous = NULL;
  while (*link && *link != operation) {
    previous = *link;
    link = &previous->hungry;
  }
  if (!*link) return;
  *link = operation->hungry;
  if (queue->hungry_last == operation) queue->hungry_last = previous;
}

void operations_feed(struct queue *queue) {
  for (uint32_t spare = queue->engine->spare(queue); spare > 0 && queue->hungry_first; spare--) {
    struct operation *operation = queue->hungry_first;
    queue->hungry_first = operation->hungry;
    if (operation->stage == SETTLED) {
      queue->engine->settle(queue, operation);
    } else {
      operation_again(queue, operation);
    }
  }
}

static bool cancellable(const struct operation *operation) {
  if (operation->opcode == CANCEL || operation->canceller || operation->muted) return false;
  /* Settled, it goes on only as a listener does that gives out what was parked. */
  if (operation->stage == SETTLED)
    return operation->opcode == ACCEPT && operation->multishot && operation->result >= 0;
  return operation->stage != FREE;
}

void operation_cancel(struct queue *queue, struct operation *canceller, uint64_t userdata) {
  struct operation *target = NULL;
  for (uint32_t i = 0; !target && i < queue->used; i++) {
    if (queue->userdata[i] == userdata && cancellable(&queue->operations[i]))
      target = &queue->operations[i];
  }
  if (!target) {
    operation_settle(queue, canceller, -ENOENT);
    return;
  }
  target->canceller = canceller;
  switch (target->stage) {
  case WAITING:
    leave_line(queue, target);
    operation_settle(queue, target, -ECANCELED);
    break;
  case STARVED:
    leave_hungry(queue, target);
    operation_settle(queue, target, -ECANCELED);
    break;
  case STARTED: queue->engine->cancel(queue, target); break;
  default: break; /* it ends when its completion is taken */
  }
}

/* ---- ends */

void operation_finish(struct queue *queue, struct operation *operation, int32_t result) {
  struct channel *channel = operation->channel;
  if (operation->canceller)
    operation_settle(queue, operation->canceller, result == -ECANCELED ? 0 : -ENOENT);
  if (channel) {
    leave_line(queue, operation);
    if (--channel->operations == 0 && channel->closing) {
      channel_clear(queue, channel);
      drop(queue, channel->fd);
    }
  }
  operation_release(queue, operation);
}

void channel_clear(struct queue *queue, struct channel *channel) {
  queue->engine->detach(queue, channel);
  drop_parked(queue, channel);
  channel->closing = false;
}

void channel_park(struct queue *queue, struct channel *channel, int fd) {
  if (channel->parked_count == channel->parked_capacity) {
    size_t capacity = channel->parked_capacity ? channel->parked_capacity * 2 : 4;
    int *parked = realloc(channel->parked, capacity * sizeof *parked);
    if (!parked) {
      drop(queue, fd);
      return;
    }
    channel->parked = parked;
    channel->parked_capacity = capacity;
  }
  channel->parked[channel->parked_count++] = fd;
}
