// How a server receives and sends that is told of what changes, and not of what is there.
#pragma once

#include "canary.h"

enum { MESSAGE_BYTES = 64, BATCH = 16 };

static bool paused;  // the listener, for there was no descriptor for another client

// Receives at most one message, and sends back what it can: false if nothing is there, or nothing
// more can be taken.
static inline bool receive(int fd) {
  struct client *client = &clients[fd];
  if (client->ended || client->length + MESSAGE_BYTES > ROOM) return false;
  ssize_t length = recv(fd, client->owed + client->length, MESSAGE_BYTES, 0);
  if (length > 0) client->length += (uint32_t)length;
  if (length == 0) client->ended = true;
  if (length < 0 && !passes(errno)) client->ended = true, client->length = 0;
  return length > 0 || (length < 0 && errno == EINTR);
}

static inline bool send_owed(int fd) {
  struct client *client = &clients[fd];
  if (client->length == 0) return false;
  ssize_t sent = send(fd, client->owed, client->length, 0);
  if (sent > 0) client_sent(client, (uint32_t)sent);
  if (sent < 0 && !passes(errno)) client->ended = true, client->length = 0;
  return sent > 0 || (sent < 0 && errno == EINTR);
}

// Closes a client that is owed nothing more.
static inline void finish(int fd) {
  if (!clients[fd].ended || clients[fd].length > 0) return;
  close(fd);
  clients[fd].open = false;
}
