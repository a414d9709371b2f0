// The server: one connection of it is a machine.
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>

// A connection is READING while nothing is owed to its client. What it RECEIVED is QUEUED and sent;
// what cannot be sent yet waits, and more is read behind it, until the queue is FILLED: then the
// connection is WRITING, and does not read before the queue is DRAINED, so that a client that does
// not read is not read from. (What was on its way when the queue filled still comes, where receives
// are asynchronous.) When the client has shut down, it is HALF_CLOSED, until all that is owed is
// sent. NOT_READY says that nothing could be received, or sent: the connection stays where it is.
// Whatever FAILED ends this connection, and no other.
//
// In which of the three sets a connection is waited for follows from its state.
enum { OPEN = 1, READING, QUEUED, WRITING, HALF_CLOSED, CLOSED, STATES };

static const struct state STATE[STATES] = {
    [PROTOCOL_ERROR] = {.name = "PROTOCOL_ERROR", .final = true},
    [OPEN] = {.name = "OPEN", .sets = EXCEPTIONAL},
    [READING] = {.name = "READING", .sets = INPUTS | EXCEPTIONAL},
    [QUEUED] = {.name = "QUEUED", .sets = INPUTS | OUTPUTS | EXCEPTIONAL},
    [WRITING] = {.name = "WRITING", .sets = OUTPUTS | EXCEPTIONAL},
    [HALF_CLOSED] = {.name = "HALF_CLOSED", .sets = OUTPUTS | EXCEPTIONAL},
    [CLOSED] = {.name = "CLOSED", .final = true},
};

static const struct step TABLE[STATES][EVENTS] = {
    [OPEN] =
        {
            [BEGIN] = {READING, NO_CALL},
            [GREETED] = {QUEUED, CALL_SEND},
            [FAILED] = {CLOSED, CALL_CLOSE},
        },
    [READING] =
        {
            [RECEIVED] = {QUEUED, CALL_SEND},
            [FILLED] = {WRITING, CALL_SEND},
            [NOT_READY] = {READING, NO_CALL},
            [ENDED] = {CLOSED, CALL_CLOSE},
            [FAILED] = {CLOSED, CALL_CLOSE},
        },
    [QUEUED] =
        {
            [RECEIVED] = {QUEUED, NO_CALL},
            [FILLED] = {WRITING, NO_CALL},
            [SENT] = {QUEUED, NO_CALL},
            [NOT_READY] = {QUEUED, NO_CALL},
            [DRAINED] = {READING, NO_CALL},
            [ENDED] = {HALF_CLOSED, NO_CALL},
            [FAILED] = {CLOSED, CALL_CLOSE},
        },
    [WRITING] =
        {
            [RECEIVED] = {WRITING, NO_CALL},
            [FILLED] = {WRITING, NO_CALL},
            [SENT] = {WRITING, NO_CALL},
            [NOT_READY] = {WRITING, NO_CALL},
            [DRAINED] = {READING, NO_CALL},
            [ENDED] = {HALF_CLOSED, NO_CALL},
            [FAILED] = {CLOSED, CALL_CLOSE},
        },
    [HALF_CLOSED] =
        {
            [SENT] = {HALF_CLOSED, NO_CALL},
            [NOT_READY] = {HALF_CLOSED, NO_CALL},
            [DRAINED] = {CLOSED, CALL_CLOSE},
            [FAILED] = {CLOSED, CALL_CLOSE},
        },
};

const struct machine server_machine = {"server", STATES, OPEN, STATE, TABLE};

// ---- the machine at work

enum {
  FIRST_FD = 3,          // after stdin, stdout, stderr
  PAUSE_NS = 100000000,  // without listeners, when the host is out of descriptors or memory
  EXIT_NOBODY = 2,
};

static char input[QUEUE_BYTES];

// wasi-libc's __wasi_sock_recv and __wasi_sock_send are functions that call these: one more to
// leave after a system call, which is a misprediction (see docs/RATIONALE.md).
#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))
WASI("sock_recv") int32_t sock_recv(int fd, const __wasi_iovec_t *iovs, size_t count, int flags,
                                    __wasi_size_t *received, __wasi_roflags_t *flags_out);
WASI("sock_send") int32_t sock_send(int fd, const __wasi_ciovec_t *iovs, size_t count, int flags,
                                    __wasi_size_t *sent);

_Noreturn void server_fatal(const struct server *server, const char *what) {
  fprintf(stderr, "%s: %s: %s\n", server->protocol->name, what, strerror(errno));
  exit(1);
}

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static enum call enter(struct connection *connection, enum event event) {
  return machine_advance(&server_machine, &connection->state, event);
}

// Without memory for it the answer would have a hole: the connection fails instead.
static bool append(struct connection *connection, const char *bytes, uint32_t length) {
  bool kept = queue_append(&connection->queue, bytes, length);
  if (!kept) enter(connection, FAILED);
  return kept;
}

// ---- receiving and sending

// A queue that reached its end, where there is no room for a message and what follows it, is
// drained before it is filled again.
static void queued(const struct server *server, struct connection *connection) {
  bool full = connection->queue->tail + server->suffix_length >= QUEUE_BYTES;
  enter(connection, full ? FILLED : RECEIVED);
}

static bool would_block(__wasi_errno_t error) {
  return error == __WASI_ERRNO_AGAIN || error == __WASI_ERRNO_INTR;
}

// What was received, and is the first that is owed, is sent without being queued: the way of nearly
// every message.
static void transmit(const struct server *server, struct connection *connection, int fd,
                     const char *bytes, uint32_t length) {
  __wasi_ciovec_t whole = {(const uint8_t *)bytes, length};
  __wasi_size_t sent = 0;
  enter(connection, RECEIVED);
  __wasi_errno_t error = sock_send(fd, &whole, 1, 0, &sent);
  if (sent == length && error == 0) {
    enter(connection, DRAINED);
  } else if (error != 0 && !would_block(error)) {
    enter(connection, FAILED);
  } else if (append(connection, bytes + sent, length - sent)) {
    queued(server, connection);
  }
}

static enum event refused(struct connection *connection, __wasi_errno_t error) {
  if (error == __WASI_ERRNO_INTR) return INTERRUPTED;
  enum event event = error == __WASI_ERRNO_AGAIN ? NOT_READY : FAILED;
  enter(connection, event);
  return event;
}

// One call at a time: another one, only to be told NOT_READY, is the model's to decide.
enum event server_receive(struct server *server, int fd) {
  struct connection *connection = &server->connections[fd];
  char *at = input;
  uint32_t room = QUEUE_BYTES - server->suffix_length;
  if (connection->queue != NULL) {
    if (!queue_reserve(&connection->queue, QUEUE_BYTES - connection->queue->tail)) {
      enter(connection, FAILED);
      return FAILED;
    }
    at = connection->queue->bytes + connection->queue->tail;
    room -= connection->queue->tail;
  }
  __wasi_iovec_t vector = {(uint8_t *)at, room};
  __wasi_size_t received = 0;
  __wasi_roflags_t flags;
  __wasi_errno_t error = sock_recv(fd, &vector, 1, 0, &received, &flags);
  if (error != 0) return refused(connection, error);
  if (received == 0) {
    enter(connection, ENDED);
    return ENDED;
  }
  server->exhausted = received < room;
  if (server->suffix_length > 0) {
    memcpy(at + received, server->protocol->suffix, server->suffix_length);
    received += server->suffix_length;
  }
  if (connection->queue == NULL) {
    transmit(server, connection, fd, at, received);
  } else {
    connection->queue->tail += received;
    queued(server, connection);
  }
  return COPIED;
}

void server_send(struct server *server, int fd) {
  struct connection *connection = &server->connections[fd];
  struct queue *queue = connection->queue;
  __wasi_ciovec_t owed = {(uint8_t *)queue->bytes + queue->head, queue->tail - queue->head};
  __wasi_size_t sent = 0;
  __wasi_errno_t error = sock_send(fd, &owed, 1, 0, &sent);
  if (error == 0) {
    server_sent(server, fd, sent);
  } else {
    enter(connection, would_block(error) ? NOT_READY : FAILED);
  }
}

void server_sent(struct server *server, int fd, uint32_t length) {
  struct connection *connection = &server->connections[fd];
  struct queue *queue = connection->queue;
  queue->head += length;
  if (queue->head < queue->tail) {
    enter(connection, SENT);
    return;
  }
  queue_free(&connection->queue);
  enter(connection, DRAINED);
}

void server_received(struct server *server, int fd, const char *bytes, uint32_t length) {
  struct connection *connection = &server->connections[fd];
  bool kept = append(connection, bytes, length);
  if (kept && server->suffix_length > 0)
    kept = append(connection, server->protocol->suffix, server->suffix_length);
  if (kept) queued(server, connection);
}

void server_enter(struct server *server, int fd, enum event event) {
  enter(&server->connections[fd], event);
}

// ---- connections

bool server_add(struct server *server, int fd) {
  if ((uint32_t)fd >= server->capacity) {
    uint32_t larger = server->capacity == 0 ? 64 : server->capacity * 2;
    while ((uint32_t)fd >= larger) larger *= 2;
    struct connection *more = realloc(server->connections, larger * sizeof *more);
    if (more == NULL) return false;
    memset(more + server->capacity, 0, (larger - server->capacity) * sizeof *more);
    server->connections = more;
    server->capacity = larger;
  }
  struct connection *connection = &server->connections[fd];
  *connection =
      (struct connection){.state = server_machine.initial, .operation = server->machine->initial};
  server->open++;
  if (server->greeting_length == 0) {
    enter(connection, BEGIN);
  } else if (append(connection, server->protocol->greeting, server->greeting_length)) {
    enter(connection, GREETED);
  }
  return true;
}

void server_forget(struct server *server, int fd) {
  struct connection *connection = &server->connections[fd];
  queue_free(&connection->queue);
  *connection = (struct connection){.queue = NULL};
  server->open--;
  server->paused = false;
}

void server_close(struct server *server, int fd) {
  server_forget(server, fd);
  close(fd);
}

int server_accept(struct server *server, int listener) {
  __wasi_fdflags_t flags = server->blocking ? 0 : __WASI_FDFLAGS_NONBLOCK;
  int fd;
  __wasi_errno_t error;
  do {
    error = __wasi_sock_accept(listener, flags, &fd);
  } while (error == __WASI_ERRNO_CONNABORTED);
  if (error != 0) {
    server_refused(server, error);
    return -1;
  }
  if (!server_add(server, fd)) {
    close(fd);
    server_pause(server);
    return -1;
  }
  if (server->connections[fd].queue != NULL) server_send(server, fd);
  return fd;
}

void server_refused(struct server *server, int error) {
  switch (error) {
  case EMFILE:
  case ENFILE:
  case ENOBUFS:
  case ENOMEM:
    server_pause(server);
    return;
  case EBADF:
  case EINVAL:
  case ENOTSOCK:
  case ENOTSUP:
  case ENOTCAPABLE:
    errno = error;
    server_fatal(server, "accept");
  default:  // EAGAIN, or the error of a client that is gone already
    return;
  }
}

void server_pause(struct server *server) {
  server->paused = true;
  server->resume_at_ns = now_ns() + PAUSE_NS;
}

bool server_paused(struct server *server) {
  if (server->paused && now_ns() >= server->resume_at_ns) server->paused = false;
  return server->paused;
}

int64_t server_timeout_ns(const struct server *server) {
  int64_t timeout = server->protocol->timeout_ns;
  if (!server->paused) return timeout;
  int64_t left = server->resume_at_ns - now_ns();
  if (left < 0) left = 0;
  return timeout < 0 || left < timeout ? left : timeout;
}

// ---- the start

static void take(struct server *server, int fd, bool listener) {
  if (fcntl(fd, F_SETFL, server->blocking ? 0 : O_NONBLOCK) != 0) server_fatal(server, "fcntl");
  if (!listener) {
    if (!server_add(server, fd)) server_fatal(server, "realloc");
    return;
  }
  uint32_t count = server->listener_count + 1;
  int *more = realloc(server->listeners, count * sizeof *more);
  if (more == NULL) server_fatal(server, "realloc");
  more[count - 1] = fd;
  server->listeners = more;
  server->listener_count = count;
}

void server_start(struct server *server, const struct protocol *protocol,
                  const struct model *model) {
  server->protocol = protocol;
  server->machine = model->machine;
  server->blocking = model->blocking;
  server->greeting_length = strlen(protocol->greeting);
  server->suffix_length = strlen(protocol->suffix);
  __wasi_fdstat_t stat;
  for (int fd = FIRST_FD; __wasi_fd_fdstat_get(fd, &stat) != __WASI_ERRNO_BADF; fd++) {
    if (stat.fs_filetype != __WASI_FILETYPE_SOCKET_STREAM) continue;
    take(server, fd, (stat.fs_rights_base & __WASI_RIGHTS_SOCK_ACCEPT) != 0);
  }
  if (server_serving(server)) return;
  fprintf(
      stderr,
      "%s: no listening socket was handed over, and no connection, so there is nobody to serve.\n",
      protocol->name);
  exit(EXIT_NOBODY);
}
