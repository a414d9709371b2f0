// Non-blocking I/O: the process asks again and again, and is busy with asking.
#include <sched.h>

#include "server.h"

// In the phase WAIT the process runs: recv(2) says NOT_READY and returns at once, and there is
// nothing to do but to call it again. Only the call that finds the data blocks, for as long as the
// copy takes.
enum { IDLE = 1, TRYING, COPYING, AT_END, BROKEN, STATES };

static const struct state STATE[STATES] = {
    [PROTOCOL_ERROR] = {.name = "PROTOCOL_ERROR", .final = true},
    [IDLE] = {.name = "IDLE"},
    [TRYING] = {.name = "TRYING", .phase = WAIT, .process = RUNNING},
    [COPYING] = {.name = "COPYING", .phase = COPY, .process = BLOCKED},
    [AT_END] = {.name = "AT_END", .final = true},
    [BROKEN] = {.name = "BROKEN", .final = true},
};

static const struct step TABLE[STATES][EVENTS] = {
    [IDLE] =
        {
            [BEGIN] = {TRYING, CALL_RECV_NOWAIT},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [TRYING] =
        {
            [READY] = {COPYING, NO_CALL},
            [NOT_READY] = {TRYING, CALL_RECV_NOWAIT},
            [INTERRUPTED] = {TRYING, CALL_RECV_NOWAIT},
            [ENDED] = {AT_END, NO_CALL},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [COPYING] =
        {
            [COPIED] = {IDLE, NO_CALL},
            [FAILED] = {BROKEN, NO_CALL},
        },
};

const struct machine nonblocking_machine = {"nonblocking", STATES, IDLE, STATE, TABLE};

// ---- the driver

static enum call advance(struct connection *connection, enum event event) {
  return machine_advance(&nonblocking_machine, &connection->operation, event);
}

// Tries to receive once, and says whether anything came of it. An operation that is under way is
// not begun: its call is due again.
static bool receive(struct server *server, int fd) {
  struct connection *connection = &server->connections[fd];
  if (connection->operation == IDLE) advance(connection, BEGIN);
  enum event event = server_receive(server, fd);
  if (event == COPIED) advance(connection, READY);
  return advance(connection, event) != CALL_RECV_NOWAIT;
}

// Sends or receives what can be, and says whether anything could.
static bool connection_turn(struct server *server, int fd) {
  struct connection *connection = &server->connections[fd];
  bool moved = false;
  if (server_sets(connection) & OUTPUTS) {
    const struct queue *queue = connection->queue;
    uint32_t head = queue->head;
    server_send(server, fd);
    moved = connection->queue != queue || queue->head != head;
  }
  if (server_sets(connection) & INPUTS) moved |= receive(server, fd);
  if (server_sets(connection) == 0) server_close(server, fd);
  return moved;
}

static bool listeners_turn(struct server *server) {
  bool moved = false;
  if (server_paused(server)) return moved;
  for (uint32_t i = 0; i < server->listener_count; i++) {
    moved |= server_accept(server, server->listeners[i]) >= 0;
  }
  return moved;
}

// Asks every descriptor that there is. When nothing moved, another process may have the processor
// for a while: it is the other processes that make something move.
//
// Not inlined: an engine that compiles in tiers replaces a function when it is called next, and the
// one with the loop is called once.
__attribute__((noinline)) static void turn(struct server *server) {
  bool moved = listeners_turn(server);
  for (uint32_t fd = 0; fd < server->capacity; fd++) {
    if (server->connections[fd].state != 0) moved |= connection_turn(server, (int)fd);
  }
  if (!moved) sched_yield();
}

static void nonblocking_serve(struct server *server) {
  while (server_serving(server)) turn(server);
}

const struct model nonblocking_model = {&nonblocking_machine, false, nonblocking_serve};
