// The echo server: sends every byte back to the client it came from, over standard WASI preview1;
// it refuses to open or connect to anything, and serves only the listening sockets that it was
// handed.
//
// A connection is a machine. Its state decides which readiness it polls for:
//
//   READING      nothing is owed to the client                    POLLIN
//   QUEUED       bytes wait in its queue, which has room          POLLIN | POLLOUT
//   WRITING      its queue was filled: not read before drained    POLLOUT
//   HALF_CLOSED  the client has sent its last byte, we have not   POLLOUT
//   CLOSED       the slot is given back, in the same turn
//
// A command polls in main(). A reactor (-DREACTOR) exports turn(), which the host calls from its
// own event loop.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>

enum {
  FIRST_FD = 3,         // after stdin, stdout, stderr
  QUEUE_BYTES = 65536,  // what one recv() can bring, so that an unsent tail always fits
  ACCEPT_BURST = 1024,  // accepted in a row before those that are there are served again
  TURNS_PER_LOOK = 8,   // turns for the recent connections alone before all are looked at
  PAUSE_MS = 100,       // without listeners, when the host is out of descriptors or memory
  EXIT_NO_LISTENER = 2,
};

enum state { READING, QUEUED, WRITING, HALF_CLOSED, CLOSED };

// What is owed to a slow client: bytes[head..tail). It exists only while something is owed.
struct queue {
  uint32_t head, tail;
  char bytes[QUEUE_BYTES];
};

struct connection {
  struct queue *queue;
  uint8_t state;
  bool served;  // since the last look at all connections
};

// Slot i is polls[i] and connections[i]; the first `listeners` slots are the listening sockets.
// Slots have no holes, and the array goes to poll() as it is, so that an idle connection costs 16
// bytes and no work here.
//
// The slots below `recent` are the listeners and the connections that were served lately. They are
// polled alone: to poll for everybody costs the more the more clients are idle, and is done every
// TURNS_PER_LOOK turns and whenever the recent ones are quiet.
static struct pollfd *polls;
static struct connection *connections;
static uint32_t listeners, recent, slots, capacity;
static int turns;  // since the last look at all connections

static bool paused;           // the listeners are left out of the poll
static int64_t resume_at_ms;  // when they come back, unless a connection closes first
static bool changed;          // in this turn what we poll for became different

static char input[QUEUE_BYTES];

static const short INTEREST[] = {
    [READING] = POLLIN,
    [QUEUED] = POLLIN | POLLOUT,
    [WRITING] = POLLOUT,
    [HALF_CLOSED] = POLLOUT,
};

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void fatal(const char *what) {
  fprintf(stderr, "echo: %s: %s\n", what, strerror(errno));
  exit(1);
}

// ---- the table of slots

static bool slots_grow(void) {
  uint32_t larger = capacity == 0 ? 64 : capacity * 2;
  struct pollfd *more_polls = realloc(polls, larger * sizeof *polls);
  if (more_polls == NULL) return false;
  polls = more_polls;
  struct connection *more_connections = realloc(connections, larger * sizeof *connections);
  if (more_connections == NULL) return false;
  connections = more_connections;
  capacity = larger;
  return true;
}

static void slot_copy(uint32_t to, uint32_t from) {
  polls[to] = polls[from];
  connections[to] = connections[from];
}

static void slot_swap(uint32_t a, uint32_t b) {
  struct pollfd poll = polls[a];
  struct connection connection = connections[a];
  slot_copy(a, b);
  polls[b] = poll;
  connections[b] = connection;
}

static bool slot_add(int fd) {
  if (slots == capacity && !slots_grow()) return false;
  polls[slots] = (struct pollfd){.fd = fd, .events = INTEREST[READING]};
  connections[slots] = (struct connection){.state = READING};
  slot_swap(slots++, recent++);
  changed = true;
  return true;
}

static void slot_close(uint32_t slot) {
  close(polls[slot].fd);
  free(connections[slot].queue);
  if (slot < recent) {
    slot_copy(slot, --recent);
    slot = recent;
  }
  slot_copy(slot, --slots);
  paused = false;
  changed = true;
}

// After a look at everybody: who is ready joins the recent ones.
static void slots_promote(void) {
  for (uint32_t slot = recent; slot < slots; slot++) {
    if (polls[slot].revents != 0) slot_swap(slot, recent++);
  }
}

// Who was not served since the last look, and is not ready, leaves them.
static void slots_demote(void) {
  for (uint32_t slot = recent; slot > listeners;) {
    slot--;
    if (!connections[slot].served && polls[slot].revents == 0) slot_swap(slot, --recent);
    connections[slot].served = false;
  }
}

static void slot_enter(uint32_t slot, enum state state) {
  if (state == CLOSED) {
    slot_close(slot);
  } else if (connections[slot].state != state) {
    connections[slot].state = (uint8_t)state;
    polls[slot].events = INTEREST[state];
    changed = true;
  }
}

// ---- one connection; each function answers the state to enter

static bool would_block(void) { return errno == EAGAIN || errno == EINTR; }

// Keeps what could not be sent. Without memory for it the echo would have a hole: the connection is
// closed instead.
static enum state tail_keep(struct connection *connection, const char *bytes, size_t length) {
  struct queue *queue = malloc(sizeof *queue);
  if (queue == NULL) return CLOSED;
  memcpy(queue->bytes, bytes, length);
  queue->head = 0;
  queue->tail = (uint32_t)length;
  connection->queue = queue;
  return length == QUEUE_BYTES ? WRITING : QUEUED;
}

// One recv() per readiness: another one, only to be told EAGAIN, would be a second system call for
// every message.
static enum state echo_some(int fd, struct connection *connection) {
  ssize_t received = recv(fd, input, sizeof input, 0);
  if (received < 0) return would_block() ? READING : CLOSED;
  if (received == 0) return CLOSED;
  ssize_t sent = send(fd, input, (size_t)received, 0);
  if (sent == received) return READING;
  if (sent < 0) {
    if (!would_block()) return CLOSED;
    sent = 0;
  }
  return tail_keep(connection, input + sent, (size_t)(received - sent));
}

// Reads behind what is queued already. A queue that reached its end is drained before it is filled
// again.
static enum state queue_fill(int fd, struct queue *queue) {
  ssize_t received = recv(fd, queue->bytes + queue->tail, QUEUE_BYTES - queue->tail, 0);
  if (received < 0) return would_block() ? QUEUED : CLOSED;
  if (received == 0) return HALF_CLOSED;
  queue->tail += (uint32_t)received;
  return queue->tail == QUEUE_BYTES ? WRITING : QUEUED;
}

static enum state queue_drain(int fd, struct connection *connection) {
  struct queue *queue = connection->queue;
  ssize_t sent = send(fd, queue->bytes + queue->head, queue->tail - queue->head, 0);
  if (sent < 0) return would_block() ? connection->state : CLOSED;
  queue->head += (uint32_t)sent;
  if (queue->head < queue->tail) return connection->state;
  free(queue);
  connection->queue = NULL;
  return connection->state == HALF_CLOSED ? CLOSED : READING;
}

// POLLHUP comes with a half-close too, and wasi-libc takes POLLOUT away when it is there: whatever
// the state allows is tried.
//
// Not inlined, nor is turn(): an engine that compiles in tiers replaces a function when it is
// called next, and main() is called once.
__attribute__((noinline)) static void connection_turn(uint32_t slot) {
  struct connection *connection = &connections[slot];
  int fd = polls[slot].fd;
  short ready = polls[slot].revents;
  enum state state = connection->state;
  connection->served = true;
  if (ready & (POLLERR | POLLNVAL)) {
    state = CLOSED;
  } else {
    if (state != READING && (ready & (POLLOUT | POLLHUP))) state = queue_drain(fd, connection);
    if (ready & (POLLIN | POLLHUP)) {
      if (state == READING) {
        state = echo_some(fd, connection);
      } else if (state == QUEUED) {
        state = queue_fill(fd, connection->queue);
      }
    }
  }
  slot_enter(slot, state);
}

// ---- the listeners

static void pause_listeners(void) {
  paused = true;
  changed = true;
  resume_at_ms = now_ms() + PAUSE_MS;
}

static void listener_turn(int listener) {
  for (int i = 0; i < ACCEPT_BURST; i++) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd >= 0) {
      if (!slot_add(fd)) close(fd);
      continue;
    }
    switch (errno) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      pause_listeners();
      return;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
    case ENOTSUP:
    case ENOTCAPABLE:
      fatal("accept");
    default:  // EAGAIN, or the error of a client that is gone already
      return;
    }
  }
}

static void listeners_find(void) {
  __wasi_fdstat_t stat;
  for (int fd = FIRST_FD; __wasi_fd_fdstat_get(fd, &stat) != __WASI_ERRNO_BADF; fd++) {
    bool stream = stat.fs_filetype == __WASI_FILETYPE_SOCKET_STREAM;
    if (!stream || !(stat.fs_rights_base & __WASI_RIGHTS_SOCK_ACCEPT)) continue;
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0) fatal("fcntl");
    if (!slot_add(fd)) fatal("realloc");
    listeners++;
  }
  if (listeners == 0) {
    fputs("echo: no listening socket was handed over, so there is nobody to serve.\n", stderr);
    exit(EXIT_NO_LISTENER);
  }
}

// ---- the loop

// While the listeners are paused the poll ends when they are due, at the latest.
static int pause_left(int timeout) {
  int64_t left = resume_at_ms - now_ms();
  if (left <= 0) {
    paused = false;
    changed = true;
    return timeout;
  }
  return timeout < 0 || left < timeout ? (int)left : timeout;
}

static int poll_slots(uint32_t first, uint32_t end, int timeout) {
  int ready = poll(polls + first, end - first, timeout);
  if (ready < 0 && errno != EINTR) fatal("poll");
  return ready;
}

// Polls for the recent slots, or for all; afterwards whoever is ready is among the recent ones.
static int look(uint32_t first, int timeout) {
  bool all = recent == slots;
  bool due = ++turns >= TURNS_PER_LOOK;
  int ready = 0;
  if (all || !due) ready = poll_slots(first, recent, all ? timeout : 0);
  if (ready == 0 && !all) {
    ready = poll_slots(first, slots, timeout);
    slots_promote();
  }
  if (due) {
    slots_demote();
    turns = 0;
  }
  return ready;
}

// One pass: poll, then serve what is ready. It answers whether what we poll for is different now.
// Slots are served from the last to the first: a closed one is replaced by one that was served
// already, and the listeners come at the end, when closed connections have given their
// descriptors back.
__attribute__((noinline)) static int turn(int timeout) {
  changed = false;
  if (paused) timeout = pause_left(timeout);
  uint32_t first = paused ? listeners : 0;
  int ready = look(first, timeout);
  for (uint32_t slot = recent; ready > 0 && slot > first;) {
    slot--;
    if (polls[slot].revents == 0) continue;
    ready--;
    if (slot >= listeners) {
      connection_turn(slot);
    } else {
      listener_turn(polls[slot].fd);
    }
  }
  return changed;
}

#ifdef REACTOR

// Runs in _initialize.
__attribute__((constructor)) static void start(void) { listeners_find(); }

// 0: call again when something that was polled for is ready. 1: call again at once, for what is
// polled for has changed.
__attribute__((export_name("turn"))) int reactor_turn(void) { return turn(-1); }

#else

int main(void) {
  listeners_find();
  for (;;) turn(-1);
}

#endif
