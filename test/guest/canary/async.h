// What asynchronous echo servers share: operations are gathered, and submitted together. A canary
// that includes it receives in its own way.
#pragma once

#include "canary.h"
#include "pollux.h"

enum {
  BATCH = 64,
  MOST = 256,  // gathered operations
  RETRY_NS = 1000000,
};

static struct pollux_operation gathered[MOST];
static uint32_t count;
static bool accepting, paused;

static inline void gather(struct pollux_operation operation) {
  if (count == MOST) abort();  // each client has four at most
  gathered[count++] = operation;
}

// What the host does not take now is given to it again next time.
static inline void submit(void) {
  if (!accepting && !paused) {
    accepting = true;
    gather((struct pollux_operation){
        .opcode = POLLUX_ACCEPT, .flags = POLLUX_MULTISHOT, .fd = LISTENER});
  }
  uint32_t taken = 0;
  if (count > 0) errno = pollux_submit(gathered, count, &taken);
  if (count > 0 && errno != 0) fatal("submit");
  count -= taken;
  memmove(gathered, gathered + taken, count * sizeof *gathered);
}

static inline uint32_t reap(struct pollux_completion *completions, char *buffer, uint32_t length,
                            uint32_t min, int64_t timeout_ns) {
  uint32_t reaped = 0;
  errno = pollux_reap(completions, BATCH, buffer, length, min, timeout_ns, &reaped);
  if (errno != 0 && errno != EINTR) fatal("reap");
  return reaped;
}

static inline int64_t timeout_ns(void) { return count > 0 ? RETRY_NS : paused ? PAUSE_NS : -1; }

// One send at a time: two may overtake each other.
static inline void send_owed(int fd) {
  struct client *client = &clients[fd];
  if (client->length == 0 || client->sending) return;
  client->sending = true;
  gather((struct pollux_operation){.userdata = (uint32_t)fd,
                                   .opcode = POLLUX_SEND,
                                   .fd = fd,
                                   .bytes = client->owed,
                                   .length = client->length});
}

static inline bool again(int result) {
  return result == -EAGAIN || result == -EINTR || result == -ENOBUFS || result == -ECANCELED;
}

static inline void sent(int fd, int result) {
  struct client *client = &clients[fd];
  client->sending = false;
  if (result >= 0) client_sent(client, (uint32_t)result);
  if (result < 0 && !again(result)) client->ended = true, client->length = 0;
}

// A client of which nothing is in flight, and which is owed nothing more, is closed.
static inline void finish(int fd) {
  struct client *client = &clients[fd];
  if (!client->ended || client->length > 0 || client->sending || client->receiving > 0) return;
  close(fd);
  client->open = false;
}

// A descriptor for a client, or -1 if none came.
static inline int accepted(const struct pollux_completion *completion) {
  int fd = completion->result;
  if (!(completion->flags & POLLUX_MORE)) accepting = false;
  if (fd < 0) paused = true;
  if (fd >= CLIENTS) close(fd);
  if (fd < 0 || fd >= CLIENTS) return -1;
  client_open(fd);
  return fd;
}
