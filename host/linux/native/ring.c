/* Makes a ring of io_uring(7) with its buffers, and unmakes it. */
#include "ring.h"

#include <string.h>
#include <sys/mman.h>

void ring_lend(struct ring *ring, uint16_t number) {
  struct buffer *buffer = &ring->buffers[ring->buffers_tail++ & (MAX_BUFFERS - 1)];
  buffer->address = (uint64_t)(uintptr_t)buffer_at(ring, number);
  buffer->length = RECV_BYTES;
  buffer->number = number;
  ring->returned++;
}

/* The kernel may have the buffers that were lent to it since. */
void ring_publish(struct ring *ring) {
  if (ring->buffers_told == ring->buffers_tail) return;
  ring->buffers_told = ring->buffers_tail;
  __atomic_store_n(&ring->buffers[0].tail, ring->buffers_tail, __ATOMIC_RELEASE);
}

void ring_lend_more(struct ring *ring) {
  uint16_t wanted = ring->lent ? ring->lent * 2 : FIRST_BUFFERS;
  while (ring->lent < wanted && ring->lent < MAX_BUFFERS) ring_lend(ring, ring->lent++);
}

static int setup(unsigned entries, struct io_uring_params *params) {
  return (int)syscall(SYS_io_uring_setup, entries, params);
}

/* A ring of batches needs its completions when it is entered, and no sooner. */
static int setup_best(struct ring *ring, enum ring_use use, struct io_uring_params *params) {
  static const uint32_t kinds[] = {
      IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, /* Linux 6.1 */
      IORING_SETUP_COOP_TASKRUN,                               /* Linux 5.19 */
      0,
  };
  uint32_t always = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP |
                    IORING_SETUP_R_DISABLED;
  for (size_t i = use == RING_OF_SINGLES ? 1 : 0; i < sizeof kinds / sizeof *kinds; i++) {
    memset(params, 0, sizeof *params);
    params->flags = always | kinds[i];
    params->cq_entries = use == RING_OF_BATCHES ? TURN : COMPLETIONS;
    ring->fd = setup(use == RING_OF_BATCHES ? TURN : ENTRIES, params);
    ring->deferred = i == 0;
    ring->repeats = i == 0 && use == RING_OF_REPEATS;
    if (ring->fd >= 0) return 0;
    if (errno != EINVAL) break;
  }
  return -errno;
}

static void *map_shared(const struct ring *ring, size_t bytes, off_t offset) {
  int protection = PROT_READ | PROT_WRITE;
  void *area = mmap(NULL, bytes, protection, MAP_SHARED | MAP_POPULATE, ring->fd, offset);
  return area == MAP_FAILED ? NULL : area;
}

static bool map_rings(struct ring *ring, const struct io_uring_params *params) {
  const struct io_sqring_offsets *sq = &params->sq_off;
  const struct io_cqring_offsets *cq = &params->cq_off;
  size_t sq_bytes = sq->array + params->sq_entries * sizeof(uint32_t);
  size_t cq_bytes = cq->cqes + params->cq_entries * sizeof(struct io_uring_cqe);
  ring->rings_bytes = sq_bytes > cq_bytes ? sq_bytes : cq_bytes;
  ring->entries_bytes = params->sq_entries * sizeof(struct io_uring_sqe);
  ring->rings = map_shared(ring, ring->rings_bytes, IORING_OFF_SQ_RING);
  ring->entries = map_shared(ring, ring->entries_bytes, IORING_OFF_SQES);
  if (!ring->rings || !ring->entries) return false;
  uint8_t *base = ring->rings;
  ring->sq_head = (void *)(base + sq->head);
  ring->sq_tail = (void *)(base + sq->tail);
  ring->sq_mask = params->sq_entries - 1;
  ring->cq_head = (void *)(base + cq->head);
  ring->cq_tail = (void *)(base + cq->tail);
  ring->cq_mask = params->cq_entries - 1;
  ring->completions = (void *)(base + cq->cqes);
  uint32_t *array = (void *)(base + sq->array);
  for (uint32_t i = 0; i < params->sq_entries; i++) array[i] = i;
  return true;
}

static int open_buffers(struct ring *ring) {
  size_t bytes = MAX_BUFFERS * sizeof(struct buffer);
  int protection = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void *buffers = mmap(NULL, bytes, protection, flags, -1, 0);
  if (buffers != MAP_FAILED) ring->buffers = buffers;
  void *area = mmap(NULL, (size_t)MAX_BUFFERS * BUFFER_STRIDE, protection, flags, -1, 0);
  if (area != MAP_FAILED) ring->area = area;
  if (!ring->buffers || !ring->area) return -ENOMEM;
  struct buffer_ring registration = {
      .address = (uint64_t)(uintptr_t)ring->buffers, .entries = MAX_BUFFERS, .group = GROUP};
  if (syscall(SYS_io_uring_register, ring->fd, REGISTER_BUFFER_RING, &registration, 1) < 0)
    return -errno;
  ring_lend_more(ring);
  ring_publish(ring);
  return 0;
}

/* The ring is told all that it will ever do, and does nothing else: system calls that are filtered
 * out (seccomp.c) have no way round by it. */
static int restrict_and_enable(struct ring *ring, enum ring_use use) {
  static const uint8_t operations[] = {IORING_OP_RECV, /* and for others than batches: */
                                       IORING_OP_NOP, IORING_OP_ACCEPT, IORING_OP_SEND,
                                       IORING_OP_TIMEOUT, IORING_OP_ASYNC_CANCEL,
                                       IORING_OP_POLL_ADD};
  struct io_uring_restriction restrictions[sizeof operations + 2] = {
      {.opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
       .sqe_flags = use == RING_OF_BATCHES ? 0 : IOSQE_BUFFER_SELECT}};
  unsigned count = use == RING_OF_BATCHES ? 1 : sizeof operations;
  for (unsigned i = 0; i < count; i++) {
    restrictions[i + 1].opcode = IORING_RESTRICTION_SQE_OP;
    restrictions[i + 1].sqe_op = operations[i];
  }
  restrictions[count + 1].opcode = IORING_RESTRICTION_REGISTER_OP;
  restrictions[count + 1].register_op = UNREGISTER_RINGS;
  if (syscall(SYS_io_uring_register, ring->fd, REGISTER_RESTRICTIONS, restrictions, count + 2) < 0)
    return -errno;
  struct io_uring_rsrc_update update = {.offset = UINT32_MAX, .data = (uint64_t)ring->fd};
  bool registered =
      use == RING_OF_BATCHES &&
      syscall(SYS_io_uring_register, ring->fd, REGISTER_RINGS, &update, 1) == 1;
  if (syscall(SYS_io_uring_register, ring->fd, REGISTER_ENABLE, NULL, 0) < 0) return -errno;
  if (!registered) return 0;
  close(ring->fd); /* so that a guest's first connections take no more descriptors than they are */
  ring->fd = (int)update.offset;
  ring->registered = ENTER_REGISTERED;
  return 0;
}

int ring_open(struct ring *ring, enum ring_use use) {
  struct io_uring_params params;
  int result = setup_best(ring, use, &params);
  if (result < 0) return result;
  uint32_t needed = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG |
                    IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_FAST_POLL;
  if ((params.features & needed) != needed) return -ENOSYS;
  if (!map_rings(ring, &params)) return -ENOMEM;
  result = use == RING_OF_BATCHES ? 0 : open_buffers(ring);
  return result < 0 ? result : restrict_and_enable(ring, use);
}

void ring_close(struct ring *ring) {
  if (ring->rings) munmap(ring->rings, ring->rings_bytes);
  if (ring->entries) munmap(ring->entries, ring->entries_bytes);
  if (ring->buffers) munmap(ring->buffers, MAX_BUFFERS * sizeof(struct buffer));
  if (ring->area) munmap(ring->area, (size_t)MAX_BUFFERS * BUFFER_STRIDE);
  free(ring);
}
