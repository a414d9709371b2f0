/* Receiving from several sockets by one system call, io_uring_enter(2), where that may be had: the
 * kernel is entered once, and its code for receiving stays in the processor's caches (5 % of an
 * echo, docs/RATIONALE.md). All of it is done when the call returns, and nothing is in flight
 * after it. */
#include "batch.h"
#include "ring.h"
#include "system_call.h"

/* With fewer, as many calls of recv(2) cost less. */
enum { FEW = 4 };

void batch_open(struct batch *batch, bool rings) { batch->refused = !rings; }

static void close_ring(struct ring *ring) {
  /* Before Linux 6.3 a ring that is registered goes when its thread does. */
  struct io_uring_rsrc_update update = {.offset = (uint32_t)ring->fd};
  if (ring->registered)
    syscall(SYS_io_uring_register, ring->fd, UNREGISTER_RINGS | BY_REGISTERED, &update, 1);
  else if (ring->fd >= 0)
    close(ring->fd);
  ring_close(ring);
}

void batch_close(struct batch *batch) {
  if (batch->ring) close_ring(batch->ring);
}

/* The ring, made when it is first of use: guests with few connections have none. */
static struct ring *ring_of(struct instance *instance, struct batch *batch) {
  if (batch->ring || batch->refused) return batch->ring;
  struct ring *ring = calloc(1, sizeof *ring);
  batch->refused = !ring;
  if (!ring) return NULL;
  ring->instance = instance;
  if (ring_open(ring, RING_OF_BATCHES) < 0) {
    close_ring(ring);
    batch->refused = true; /* by a filter, or a kernel that is too old */
    return NULL;
  }
  for (int i = 0; i < TURN; i++)
    ring->entries[i] = (struct io_uring_sqe){.opcode = IORING_OP_RECV, .msg_flags = MSG_DONTWAIT};
  return batch->ring = ring;
}

/* Takes the completions that there are: how many. */
static int reap(struct ring *ring, struct piece *pieces) {
  uint32_t end = acquire(ring->cq_tail);
  int count = (int)(end - ring->head);
  while (ring->head != end) {
    const struct io_uring_cqe *cqe = &ring->completions[ring->head++ & ring->cq_mask];
    pieces[cqe->user_data].result = cqe->res;
  }
  publish(ring->cq_head, end);
  return count;
}

/* How many of the pieces the kernel took: all, unless it is out of memory. */
static int receive_by_ring(struct ring *ring, struct piece *pieces, int count, size_t size) {
  for (int i = 0; i < count; i++) {
    struct io_uring_sqe *sqe = &ring->entries[ring->tail++ & ring->sq_mask];
    sqe->fd = pieces[i].fd;
    sqe->addr = (uint64_t)(uintptr_t)pieces[i].bytes;
    sqe->len = (uint32_t)size;
    sqe->user_data = (uint64_t)i;
  }
  publish(ring->sq_tail, ring->tail);
  count_calls(ring->instance, 1);
  unsigned flags = IORING_ENTER_GETEVENTS | ring->registered;
  long taken = system_call(SYS_io_uring_enter, ring->fd, count, count, flags);
  if (taken < 0) taken = 0;
  ring->tail = acquire(ring->sq_head); /* what was not taken is withdrawn */
  publish(ring->sq_tail, ring->tail);
  for (int left = (int)taken - reap(ring, pieces); left > 0; left -= reap(ring, pieces))
    enter(ring, 0, (unsigned)left, IORING_ENTER_GETEVENTS, NULL);
  return (int)taken;
}

void batch_receive(struct instance *instance, struct batch *batch, size_t size) {
  struct ring *ring = batch->count < FEW ? NULL : ring_of(instance, batch);
  int done = 0;
  while (ring && batch->count - done >= FEW) {
    int left = batch->count - done, turn = left < TURN ? left : TURN;
    int taken = receive_by_ring(ring, batch->pieces + done, turn, size);
    done += taken;
    if (taken < turn) break;
  }
  count_calls(instance, (unsigned)(batch->count - done));
  for (; done < batch->count; done++) {
    struct piece *piece = &batch->pieces[done];
    piece->result = (int)recv_now(piece->fd, piece->bytes, size);
  }
}
