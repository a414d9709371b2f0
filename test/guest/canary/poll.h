// An echo server on poll(2). A canary that includes it replaces one of its steps.
#pragma once

#include <poll.h>

#include "canary.h"

struct steps {
  void (*send)(int fd);        // it is owed something
  void (*end)(int fd);         // it has shut down
  void (*refuse)(void);        // there is no descriptor for another client
  bool (*passes)(int error);   // recv() or send() may be tried again
};

static struct steps steps;
static bool paused;

static inline void client_close(int fd) {
  close(fd);
  clients[fd].open = false;
  paused = false;
}

static inline void send_owed(int fd) {
  struct client *client = &clients[fd];
  ssize_t sent = send(fd, client->owed, client->length, 0);
  if (sent >= 0) {
    client_sent(client, (uint32_t)sent);
  } else if (!steps.passes(errno)) {
    client_close(fd);
  }
}

// What it is owed is sent before it is closed.
static inline void end_later(int fd) {
  if (clients[fd].length == 0) client_close(fd);
}

static inline void pause_listener(void) { paused = true; }

static inline bool reads_from(const struct client *client) {
  return !client->ended && client->length < ROOM;
}

static void receive(int fd) {
  struct client *client = &clients[fd];
  ssize_t length = recv(fd, client->owed + client->length, ROOM - client->length, 0);
  if (length > 0) {
    client->length += (uint32_t)length;
    steps.send(fd);
  } else if (length == 0) {
    client->ended = true;
    steps.end(fd);
  } else if (!steps.passes(errno)) {
    client_close(fd);
  }
}

static void serve_client(int fd, int events) {
  struct client *client = &clients[fd];
  if ((events & ~POLLOUT) && reads_from(client)) receive(fd);
  if ((events & ~POLLIN) && client->open && client->length > 0) {
    steps.send(fd);
    if (client->open && client->ended) steps.end(fd);
  }
}

static void welcome(void) {
  int fd = accept4(LISTENER, NULL, NULL, SOCK_NONBLOCK);
  if (fd >= CLIENTS) {
    close(fd);
  } else if (fd >= 0) {
    client_open(fd);
  } else if (no_descriptor(errno)) {
    steps.refuse();
  }
}

static void turn(void) {
  struct pollfd set[CLIENTS];
  for (int fd = 0; fd < CLIENTS; fd++) {
    const struct client *client = &clients[fd];
    set[fd].fd = client->open ? fd : -1;
    short reads = reads_from(client) ? POLLIN : 0;
    short writes = client->length > 0 ? POLLOUT : 0;
    set[fd].events = reads | writes;
  }
  set[LISTENER] = (struct pollfd){.fd = paused ? -1 : LISTENER, .events = POLLIN};
  if (poll(set, CLIENTS, paused ? PAUSE_NS / 1000000 : -1) < 0 && errno != EINTR) fatal("poll");
  for (int fd = 0; fd < CLIENTS; fd++) {
    if (clients[fd].open && set[fd].fd == fd) serve_client(fd, set[fd].revents);
  }
  if (paused || (set[LISTENER].revents & POLLIN)) {
    paused = false;
    welcome();
  }
}

static inline int serve(struct steps replaced) {
  steps.send = replaced.send ? replaced.send : send_owed;
  steps.end = replaced.end ? replaced.end : end_later;
  steps.refuse = replaced.refuse ? replaced.refuse : pause_listener;
  steps.passes = replaced.passes ? replaced.passes : passes;
  for (;;) turn();
}
