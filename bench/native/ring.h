// A ring of io_uring(7) by which one thread receives from and sends to many sockets with a system
// call for all that is due, which is less than a server does that makes two for each message. Linux
// 6.1 or newer; see ring_open. What is received is counted, and not looked at.
#ifndef POLLUX_BENCH_RING_H
#define POLLUX_BENCH_RING_H

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "socket.h"

// What headers older than Linux 6.1 lack.
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif
#ifndef IORING_SETUP_SUBMIT_ALL
#define IORING_SETUP_SUBMIT_ALL (1U << 7)
#endif
#ifndef IOSQE_CQE_SKIP_SUCCESS
#define IOSQE_CQE_SKIP_SUCCESS (1U << 6)
#endif
#ifndef IORING_ASYNC_CANCEL_ANY
#define IORING_ASYNC_CANCEL_ALL (1U << 0)
#define IORING_ASYNC_CANCEL_ANY (1U << 2)
#endif
#ifndef IORING_RECV_MULTISHOT
#define IORING_RECV_MULTISHOT (1U << 1)
#endif

enum {
  REGISTER_BUFFER_RING = 22,
  RING_ENTRIES = 1024,
  RING_COMPLETIONS = 4096,  // more wait in the kernel
  RING_BUFFERS = 1024,
  RING_BUFFER_BYTES = 16 * 1024,
  // Not a multiple of a page: the beginnings of small messages shall not all compete for the same
  // sets of the cache.
  RING_STRIDE = RING_BUFFER_BYTES + 64,
};

struct ring_buffer {
  uint64_t address;
  uint32_t length;
  uint16_t number;
  uint16_t tail;  // of buffer 0: the ring's tail
};

struct ring {
  int fd;
  struct io_uring_sqe *entries;
  struct io_uring_cqe *completions;
  uint32_t *sq_head, *sq_tail, *cq_head, *cq_tail;
  uint32_t sq_mask, cq_mask, tail, submitted, head;
  struct ring_buffer *buffers;
  uint8_t *area;
  uint16_t buffers_tail;
};

// A completion: what of the socket with this token.
struct done {
  uint32_t token;
  bool sent;     // by ring_send; or else something was received
  int result;    // bytes, 0 at the end of the stream, or a negated errno
  bool receives; // the kernel goes on receiving
};

static inline void *ring_map(int fd, size_t bytes, off_t offset) {
  int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED | MAP_POPULATE;
  void *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, offset);
  if (area == MAP_FAILED) stop(1, "mmap: %s", strerror(errno));
  return area;
}

// Lends a buffer to the kernel, which learns of it by ring_wait.
static inline void ring_lend(struct ring *ring, uint16_t number) {
  struct ring_buffer *buffer = &ring->buffers[ring->buffers_tail++ & (RING_BUFFERS - 1)];
  buffer->address = (uint64_t)(uintptr_t)(ring->area + (size_t)number * RING_STRIDE);
  buffer->length = RING_BUFFER_BYTES;
  buffer->number = number;
}

// False where the kernel is older, or forbids it (a filter, or kernel.io_uring_disabled).
static inline bool ring_open(struct ring *ring) {
  struct io_uring_params params = {
      .flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
               IORING_SETUP_DEFER_TASKRUN,
      .cq_entries = RING_COMPLETIONS,
  };
  ring->fd = (int)syscall(SYS_io_uring_setup, RING_ENTRIES, &params);
  if (ring->fd < 0) return false;
  ring->buffers = ring_map(-1, RING_BUFFERS * sizeof(struct ring_buffer), 0);
  struct {
    uint64_t address;
    uint32_t entries;
    uint16_t group, flags;
    uint64_t reserved[3];
  } lent = {.address = (uint64_t)(uintptr_t)ring->buffers, .entries = RING_BUFFERS};
  if (syscall(SYS_io_uring_register, ring->fd, REGISTER_BUFFER_RING, &lent, 1) < 0) {
    close(ring->fd);
    return false;
  }

  const struct io_sqring_offsets *sq = &params.sq_off;
  const struct io_cqring_offsets *cq = &params.cq_off;
  size_t sq_bytes = sq->array + params.sq_entries * sizeof(uint32_t);
  size_t cq_bytes = cq->cqes + params.cq_entries * sizeof(struct io_uring_cqe);
  size_t bytes = sq_bytes > cq_bytes ? sq_bytes : cq_bytes;  // of both: IORING_FEAT_SINGLE_MMAP
  uint8_t *rings = ring_map(ring->fd, bytes, IORING_OFF_SQ_RING);
  size_t entries_bytes = params.sq_entries * sizeof(struct io_uring_sqe);
  ring->entries = ring_map(ring->fd, entries_bytes, IORING_OFF_SQES);
  ring->completions = (void *)(rings + cq->cqes);
  ring->sq_head = (void *)(rings + sq->head);
  ring->sq_tail = (void *)(rings + sq->tail);
  ring->cq_head = (void *)(rings + cq->head);
  ring->cq_tail = (void *)(rings + cq->tail);
  ring->sq_mask = params.sq_entries - 1;
  ring->cq_mask = params.cq_entries - 1;
  uint32_t *array = (void *)(rings + sq->array);
  for (uint32_t i = 0; i < params.sq_entries; i++) array[i] = i;
  ring->area = ring_map(-1, (size_t)RING_BUFFERS * RING_STRIDE, 0);
  for (uint16_t i = 0; i < RING_BUFFERS; i++) ring_lend(ring, i);
  return true;
}

// Hands over what was asked for, and waits until something has completed, if `min` is not 0, or for
// so long.
static inline void ring_wait(struct ring *ring, unsigned min, uint64_t timeout_ns) {
  struct timespec time = {.tv_sec = (time_t)(timeout_ns / 1000000000),
                          .tv_nsec = (long)(timeout_ns % 1000000000)};
  struct io_uring_getevents_arg argument = {.ts = (uint64_t)(uintptr_t)&time};
  unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
  __atomic_store_n(&ring->buffers[0].tail, ring->buffers_tail, __ATOMIC_RELEASE);
  __atomic_store_n(ring->sq_tail, ring->tail, __ATOMIC_RELEASE);
  long taken = syscall(SYS_io_uring_enter, ring->fd, ring->tail - ring->submitted, min, flags,
                       &argument, sizeof argument);
  if (taken > 0) ring->submitted += (uint32_t)taken;
  if (taken < 0 && errno != EINTR && errno != ETIME && errno != EBUSY && errno != EAGAIN)
    stop(1, "io_uring_enter: %s", strerror(errno));
}

static inline struct io_uring_sqe *ring_entry(struct ring *ring, uint8_t opcode, int fd,
                                              uint64_t name) {
  while (ring->tail - __atomic_load_n(ring->sq_head, __ATOMIC_ACQUIRE) > ring->sq_mask)
    ring_wait(ring, 0, 0);
  struct io_uring_sqe *entry = &ring->entries[ring->tail++ & ring->sq_mask];
  memset(entry, 0, sizeof *entry);
  entry->opcode = opcode;
  entry->fd = fd;
  entry->user_data = name;
  return entry;
}

// Receives from a socket, again and again.
static inline void ring_receive(struct ring *ring, int fd, uint32_t token) {
  struct io_uring_sqe *entry = ring_entry(ring, IORING_OP_RECV, fd, (uint64_t)token << 1);
  entry->flags = IOSQE_BUFFER_SELECT;
  entry->ioprio = IORING_RECV_MULTISHOT;
}

// Sends all of it. What is quiet completes only if it failed.
static inline void ring_send(struct ring *ring, int fd, uint32_t token, const void *bytes,
                             uint32_t size, bool quiet) {
  struct io_uring_sqe *entry = ring_entry(ring, IORING_OP_SEND, fd, (uint64_t)token << 1 | 1);
  entry->addr = (uint64_t)(uintptr_t)bytes;
  entry->len = size;
  entry->msg_flags = MSG_NOSIGNAL | MSG_WAITALL;
  if (quiet) entry->flags = IOSQE_CQE_SKIP_SUCCESS;
}

// How many completions are there.
static inline uint32_t ring_ready(const struct ring *ring) {
  return __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE) - ring->head;
}

// The next completion that is there: false if there is none.
static inline bool ring_next(struct ring *ring, struct done *done) {
  if (ring_ready(ring) == 0) return false;
  const struct io_uring_cqe *completion = &ring->completions[ring->head & ring->cq_mask];
  *done = (struct done){
      .token = (uint32_t)(completion->user_data >> 1),
      .sent = completion->user_data & 1,
      .result = completion->res,
      .receives = completion->flags & IORING_CQE_F_MORE,
  };
  if (completion->flags & IORING_CQE_F_BUFFER)
    ring_lend(ring, (uint16_t)(completion->flags >> IORING_CQE_BUFFER_SHIFT));
  __atomic_store_n(ring->cq_head, ++ring->head, __ATOMIC_RELEASE);
  return true;
}

// Ends all that is in flight, among it so many receives: a socket that is closed then is closed at
// once.
static inline void ring_cancel(struct ring *ring, uint32_t receives) {
  struct io_uring_sqe *entry = ring_entry(ring, IORING_OP_ASYNC_CANCEL, -1, 1);
  entry->cancel_flags = IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY;
  uint64_t deadline_ns = now_ns() + 1000000000;
  while (receives > 0 && now_ns() < deadline_ns) {
    struct done done;
    ring_wait(ring, 1, 10000000);
    while (ring_next(ring, &done)) receives -= !done.sent && !done.receives;
  }
}

#endif
