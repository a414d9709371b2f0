/* Asynchronous I/O by a few threads, for kernels and containers without io_uring. They share one
 * epoll set; whichever of them is told that a descriptor is ready does the operation, into buffers
 * of the addon and without blocking, so that no thread is ever held up by one peer. The first try
 * is made by the thread that submits, as with io_uring: what need not wait is done at once, and
 * what is wrong is known.
 *
 * What the threads share with the one that submits and reaps is under one lock, but not while an
 * operation is done: then its channel is `busy`. */
#include "pool.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- under the lock */

static void end_active(struct queue *queue, struct channel *channel, int32_t result) {
  for (int i = 0; i < DIRECTIONS; i++) {
    if (channel->active[i]) pool_post_last(queue, channel->active[i], result);
    channel->active[i] = NULL;
  }
}

/* Lets the threads know when something can be done on a channel. */
static void arm(struct queue *queue, struct channel *channel) {
  struct pool *pool = queue->state;
  uint32_t events = (channel->active[INWARD] ? EPOLLIN : 0u) |
                    (channel->active[OUTWARD] ? EPOLLOUT : 0u);
  if (!events || channel->busy) return;
  struct epoll_event event = {.events = events | EPOLLONESHOT, .data.ptr = channel};
  int change = channel->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (epoll_ctl(pool->epoll, change, channel->fd, &event) == 0) {
    channel->watched = true;
    return;
  }
  end_active(queue, channel, errno == EPERM ? -ENOTSOCK : -errno); /* EPERM: a regular file */
}

/* ---- the threads */

static int32_t perform(const struct operation *operation, uint8_t *bytes) {
  int fd = operation->channel->fd;
  uint32_t length = operation->length;
  ssize_t result = -1;
  switch (operation->opcode) {
  case ACCEPT: result = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC); break;
  case RECV:
    if (length == 0 || length > RECV_BYTES) length = RECV_BYTES;
    result = recv(fd, bytes, length, MSG_DONTWAIT);
    break;
  case SEND:
    result = send(fd, operation->bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    break;
  }
  return result < 0 ? -errno : (int32_t)result;
}

/* Does the first operation of one direction, once; called and left with the lock. */
static void attempt(struct queue *queue, struct channel *channel, int direction) {
  struct pool *pool = queue->state;
  struct operation *operation = channel->active[direction];
  struct parcel *parcel = direction == INWARD ? parcel_take(pool) : NULL;
  if (direction == INWARD && !parcel) {
    channel->active[direction] = NULL;
    pool_post_last(queue, operation, OUT_OF_BUFFERS);
    return;
  }
  pthread_mutex_unlock(&pool->lock);
  int32_t result = perform(operation, parcel ? parcel->bytes : NULL);
  pthread_mutex_lock(&pool->lock);
  bool full = parcel && result >= (operation->opcode == RECV ? 1 : 0);
  bool live = full && operation->multishot;
  if (parcel && !full) parcel_give(pool, &parcel->record);
  if (result == -EAGAIN) return;
  if (!live) channel->active[direction] = NULL;
  if (full) {
    pool_post(pool, &parcel->record, operation, result, live);
  } else {
    pool_post_last(queue, operation, result);
  }
}

/* Tries what is first on a channel, and has the rest waited for. */
static void serve(struct queue *queue, struct channel *channel) {
  struct pool *pool = queue->state;
  if (channel->busy) return;
  channel->busy = true;
  for (int i = 0; i < DIRECTIONS; i++) {
    if (channel->active[i]) attempt(queue, channel, i);
  }
  channel->busy = false;
  arm(queue, channel);
  pthread_cond_broadcast(&pool->idle);
}

static void expire(struct queue *queue) {
  struct pool *pool = queue->state;
  struct operation *operation;
  while ((operation = timers_expired(&pool->timers))) pool_post_last(queue, operation, -ETIMEDOUT);
}

static void *work(void *argument) {
  struct queue *queue = argument;
  struct pool *pool = queue->state;
  for (bool quitting = false; !quitting;) {
    struct epoll_event event;
    if (epoll_wait(pool->epoll, &event, 1, -1) < 1) continue;
    pthread_mutex_lock(&pool->lock);
    quitting = pool->quitting;
    if (!quitting && event.data.ptr == pool) {
      expire(queue);
    } else if (!quitting) {
      serve(queue, event.data.ptr);
    }
    pthread_mutex_unlock(&pool->lock);
  }
  return NULL;
}

/* ---- the thread that submits and reaps */

static bool threads_room(struct queue *queue) { return true; }

static void threads_start(struct queue *queue, struct operation *operation) {
  struct pool *pool = queue->state;
  struct channel *channel = operation->channel;
  pthread_mutex_lock(&pool->lock);
  if (channel) {
    channel->active[direction_of(operation)] = operation;
    serve(queue, channel);
  } else if (!timers_add(&pool->timers, operation)) {
    pool_post_last(queue, operation, -ENOMEM);
  }
  pthread_mutex_unlock(&pool->lock);
}

static void threads_settle(struct queue *queue, struct operation *operation) {
  struct pool *pool = queue->state;
  pthread_mutex_lock(&pool->lock);
  pool_post_last(queue, operation, operation->result);
  pthread_mutex_unlock(&pool->lock);
}

static void threads_cancel(struct queue *queue, struct operation *operation) {
  struct pool *pool = queue->state;
  struct channel *channel = operation->channel;
  int direction = direction_of(operation);
  pthread_mutex_lock(&pool->lock);
  if (!channel) {
    if (timers_remove(&pool->timers, operation)) pool_post_last(queue, operation, -ECANCELED);
  } else {
    while (channel->busy) pthread_cond_wait(&pool->idle, &pool->lock);
    if (channel->active[direction] == operation) {
      channel->active[direction] = NULL;
      pool_post_last(queue, operation, -ECANCELED);
    }
  }
  pthread_mutex_unlock(&pool->lock);
}

static void threads_detach(struct queue *queue, struct channel *channel) {
  struct pool *pool = queue->state;
  pthread_mutex_lock(&pool->lock);
  while (channel->busy) pthread_cond_wait(&pool->idle, &pool->lock);
  end_active(queue, channel, -ECANCELED);
  if (channel->watched) epoll_ctl(pool->epoll, EPOLL_CTL_DEL, channel->fd, NULL);
  channel->watched = false;
  pthread_mutex_unlock(&pool->lock);
}

static void threads_flush(struct queue *queue) {}

static bool threads_peek(struct queue *queue, struct completed *completed) {
  struct pool *pool = queue->state;
  if (!pool->mine) {
    pthread_mutex_lock(&pool->lock);
    pool->mine = pool->first;
    pool->first = NULL;
    pthread_mutex_unlock(&pool->lock);
  }
  const struct record *record = pool->mine;
  if (!record) return false;
  *completed = (struct completed){
      .operation = record->operation,
      .result = record->result,
      .live = record->live,
      .bytes = record->parcel ? ((const struct parcel *)record)->bytes : NULL,
  };
  return true;
}

static void threads_take(struct queue *queue) {
  struct pool *pool = queue->state;
  struct record *record = pool->mine;
  pool->mine = record->next;
  if (!record->parcel) return;
  pthread_mutex_lock(&pool->lock);
  parcel_give(pool, record);
  pthread_mutex_unlock(&pool->lock);
}

static uint32_t threads_spare(struct queue *queue) {
  struct pool *pool = queue->state;
  pthread_mutex_lock(&pool->lock);
  uint32_t spare = MAX_PARCELS - pool->made + pool->stored;
  pthread_mutex_unlock(&pool->lock);
  return spare;
}

static int threads_wait(struct queue *queue, uint64_t timeout_ns) {
  struct pool *pool = queue->state;
  struct timespec time = time_of(timeout_ns);
  struct pollfd fds[] = {{.fd = queue->wake, .events = POLLIN},
                         {.fd = pool->ready, .events = POLLIN}};
  uint64_t value;
  pthread_mutex_lock(&pool->lock);
  bool posted = pool->first != NULL;
  pool->waiting = !posted;
  pthread_mutex_unlock(&pool->lock);
  if (posted) return 0;
  ppoll(fds, 2, &time, NULL);
  pthread_mutex_lock(&pool->lock);
  posted = pool->first != NULL;
  pool->waiting = false;
  pthread_mutex_unlock(&pool->lock);
  if (read(pool->ready, &value, sizeof value) < 0) value = 0; /* it was not signalled */
  return fds[0].revents && !posted ? -EINTR : 0;
}

static int threads_open(struct queue *queue) { return pool_open(queue, work); }

static void threads_close(struct queue *queue) {
  if (queue->state) pool_close(queue);
  queue_release(queue);
  free(queue);
}

const struct engine engine_threads = {
    .name = "threads",
    .open = threads_open,
    .room = threads_room,
    .start = threads_start,
    .settle = threads_settle,
    .cancel = threads_cancel,
    .detach = threads_detach,
    .flush = threads_flush,
    .peek = threads_peek,
    .take = threads_take,
    .spare = threads_spare,
    .wait = threads_wait,
    .close = threads_close,
};
