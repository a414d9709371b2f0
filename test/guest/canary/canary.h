// What the canaries share: echo servers for many clients at once, on the listener that they are
// handed, each with one bug that a simple run does not show. Compiled with -DBUG=0 a canary does
// everything right.
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef BUG
#define BUG 1
#endif

enum {
  LISTENER = 3,
  CLIENTS = 64,           // by descriptor
  ROOM = 1 << 16,         // bytes that a client may be owed, before it is read from again
  PAUSE_NS = 10000000,    // for the listener, when there is no descriptor for another client
};

struct client {
  bool open;
  bool ended;  // it has shut down
  bool sending;
  uint8_t receiving;  // how often
  uint32_t length;    // owed[0..length) was received, and not sent back yet
  char owed[ROOM];
};

static struct client clients[CLIENTS];

static _Noreturn inline void fatal(const char *what) {
  perror(what);
  exit(1);
}

static inline void client_open(int fd) {
  clients[fd].open = true;
  clients[fd].ended = false;
  clients[fd].sending = false;
  clients[fd].receiving = 0;
  clients[fd].length = 0;
}

// The first `length` bytes that it was owed are sent.
static inline void client_sent(struct client *client, uint32_t length) {
  client->length -= length;
  memmove(client->owed, client->owed + length, client->length);
}

static inline bool no_descriptor(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static inline bool passes(int error) { return error == EAGAIN || error == EINTR; }
