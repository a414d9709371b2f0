// The queue of a connection: it begins small, and small ones are used again, for where sends are
// asynchronous every message is queued.
#include "queue.h"

#include <stdlib.h>
#include <string.h>

enum { SMALL_BYTES = 2032, SMALL_KEPT = 4096 };

static struct queue *kept[SMALL_KEPT];
static uint32_t kept_count;

static struct queue *queue_new(uint32_t bytes) {
  if (bytes <= SMALL_BYTES && kept_count > 0) return kept[--kept_count];
  uint32_t capacity = bytes <= SMALL_BYTES ? SMALL_BYTES : QUEUE_BYTES;
  struct queue *queue = malloc(sizeof *queue + capacity);
  if (queue != NULL) *queue = (struct queue){.capacity = capacity};
  return queue;
}

void queue_free(struct queue **place) {
  struct queue *queue = *place;
  *place = NULL;
  if (queue == NULL) return;
  if (queue->capacity == SMALL_BYTES && kept_count < SMALL_KEPT) {
    queue->head = queue->tail = 0;
    kept[kept_count++] = queue;
  } else {
    free(queue);
  }
}

// What is owed moves to the front first; then the queue grows.
bool queue_reserve(struct queue **place, uint32_t bytes) {
  struct queue *queue = *place;
  if (queue == NULL) {
    *place = queue_new(bytes);
    return *place != NULL;
  }
  if (queue->tail + bytes <= queue->capacity) return true;
  queue->tail -= queue->head;
  memmove(queue->bytes, queue->bytes + queue->head, queue->tail);
  queue->head = 0;
  uint32_t larger = queue->capacity;
  while (queue->tail + bytes > larger) larger = larger < QUEUE_BYTES ? QUEUE_BYTES : larger * 2;
  if (larger == queue->capacity) return true;
  queue = realloc(queue, sizeof *queue + larger);
  if (queue == NULL) return false;
  queue->capacity = larger;
  *place = queue;
  return true;
}

bool queue_append(struct queue **place, const char *bytes, uint32_t length) {
  if (!queue_reserve(place, length)) return false;
  struct queue *queue = *place;
  memcpy(queue->bytes + queue->tail, bytes, length);
  queue->tail += length;
  return true;
}
