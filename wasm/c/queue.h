// The queue of a connection: what is owed to its client. It exists only while something is owed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// What a connection may owe its client before it is no longer read from; one receive brings as much
// at most, so that an unsent tail always fits.
enum { QUEUE_BYTES = 65536 };

struct queue {
  uint32_t head, tail, capacity;
  char bytes[];  // [head..tail) are owed
};

// Makes room for `bytes` behind the tail: false if there is no memory, and then nothing is changed.
bool queue_reserve(struct queue **queue, uint32_t bytes);
// The same, and puts them there.
bool queue_append(struct queue **queue, const char *bytes, uint32_t length);
void queue_free(struct queue **queue);
