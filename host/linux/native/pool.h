/* What the threads of asynchronous I/O share with the one that submits and reaps. */
#pragma once

#include "timers.h"

#include <pthread.h>

enum { THREADS = 3, MAX_PARCELS = 256 };

/* A completion on its way. */
struct record {
  struct record *next;
  struct operation *operation;
  int32_t result;
  bool live, parcel;
};

/* A completion of an operation that goes on, or one with bytes: from a store, which bounds what was
 * accepted and received but not reaped. All others are an operation's last, and have a place of
 * their own. */
struct parcel {
  struct record record;
  uint8_t bytes[RECV_BYTES];
};

struct pool {
  pthread_mutex_t lock;
  pthread_cond_t idle; /* a channel is no longer busy */
  pthread_t threads[THREADS];
  int started;            /* threads */
  int epoll, ready, stop; /* descriptors; ready is signalled if somebody is `waiting` */
  bool quitting, waiting;
  struct timers timers;
  struct record *first, *last; /* posted */
  struct record *mine;         /* taken from there, all at once, by the thread that reaps */
  struct record *records;      /* one for each operation, its last */
  struct parcel *parcels[MAX_PARCELS];
  struct record *store;
  uint32_t made, stored; /* parcels */
};

int pool_open(struct queue *queue, void *(*work)(void *queue));
void pool_close(struct queue *queue);

/* Under the lock. */
void pool_post(struct pool *pool, struct record *record, struct operation *operation,
               int32_t result, bool live);
void pool_post_last(struct queue *queue, struct operation *operation, int32_t result);
struct parcel *parcel_take(struct pool *pool); /* NULL: none is left */
void parcel_give(struct pool *pool, struct record *record);
