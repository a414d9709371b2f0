/* What the files of asynchronous I/O share: completion.c, operation.c, and the two engines,
 * uring.c and threads.c.
 *
 * An operation lives from the submission until its last completion has been reaped. Of those on one
 * descriptor that go in one direction (ACCEPT and RECV; SEND) only the first is with the engine;
 * the others stand in line, so that bytes keep their order whatever the engine does. Everything
 * but the engines' own state belongs to the thread that submits and reaps. */
#pragma once

#include "native.h"

#define MAX_OPERATIONS (1 << 17)
#define MAX_CHANNELS (1 << 20)
#define CHANNELS_IN_PAGE 1024
#define RECV_BYTES 16384               /* POLLUX_RECV_BYTES */
#define MAX_SEND_BYTES 65536           /* one SEND takes no more; the guest sends the rest */
#define MAX_BYTES_IN_FLIGHT (64 << 20) /* of all SENDs together */
#define BLOCK_SIZES 9                  /* 256 bytes to MAX_SEND_BYTES, by doubling */
#define OUT_OF_BUFFERS INT32_MIN       /* of an engine: a receiver found no buffer */

/* The ABI of wasm/c/include/pollux.h. */
enum opcode { ACCEPT = 1, RECV, SEND, CLOSE, TIMEOUT, CANCEL };
enum { MULTISHOT = 1, MORE = 1 };
enum { INWARD, OUTWARD, DIRECTIONS };

enum stage {
  FREE,
  WAITING, /* in line behind another, or for ever at a listener out of service */
  STARVED, /* until buffers come back */
  STARTED, /* with the engine */
  SETTLED, /* its result is known, and on its way */
};

struct operation {
  struct channel *channel;     /* NULL: it is for no descriptor */
  struct operation *next;      /* in line, or free */
  struct operation *hungry;    /* the next that starves */
  struct operation *canceller; /* the CANCEL that completes when this does */
  uint8_t *bytes;              /* SEND: its copy, one of the blocks */
  uint32_t length;
  int32_t result;  /* SETTLED */
  int64_t when[2]; /* TIMEOUT: seconds and nanoseconds, as the kernel reads them */
  uint32_t place;  /* TIMEOUT: in the heap of threads.c */
  uint8_t opcode, stage;
  uint8_t doublings; /* of the smallest block, that make the size of this one */
  bool multishot;
  bool muted; /* the guest knows of its end already, the engine not yet */
};

/* One descriptor, and what is in flight on it. Its address is good until the queue is closed. */
struct channel {
  int fd;
  uint32_t operations; /* in flight: the descriptor stays open until there are none */
  bool closing;        /* to be closed then */
  struct operation *first[DIRECTIONS], *last[DIRECTIONS]; /* the lines */
  int *parked; /* accepted, but the guest had no room for them */
  size_t parked_count, parked_capacity;
  /* Of threads.c: what its workers may do, under its lock. */
  struct operation *active[DIRECTIONS];
  bool busy, watched;
};

/* A completion as an engine knows it. */
struct completed {
  struct operation *operation;
  int32_t result; /* an ACCEPT's descriptor is nobody's yet, unless the operation is SETTLED */
  bool live;      /* the engine goes on with the operation */
  const uint8_t *bytes; /* RECV: `result` of them, good until the completion is taken */
};

/* The two engines have the same functions in the same order. */
struct queue;
struct engine {
  const char *name;
  int (*open)(struct queue *queue);
  bool (*room)(struct queue *queue); /* for one more operation */
  void (*start)(struct queue *queue, struct operation *operation);
  void (*settle)(struct queue *queue, struct operation *operation); /* completes with `result` */
  /* The operation, which is STARTED, will complete soon: with -ECANCELED if it is not too late. */
  void (*cancel)(struct queue *queue, struct operation *operation);
  void (*detach)(struct queue *queue, struct channel *channel); /* fd is about to be another file */
  void (*flush)(struct queue *queue); /* what was started is on its way now */
  bool (*peek)(struct queue *queue, struct completed *completed);
  void (*take)(struct queue *queue); /* the one that peek showed: its bytes are given back */
  uint32_t (*spare)(struct queue *queue); /* how many of those that starve may be started now */
  /* 0, or -EINTR: woken; returns when there may be completions, or after `timeout_ns` */
  int (*wait)(struct queue *queue, uint64_t timeout_ns);
  void (*close)(struct queue *queue); /* nothing is in flight any more, and all memory is free */
};
extern const struct engine engine_uring, engine_uring_single, engine_threads;

struct queue {
  const struct engine *engine;
  struct instance *instance;
  int wake;
  void *state; /* the engine's own */
  struct operation *operations;
  uint64_t *userdata; /* by operation, apart from them, for CANCEL looks at all of it */
  struct operation *free;
  uint32_t used; /* operations below this were used at least once */
  struct operation *hungry_first, *hungry_last;
  struct channel **pages;
  struct block *blocks[BLOCK_SIZES];
  size_t bytes_in_flight, bytes_idle;
};

/* operation.c */
bool queue_reserve(struct queue *queue);
void queue_release(struct queue *queue);
struct channel *channel_of(struct queue *queue, int fd); /* NULL: no memory, or too high */
struct operation *operation_take(struct queue *queue, uint64_t userdata, uint8_t opcode);
void operation_release(struct queue *queue, struct operation *operation);
uint8_t *block_take(struct queue *queue, struct operation *operation, uint32_t length);
void operation_begin(struct queue *queue, struct operation *operation); /* or stands in line */
void operation_again(struct queue *queue, struct operation *operation); /* what goes on */
void operation_settle(struct queue *queue, struct operation *operation, int32_t result);
void operation_starve(struct queue *queue, struct operation *operation);
void operations_feed(struct queue *queue);
void operation_cancel(struct queue *queue, struct operation *canceller, uint64_t userdata);
void operation_finish(struct queue *queue, struct operation *operation, int32_t result);
void channel_clear(struct queue *queue, struct channel *channel); /* its fd is closed next */
void channel_park(struct queue *queue, struct channel *channel, int fd);

static inline uint32_t number_of(const struct queue *queue, const struct operation *operation) {
  return (uint32_t)(operation - queue->operations);
}

static inline int direction_of(const struct operation *operation) {
  return operation->opcode == SEND ? OUTWARD : INWARD;
}

static inline uint64_t monotonic_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return nanoseconds(now);
}

static inline struct timespec time_of(uint64_t ns) {
  return (struct timespec){.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
}
