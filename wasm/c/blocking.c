// Blocking I/O: the process sleeps in recv(2) until the data has come and is copied.
#include <unistd.h>

#include "server.h"

// One call, in which the process is blocked in both phases. It sees neither begin nor end of them:
// that the data was READY it learns when the call returns, together with what was COPIED. An end
// and an error come in place of the data, and there is nothing to copy. A call that a signal
// INTERRUPTED is made again. NOT_READY cannot happen.
enum { IDLE = 1, WAITING, COPYING, AT_END, BROKEN, STATES };

static const struct state STATE[STATES] = {
    [PROTOCOL_ERROR] = {.name = "PROTOCOL_ERROR", .final = true},
    [IDLE] = {.name = "IDLE"},
    [WAITING] = {.name = "WAITING", .phase = WAIT, .process = BLOCKED},
    [COPYING] = {.name = "COPYING", .phase = COPY, .process = BLOCKED},
    [AT_END] = {.name = "AT_END", .final = true},
    [BROKEN] = {.name = "BROKEN", .final = true},
};

static const struct step TABLE[STATES][EVENTS] = {
    [IDLE] =
        {
            [BEGIN] = {WAITING, CALL_RECV},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [WAITING] =
        {
            [READY] = {COPYING, NO_CALL},
            [INTERRUPTED] = {WAITING, CALL_RECV},
            [ENDED] = {AT_END, NO_CALL},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [COPYING] =
        {
            [COPIED] = {IDLE, NO_CALL},
            [FAILED] = {BROKEN, NO_CALL},
        },
};

const struct machine blocking_machine = {"blocking", STATES, IDLE, STATE, TABLE};

// ---- the driver

enum { PAUSE_US = 10000 };

static enum call advance(struct connection *connection, enum event event) {
  return machine_advance(&blocking_machine, &connection->operation, event);
}

// One receive. That the data was ready is learnt together with it.
static void receive(struct server *server, int fd) {
  struct connection *connection = &server->connections[fd];
  enum call call = advance(connection, BEGIN);
  while (call == CALL_RECV) {
    enum event event = server_receive(server, fd);
    if (event == COPIED) advance(connection, READY);
    call = advance(connection, event);
  }
}

// Not inlined: an engine that compiles in tiers replaces a function when it is called next, and the
// one with the loop is called once.
__attribute__((noinline)) static uint8_t turn(struct server *server, int fd) {
  uint8_t sets = server_sets(&server->connections[fd]);
  if (sets & OUTPUTS) {
    server_send(server, fd);
  } else {
    receive(server, fd);
  }
  return server_sets(&server->connections[fd]);
}

static void serve_one(struct server *server, int fd) {
  while (server_sets(&server->connections[fd]) != 0) turn(server, fd);
  server_close(server, fd);
}

// One connection after the other: first those that somebody else accepted, then, in turn, one of
// each listener. Where the host is out of descriptors there is nothing to do but to try again.
static void blocking_serve(struct server *server) {
  for (uint32_t fd = 0; fd < server->capacity; fd++) {
    if (server->connections[fd].state != 0) serve_one(server, (int)fd);
  }
  for (uint32_t i = 0; server->listener_count > 0; i = (i + 1) % server->listener_count) {
    int fd = server_accept(server, server->listeners[i]);
    if (fd >= 0) serve_one(server, fd);
    while (server_paused(server)) usleep(PAUSE_US);
  }
}

const struct model blocking_model = {&blocking_machine, true, blocking_serve};
