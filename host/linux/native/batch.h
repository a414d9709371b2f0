/* Receiving from several sockets at once. */
#pragma once

#include "native.h"

enum { BATCH = 1024, TURN = 256 }; /* at most, and by one system call */

struct piece {
  uint8_t *bytes; /* where to */
  int fd;
  int result; /* bytes, or a negated errno */
};

struct ring;
struct batch {
  struct ring *ring; /* NULL before it is needed, and where there is none */
  bool refused;
  int count;
  struct piece pieces[BATCH];
};

void batch_open(struct batch *batch, bool rings); /* false: io_uring(7) is not to be used */
/* One receive for each piece, of at most `size` bytes, that never waits. */
void batch_receive(struct instance *instance, struct batch *batch, size_t size);
void batch_close(struct batch *batch);
