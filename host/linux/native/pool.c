/* What the threads of asynchronous I/O share with the one that submits and reaps: completions on
 * their way, the buffers that they carry, and the threads themselves. */
#include "pool.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { STACK_BYTES = 256 * 1024 };

void pool_post(struct pool *pool, struct record *record, struct operation *operation,
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

void pool_post_last(struct queue *queue, struct operation *operation, int32_t result) {
  struct pool *pool = queue->state;
  pool_post(pool, &pool->records[number_of(queue, operation)], operation, result, false);
}

struct parcel *parcel_take(struct pool *pool) {
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

void parcel_give(struct pool *pool, struct record *record) {
  record->next = pool->store;
  pool->store = record;
  pool->stored++;
}

static int start_threads(struct queue *queue, void *(*work)(void *queue)) {
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

int pool_open(struct queue *queue, void *(*work)(void *queue)) {
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
  return start_threads(queue, work);
}

/* Connections that nobody will take. */
static void discard(const struct record *record) {
  for (; record; record = record->next) {
    const struct operation *operation = record->operation;
    if (operation->opcode == ACCEPT && operation->stage != SETTLED && record->result >= 0)
      close(record->result);
  }
}

void pool_close(struct queue *queue) {
  struct pool *pool = queue->state;
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
