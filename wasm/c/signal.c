// Signal-driven I/O: the process works on, until a signal tells it that it may receive.
#include <errno.h>

#include "pollux.h"
#include "server.h"

// In the phase WAIT the process is free: it works, and if it has nothing else to do and wants the
// data now (BEGIN), it waits for a signal, any signal, which is no call on the descriptor. A signal
// is like an edge: one may stand for many messages, and what was there before it was armed tells
// nothing. So recv(2) is called as soon as it is ARMED, and again until it says NOT_READY; fewer
// bytes than there was room for say so as well, in IDLE, to who knows of no shut-down behind them.
// Signals that were lost (OVERFLOWED) may have been for this descriptor. In the phase COPY the
// process is blocked: this is synchronous I/O.
enum { UNARMED = 1, ARMING, WORKING, RECEIVING, IDLE, AT_END, BROKEN, STATES };

static const struct state STATE[STATES] = {
    [PROTOCOL_ERROR] = {.name = "PROTOCOL_ERROR", .final = true},
    [UNARMED] = {.name = "UNARMED"},
    [ARMING] = {.name = "ARMING"},
    [WORKING] = {.name = "WORKING", .phase = WAIT, .process = RUNNING},
    [RECEIVING] = {.name = "RECEIVING", .phase = COPY, .process = BLOCKED},
    [IDLE] = {.name = "IDLE"},
    [AT_END] = {.name = "AT_END", .final = true},
    [BROKEN] = {.name = "BROKEN", .final = true},
};

static const struct step TABLE[STATES][EVENTS] = {
    [UNARMED] =
        {
            [BEGIN] = {ARMING, CALL_SIGNAL_ARM},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [ARMING] =
        {
            [ARMED] = {RECEIVING, CALL_RECV_NOWAIT},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [WORKING] =
        {
            [BEGIN] = {WORKING, CALL_SIGNAL_WAIT},
            [TIMED_OUT] = {WORKING, CALL_SIGNAL_WAIT},
            [INTERRUPTED] = {WORKING, CALL_SIGNAL_WAIT},
            [SIGNALLED] = {RECEIVING, CALL_RECV_NOWAIT},
            [OVERFLOWED] = {RECEIVING, CALL_RECV_NOWAIT},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [RECEIVING] =
        {
            [NOT_READY] = {WORKING, CALL_WORK},
            [INTERRUPTED] = {RECEIVING, CALL_RECV_NOWAIT},
            [COPIED] = {IDLE, NO_CALL},
            [ENDED] = {AT_END, NO_CALL},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [IDLE] =
        {
            [BEGIN] = {RECEIVING, CALL_RECV_NOWAIT},
            [NOT_READY] = {WORKING, CALL_WORK},
            [SIGNALLED] = {IDLE, NO_CALL},
            [OVERFLOWED] = {IDLE, NO_CALL},
            [FAILED] = {BROKEN, NO_CALL},
        },
};

const struct machine signal_machine = {"signal", STATES, UNARMED, STATE, TABLE};

// ---- the driver

enum { BATCH = 512 };  // signals that one wait takes

static struct pollux_signal taken[BATCH];
// Nothing will tell of what is left to do: everything is looked at, or the listeners are.
static bool rescan, relisten;

static enum call advance(struct connection *connection, enum event event) {
  return machine_advance(&signal_machine, &connection->operation, event);
}

static bool arm(int fd) {
  errno = pollux_signal_arm(fd, 1);
  return errno == 0;
}

// Receives until nothing is left, or the server wants no more. Fewer bytes than there was room for
// are not the end of it: the client's shut-down may be in the same signal.
static void receive(struct server *server, int fd, enum call call) {
  struct connection *connection = &server->connections[fd];
  for (int i = 0; call == CALL_RECV_NOWAIT; i++) {
    call = advance(connection, server_receive(server, fd));
    if (call != NO_CALL || !(server_sets(connection) & INPUTS)) continue;
    if (i < RECEIVE_BURST) {
      call = advance(connection, BEGIN);
    } else {
      rescan = true;
    }
  }
}

static void connection_turn(struct server *server, int fd, enum event event) {
  struct connection *connection = &server->connections[fd];
  if (server_sets(connection) & OUTPUTS) server_send(server, fd);
  if (server_sets(connection) & INPUTS) {
    receive(server, fd, advance(connection, connection->operation == IDLE ? BEGIN : event));
  }
  if (server_sets(connection) == 0) server_close(server, fd);
}

static void begin(struct server *server, int fd) {
  struct connection *connection = &server->connections[fd];
  if (server_sets(connection) != 0) {
    advance(connection, BEGIN);
    if (arm(fd)) {
      receive(server, fd, advance(connection, ARMED));
    } else {
      server_enter(server, fd, FAILED);
    }
  }
  if (server_sets(connection) == 0) server_close(server, fd);
}

static void listener_turn(struct server *server, int listener) {
  for (int i = 0; i < ACCEPT_BURST; i++) {
    int fd = server_accept(server, listener);
    if (fd < 0) {
      relisten |= server->paused;
      return;
    }
    begin(server, fd);
  }
  relisten = true;
}

static void look_at_listeners(struct server *server) {
  relisten = false;
  for (uint32_t i = 0; i < server->listener_count; i++) listener_turn(server, server->listeners[i]);
}

static void look_at_all(struct server *server) {
  rescan = false;
  for (uint32_t fd = 0; fd < server->capacity; fd++) {
    if (server->connections[fd].state != 0) connection_turn(server, (int)fd, OVERFLOWED);
  }
  relisten = true;
}

// The process has no other work: it always waits for the next signal.
//
// Not inlined: an engine that compiles in tiers replaces a function when it is called next, and the
// one with the loop is called once.
__attribute__((noinline)) static void turn(struct server *server) {
  if (relisten && !server_paused(server)) look_at_listeners(server);
  bool due = rescan || (relisten && !server->paused);
  uint32_t count = 0;
  errno = pollux_signal_wait(taken, BATCH, due ? 0 : server_timeout_ns(server), &count);
  if (errno != 0 && errno != EINTR) server_fatal(server, "signal_wait");
  for (uint32_t i = 0; i < count; i++) {
    int fd = taken[i].fd;
    if (fd == POLLUX_OVERFLOW) {
      rescan = true;
    } else if ((uint32_t)fd < server->capacity && server->connections[fd].state != 0) {
      connection_turn(server, fd, SIGNALLED);
    } else {
      relisten = true;  // or it was closed meanwhile
    }
  }
  if (rescan) look_at_all(server);
}

static void signal_serve(struct server *server) {
  for (uint32_t i = 0; i < server->listener_count; i++) {
    if (!arm(server->listeners[i])) server_fatal(server, "signal_arm");
  }
  relisten = true;  // of who came before that, nothing is told
  for (uint32_t fd = 0; fd < server->capacity; fd++) {
    if (server->connections[fd].state != 0) begin(server, (int)fd);
  }
  while (server_serving(server)) turn(server);
}

const struct model signal_model = {&signal_machine, false, signal_serve};
