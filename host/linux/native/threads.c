/* Asynchronous I/O by a few threads, for kernels and containers without io_uring. They share one
 * epoll set; whichever of them is told that a descriptor is ready does the operation, into buffers
 * of the addon and without blocking, so that no thread is ever held up by one peer. Only a SEND is
 * tried at once by the thread that submits it, as io_uring does too: it rarely has to wait.
 *
 * What the threads share with the one that submits and reaps is under one lock, but not while an
 * operation is done: then its channel is `busy`. */
#include "timers.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS = 3, MAX_PARCELS = 256, STACK_BYTES = 256 * 1024 };

/* A completion on its way. */
struct record {
  struct record *next;
  struct operation *operation;
  int32_t result;
  bool live, parcel;
};

/* One of an operation that goes on, or one with bytes: from a store, which bounds what was accepted
 * and received but not reaped. All others are an operation's last, and have a place of their own. */
struct parcel {
  struct record record;
  uint8_t bytes[RECV_BYTES];
};

struct pool {
  pthread_mutex_t lock;
  pthread_cond_t idle; /* a channel is no longer busy */
  pthread_t threads[THREADS];
  int started, epoll, ready, stop; /* how many threads; descriptors: ready is signalled if waiting */
  bool quitting, waiting;
  struct timers timers;
  struct record *first, *last; /* posted */
  struct record *mine;         /* taken from there, all at once, by the thread that reaps */
  struct record *records;      /* one for each operation, its last */
  struct parcel *parcels[MAX_PARCELS];
  struct record *store;
  uint32_t made, stored; /* parcels */
};

/* ---- under the lock */

static void post(struct pool *pool, struct record *record, struct operation *operation,
                 int32_t result, bool live) {
  record->next = NULL;
  record->operation = operation;
  record->result = result;
  record->live = live;
  if (pool->first) {
    pool->last->next = record;
  } else {
    pool->first = record;
  }
  pool->last = record;
  uint64_t one = 1;
  if (pool->waiting && write(pool->ready, &one, sizeof one) > 0) pool->waiting = false;
}

static void post_last(struct queue *queue, struct operation *operation, int32_t result) {
  struct pool *pool = queue->state;
  post(pool, &pool->records[number_of(queue, operation)], operation, result, false);
}

static struct parcel *parcel_take(struct pool *pool) {
  struct record *record = pool->store;
  if (record) {
    pool->store = record->next;
    pool->stored--;
    return (struct parcel *)record;
  }
  if (pool->made == MAX_PARCELS) return NULL;
  struct parcel *parcel = malloc(sizeof *parcel);
  if (!parcel) return NULL;
  parcel->record.parcel = true;
  return pool->parcels[pool->made++] = parcel;
}

static void parcel_give(struct pool *pool, struct record *record) {
  record->next = pool->store;
  pool->store = record;
  pool->stored++;
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
  int error = errno;
  for (int i = 0; i < DIRECTIONS; i++) {
    if (channel->active[i]) post_last(queue, channel->active[i], -error);
    channel->active[i] = NULL;
  }
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
    post_last(queue, operation, OUT_OF_BUFFERS);
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
    post(pool, &parcel->record, operation, result, live);
  } else {
    post_last(queue, operation, result);
  }
}

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
  while ((operation = timers_expired(&pool->timers))) post_last(queue, operation, -ETIMEDOUT);
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
  if (operation->opcode == TIMEOUT) {
    pthread_mutex_lock(&pool->lock);
    if (!timers_add(&pool->timers, operation)) post_last(queue, operation, -ENOMEM);
    pthread_mutex_unlock(&pool->lock);
    return;
  }
  int32_t result = operation->opcode == SEND ? perform(operation, NULL) : -EAGAIN;
  if (result != -EAGAIN) {
    operation_settle(queue, operation, result);
    return;
  }
  pthread_mutex_lock(&pool->lock);
  channel->active[direction_of(operation)] = operation;
  arm(queue, channel);
  pthread_mutex_unlock(&pool->lock);
}

static void threads_settle(struct queue *queue, struct operation *operation) {
  struct pool *pool = queue->state;
  pthread_mutex_lock(&pool->lock);
  post_last(queue, operation, operation->result);
  pthread_mutex_unlock(&pool->lock);
}

static void threads_cancel(struct queue *queue, struct operation *operation) {
  struct pool *pool = queue->state;
  struct channel *channel = operation->channel;
  int direction = direction_of(operation);
  pthread_mutex_lock(&pool->lock);
  if (!channel) {
    if (timers_remove(&pool->timers, operation)) post_last(queue, operation, -ECANCELED);
  } else {
    while (channel->busy) pthread_cond_wait(&pool->idle, &pool->lock);
    if (channel->active[direction] == operation) {
      channel->active[direction] = NULL;
      post_last(queue, operation, -ECANCELED);
    }
  }
  pthread_mutex_unlock(&pool->lock);
}

static void threads_detach(struct queue *queue, struct channel *channel) {
  struct pool *pool = queue->state;
  pthread_mutex_lock(&pool->lock);
  while (channel->busy) pthread_cond_wait(&pool->idle, &pool->lock);
  for (int i = 0; i < DIRECTIONS; i++) {
    if (channel->active[i]) post_last(queue, channel->active[i], -ECANCELED);
    channel->active[i] = NULL;
  }
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

static int start_threads(struct queue *queue) {
  struct pool *pool = queue->state;
  pthread_attr_t attributes;
  sigset_t all, before;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before); /* which a thread begins with */
  int error = 0;
  while (!error && pool->started < THREADS) {
    error = pthread_create(&pool->threads[pool->started], &attributes, work, queue);
    if (!error) pool->started++;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return pool->started > 0 ? 0 : -error;
}

static int threads_open(struct queue *queue) {
  struct pool *pool = calloc(1, sizeof *pool);
  if (!pool) return -ENOMEM;
  queue->state = pool;
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->idle, NULL);
  pool->epoll = epoll_create1(EPOLL_CLOEXEC);
  pool->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  pool->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  pool->records = calloc(MAX_OPERATIONS, sizeof *pool->records);
  if (!timers_open(&pool->timers) || pool->epoll < 0 || pool->ready < 0 || pool->stop < 0)
    return -errno;
  if (!pool->records) return -ENOMEM;
  struct epoll_event timer = {.events = EPOLLIN | EPOLLET, .data.ptr = pool};
  struct epoll_event stop = {.events = EPOLLIN, .data.ptr = NULL};
  if (epoll_ctl(pool->epoll, EPOLL_CTL_ADD, pool->timers.fd, &timer) < 0 ||
      epoll_ctl(pool->epoll, EPOLL_CTL_ADD, pool->stop, &stop) < 0)
    return -errno;
  return start_threads(queue);
}

/* Connections that nobody will take. */
static void discard(const struct record *record) {
  for (; record; record = record->next) {
    const struct operation *operation = record->operation;
    if (operation->opcode == ACCEPT && operation->stage != SETTLED && record->result >= 0)
      close(record->result);
  }
}

static void threads_close(struct queue *queue) {
  struct pool *pool = queue->state;
  if (pool) {
    uint64_t one = 1;
    pthread_mutex_lock(&pool->lock);
    pool->quitting = true;
    pthread_mutex_unlock(&pool->lock);
    if (pool->started > 0 && write(pool->stop, &one, sizeof one) < 0) abort(); /* cannot be */
    while (pool->started > 0) pthread_join(pool->threads[--pool->started], NULL);
    discard(pool->mine);
    discard(pool->first);
    timers_close(&pool->timers);
    if (pool->epoll >= 0) close(pool->epoll);
    if (pool->ready >= 0) close(pool->ready);
    if (pool->stop >= 0) close(pool->stop);
    while (pool->made > 0) free(pool->parcels[--pool->made]);
    free(pool->records);
    pthread_cond_destroy(&pool->idle);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
  }
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
