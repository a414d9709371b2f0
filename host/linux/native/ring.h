/* A ring of io_uring(7), as uring.c and batch.c drive it and ring.c makes it. */
#pragma once

#include "batch.h"
#include "completion.h"

#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What headers older than Linux 6.1 lack. */
#ifndef IORING_SETUP_SUBMIT_ALL
#define IORING_SETUP_SUBMIT_ALL (1U << 7)
#endif
#ifndef IORING_SETUP_TASKRUN_FLAG
#define IORING_SETUP_COOP_TASKRUN (1U << 8)
#define IORING_SETUP_TASKRUN_FLAG (1U << 9)
#define IORING_SQ_TASKRUN (1U << 2)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif
#ifndef IORING_ACCEPT_MULTISHOT
#define IORING_ACCEPT_MULTISHOT (1U << 0)
#endif
#ifndef IORING_RECV_MULTISHOT
#define IORING_RECV_MULTISHOT (1U << 1)
#endif
#ifndef IORING_ASYNC_CANCEL_ANY
#define IORING_ASYNC_CANCEL_ALL (1U << 0)
#define IORING_ASYNC_CANCEL_ANY (1U << 2)
#endif
enum {
  REGISTER_RESTRICTIONS = 11,
  REGISTER_ENABLE = 12,
  REGISTER_RINGS = 20,
  UNREGISTER_RINGS = 21,
  REGISTER_BUFFER_RING = 22,
};
#define ENTER_REGISTERED (1U << 4)
#define BY_REGISTERED (1U << 31) /* of io_uring_register(2), from Linux 6.3 on */
struct buffer {
  uint64_t address;
  uint32_t length;
  uint16_t number;
  uint16_t tail; /* of buffer 0: the ring's tail */
};
struct buffer_ring {
  uint64_t address;
  uint32_t entries;
  uint16_t group, flags;
  uint64_t reserved[3];
};

#define ENTRIES 512
#define COMPLETIONS 4096 /* more wait in the kernel (IORING_FEAT_NODROP) */
#define GROUP 0
/* 1,024 messages at once, of any size; a ring that ran out is doubled, so that few connections
 * keep to few buffers, which stay in the processor's cache. */
#define FIRST_BUFFERS 128
#define MAX_BUFFERS 1024
/* Not a multiple of a page: the beginnings of small messages shall not all compete for the same
 * sets of the cache. */
#define BUFFER_STRIDE (RECV_BYTES + 64)

struct ring {
  struct instance *instance;
  int fd;
  unsigned registered; /* ENTER_REGISTERED: fd is an index of this thread's, and no descriptor */
  bool repeats;  /* the kernel goes on receiving by itself */
  bool deferred; /* completions are made only in io_uring_enter */
  bool woken, watching;
  void *rings;
  size_t rings_bytes, entries_bytes;
  struct io_uring_sqe *entries;
  uint32_t *sq_head, *sq_tail, *sq_flags, *cq_head, *cq_tail;
  uint32_t sq_mask, cq_mask, tail, submitted, head;
  struct io_uring_cqe *completions;
  uint32_t in_kernel; /* entries that will complete */
  struct buffer *buffers;
  uint8_t *area;
  uint16_t buffers_tail, buffers_told, lent; /* tail, what the kernel knows of it; how many exist */
  uint32_t returned; /* since those that starve were fed */
};

/* ring.c */
enum ring_use {
  RING_OF_BATCHES, /* of receives that never wait; it lends no buffers */
  RING_OF_SINGLES, /* of operations, each of which completes once: as kernels before 6.1 have it */
  RING_OF_REPEATS, /* of operations that may complete again and again, where the kernel can */
};
int ring_open(struct ring *ring, enum ring_use use);
void ring_close(struct ring *ring);
void ring_lend(struct ring *ring, uint16_t number); /* a buffer, to the kernel */
void ring_lend_more(struct ring *ring);             /* twice as many, if there may be more */
void ring_publish(struct ring *ring); /* the kernel may have those that were lent since */

static inline const uint8_t *buffer_at(const struct ring *ring, uint16_t number) {
  return ring->area + (size_t)number * BUFFER_STRIDE;
}

static inline int enter(const struct ring *ring, unsigned submit, unsigned min, unsigned flags,
                        const struct io_uring_getevents_arg *argument) {
  size_t size = argument ? sizeof *argument : 0;
  if (argument) flags |= IORING_ENTER_EXT_ARG;
  flags |= ring->registered;
  count_calls(ring->instance, 1);
  int result = (int)syscall(SYS_io_uring_enter, ring->fd, submit, min, flags, argument, size);
  return result < 0 ? -errno : result;
}

static inline uint32_t acquire(const uint32_t *shared) {
  return __atomic_load_n(shared, __ATOMIC_ACQUIRE);
}

static inline void publish(uint32_t *shared, uint32_t value) {
  __atomic_store_n(shared, value, __ATOMIC_RELEASE);
}
