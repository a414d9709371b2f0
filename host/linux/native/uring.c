/* Asynchronous I/O by io_uring(7), with its raw system calls: Linux 5.19 or newer. The kernel does
 * an operation while the thread that submits it is in io_uring_enter(2), at once or when a poll of
 * its own says that it may go on; nothing runs beside that thread.
 *
 * What is received lies in buffers that are lent to the kernel in a ring of their own, and each of
 * which comes back with a completion. Where the kernel cannot go on receiving by itself (before
 * 6.1), an operation is started anew for each completion. */
#include "ring.h"

#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

enum { OF_NOBODY = -2, OF_WAKE = -1 }; /* user_data that is no operation's number */
enum { LONGEST_CLOSE_MS = 2000 };

/* ---- submission */

/* Hands the entries that were filled to the kernel; with GETEVENTS it also does what became
 * possible meanwhile. */
static void submit(struct ring *ring, unsigned flags) {
  publish(ring->sq_tail, ring->tail);
  for (int tries = 0; ring->tail != ring->submitted && tries < 100; tries++) {
    int taken = enter(ring, ring->tail - ring->submitted, 0, flags, NULL);
    if (taken > 0) ring->submitted += (uint32_t)taken;
    else sched_yield(); /* EINTR, or no memory */
  }
}

static bool uring_room(struct queue *queue) {
  struct ring *ring = queue->state;
  if (ring->tail - acquire(ring->sq_head) <= ring->sq_mask) return true;
  submit(ring, 0);
  return ring->tail - acquire(ring->sq_head) <= ring->sq_mask;
}

/* A new entry, or NULL if the kernel takes no more. */
static struct io_uring_sqe *entry(struct queue *queue, uint8_t opcode, int fd, int64_t number) {
  struct ring *ring = queue->state;
  if (!uring_room(queue)) return NULL;
  struct io_uring_sqe *sqe = &ring->entries[ring->tail++ & ring->sq_mask];
  memset(sqe, 0, sizeof *sqe);
  sqe->opcode = opcode;
  sqe->fd = fd;
  sqe->user_data = (uint64_t)number;
  ring->in_kernel++;
  return sqe;
}

static void fill(const struct ring *ring, const struct operation *operation,
                 struct io_uring_sqe *sqe) {
  switch (operation->opcode) {
  case ACCEPT:
    sqe->accept_flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    if (operation->multishot && ring->repeats) sqe->ioprio = IORING_ACCEPT_MULTISHOT;
    break;
  case RECV:
    sqe->flags = IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    sqe->len = operation->length < RECV_BYTES ? operation->length : 0; /* 0: the buffer's own */
    if (operation->multishot && ring->repeats && sqe->len == 0) sqe->ioprio = IORING_RECV_MULTISHOT;
    break;
  case SEND:
    sqe->addr = (uint64_t)(uintptr_t)operation->bytes;
    sqe->len = operation->length;
    sqe->msg_flags = MSG_NOSIGNAL;
    break;
  case TIMEOUT:
    sqe->addr = (uint64_t)(uintptr_t)operation->when;
    sqe->len = 1;
    break;
  }
}

static void uring_start(struct queue *queue, struct operation *operation) {
  static const uint8_t opcodes[] = {
      [ACCEPT] = IORING_OP_ACCEPT,
      [RECV] = IORING_OP_RECV,
      [SEND] = IORING_OP_SEND,
      [TIMEOUT] = IORING_OP_TIMEOUT,
  };
  int fd = operation->channel ? operation->channel->fd : -1;
  struct io_uring_sqe *sqe =
      entry(queue, opcodes[operation->opcode], fd, number_of(queue, operation));
  if (sqe) {
    fill(queue->state, operation, sqe);
  } else {
    operation_starve(queue, operation);
  }
}

/* An operation whose result is known goes through the ring too, so that completions keep their
 * order. */
static void uring_settle(struct queue *queue, struct operation *operation) {
  if (!entry(queue, IORING_OP_NOP, -1, number_of(queue, operation)))
    operation_starve(queue, operation);
}

static void uring_cancel(struct queue *queue, struct operation *operation) {
  struct io_uring_sqe *sqe = entry(queue, IORING_OP_ASYNC_CANCEL, -1, OF_NOBODY);
  if (sqe) sqe->addr = number_of(queue, operation);
}

/* ---- completion */

static void advance(struct ring *ring, const struct io_uring_cqe *cqe) {
  if (!(cqe->flags & IORING_CQE_F_MORE)) ring->in_kernel--;
  if (cqe->flags & IORING_CQE_F_BUFFER)
    ring_lend(ring, (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT));
  publish(ring->cq_head, ++ring->head);
}

/* The oldest completion that is an operation's, or NULL. */
static const struct io_uring_cqe *oldest(struct ring *ring) {
  while (ring->head != acquire(ring->cq_tail)) {
    const struct io_uring_cqe *cqe = &ring->completions[ring->head & ring->cq_mask];
    int64_t number = (int64_t)cqe->user_data;
    if (number >= 0) return cqe;
    if (number == OF_WAKE) {
      ring->woken = true;
      ring->watching = false;
    }
    advance(ring, cqe);
  }
  return NULL;
}

static bool uring_peek(struct queue *queue, struct completed *completed) {
  struct ring *ring = queue->state;
  const struct io_uring_cqe *cqe = oldest(ring);
  if (!cqe) return false;
  struct operation *operation = &queue->operations[cqe->user_data];
  *completed = (struct completed){
      .operation = operation,
      .result = operation->stage == SETTLED ? operation->result : cqe->res,
      .live = cqe->flags & IORING_CQE_F_MORE,
  };
  if (operation->stage == SETTLED) return true;
  if (operation->opcode == TIMEOUT && cqe->res == -ETIME) completed->result = -ETIMEDOUT;
  if (operation->opcode == RECV && cqe->res == -ENOBUFS) completed->result = OUT_OF_BUFFERS;
  if (cqe->flags & IORING_CQE_F_BUFFER)
    completed->bytes = buffer_at(ring, (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT));
  return true;
}

static void uring_take(struct queue *queue) {
  struct ring *ring = queue->state;
  advance(ring, &ring->completions[ring->head & ring->cq_mask]);
}

/* One for each buffer that came back; all, if no completion holds any. */
static uint32_t uring_spare(struct queue *queue) {
  struct ring *ring = queue->state;
  ring_lend_more(ring);
  uint32_t spare = oldest(ring) ? ring->returned : MAX_BUFFERS;
  ring->returned = 0;
  ring_publish(ring);
  return spare;
}

static void uring_flush(struct queue *queue) {
  struct ring *ring = queue->state;
  ring_publish(ring);
  if (ring->tail != ring->submitted) submit(ring, ring->deferred ? IORING_ENTER_GETEVENTS : 0);
}

static void uring_detach(struct queue *queue, struct channel *channel) {
  for (int i = 0; i < DIRECTIONS; i++) {
    struct operation *first = channel->first[i];
    if (first && first->stage == STARTED) uring_cancel(queue, first);
  }
  uring_flush(queue);
}

/* ---- waiting */

/* True if `Kernel.wake` was called, and `awake` not since. */
static bool woken(struct queue *queue) {
  struct ring *ring = queue->state;
  if (ring->woken) {
    struct pollfd wake = {.fd = queue->wake, .events = POLLIN};
    count_calls(queue->instance, 1);
    if (poll(&wake, 1, 0) > 0) return true;
    ring->woken = false;
  }
  if (ring->watching || queue->wake < 0) return false;
  struct io_uring_sqe *sqe = entry(queue, IORING_OP_POLL_ADD, queue->wake, OF_WAKE);
  if (sqe) sqe->poll32_events = POLLIN;
  ring->watching = sqe != NULL;
  return false;
}

static int uring_wait(struct queue *queue, uint64_t timeout_ns) {
  struct ring *ring = queue->state;
  bool interrupted = woken(queue); /* then it only looks */
  struct timespec time = time_of(interrupted ? 0 : timeout_ns);
  struct io_uring_getevents_arg argument = {.ts = (uint64_t)(uintptr_t)&time};
  ring_publish(ring);
  publish(ring->sq_tail, ring->tail);
  /* One at a time, for the one may be the wake. */
  int taken = enter(ring, ring->tail - ring->submitted, 1, IORING_ENTER_GETEVENTS, &argument);
  if (taken > 0) ring->submitted += (uint32_t)taken;
  if (oldest(ring)) return 0;
  return interrupted || (ring->woken && woken(queue)) ? -EINTR : 0;
}

static int open_ring(struct queue *queue, enum ring_use use) {
  struct ring *ring = calloc(1, sizeof *ring);
  queue->state = ring;
  if (!ring) return -ENOMEM;
  ring->instance = queue->instance;
  return ring_open(ring, use);
}

static int uring_open(struct queue *queue) { return open_ring(queue, RING_OF_REPEATS); }

static int single_open(struct queue *queue) { return open_ring(queue, RING_OF_SINGLES); }

/* Takes all completions, and closes the connections among them: nobody will. */
static void discard(struct queue *queue) {
  const struct io_uring_cqe *cqe;
  while ((cqe = oldest(queue->state))) {
    const struct operation *operation = &queue->operations[cqe->user_data];
    if (operation->opcode == ACCEPT && operation->stage != SETTLED && cqe->res >= 0)
      close(cqe->res);
    uring_take(queue);
  }
}

/* Cancels everything; true when nothing is in flight any more. */
static bool quiet(struct queue *queue) {
  struct ring *ring = queue->state;
  uint64_t end = monotonic_ns() + LONGEST_CLOSE_MS * UINT64_C(1000000);
  discard(queue);
  struct io_uring_sqe *sqe = entry(queue, IORING_OP_ASYNC_CANCEL, -1, OF_NOBODY);
  if (sqe) sqe->cancel_flags = IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY;
  while (sqe && ring->in_kernel > 0 && monotonic_ns() < end) {
    struct timespec time = time_of(10000000);
    struct io_uring_getevents_arg argument = {.ts = (uint64_t)(uintptr_t)&time};
    publish(ring->sq_tail, ring->tail);
    int taken = enter(ring, ring->tail - ring->submitted, 1, IORING_ENTER_GETEVENTS, &argument);
    if (taken > 0) ring->submitted += (uint32_t)taken;
    discard(queue);
  }
  return ring->in_kernel == 0;
}

static void uring_close(struct queue *queue) {
  struct ring *ring = queue->state;
  bool safe = !ring || !ring->completions || quiet(queue);
  if (ring && ring->fd >= 0) close(ring->fd);
  if (!safe) return; /* the kernel may still use the memory, which is lost */
  if (ring) ring_close(ring);
  queue_release(queue);
  free(queue);
}

const struct engine engine_uring = {
    .name = "io_uring",
    .open = uring_open,
    .room = uring_room,
    .start = uring_start,
    .settle = uring_settle,
    .cancel = uring_cancel,
    .detach = uring_detach,
    .flush = uring_flush,
    .peek = uring_peek,
    .take = uring_take,
    .spare = uring_spare,
    .wait = uring_wait,
    .close = uring_close,
};

/* As kernels before 6.1 have it, for the tests. */
const struct engine engine_uring_single = {
    .name = "io_uring of Linux 5.19",
    .open = single_open,
    .room = uring_room,
    .start = uring_start,
    .settle = uring_settle,
    .cancel = uring_cancel,
    .detach = uring_detach,
    .flush = uring_flush,
    .peek = uring_peek,
    .take = uring_take,
    .spare = uring_spare,
    .wait = uring_wait,
    .close = uring_close,
};
