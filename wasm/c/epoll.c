// Multiplexing with epoll(7): the kernel keeps the set, and a wait costs what is ready, not what is
// watched.
#include <errno.h>

#include "pollux.h"
#include "server.h"

enum {
  IDLE = 1,
  REGISTERING,
  WAITING,
  RECEIVING,
  AT_END,
  BROKEN,
  LEVEL_STATES,
  UNREGISTERED = LEVEL_STATES,  // of the edge-triggered machine alone
  EDGE_STATES,
};

static const struct state STATE[EDGE_STATES] = {
    [PROTOCOL_ERROR] = {.name = "PROTOCOL_ERROR", .final = true},
    [IDLE] = {.name = "IDLE"},
    [REGISTERING] = {.name = "REGISTERING"},
    [WAITING] = {.name = "WAITING", .phase = WAIT, .process = BLOCKED},
    [RECEIVING] = {.name = "RECEIVING", .phase = COPY, .process = BLOCKED},
    [AT_END] = {.name = "AT_END", .final = true},
    [BROKEN] = {.name = "BROKEN", .final = true},
    [UNREGISTERED] = {.name = "UNREGISTERED"},
};

// Level-triggered: what is not received is told again. BEGIN puts the descriptor into the kernel's
// set, or changes it there; from then on the registration is ARMED. After COPIED it still is,
// unless it was EPOLLONESHOT, or the process took EPOLLIN out because it does not want to read:
// ARMED, once more, goes on to wait; BEGIN registers anew first.
static const struct step LEVEL_TABLE[LEVEL_STATES][EVENTS] = {
    [IDLE] =
        {
            [BEGIN] = {REGISTERING, CALL_EPOLL_CTL},
            [ARMED] = {WAITING, CALL_EPOLL_WAIT},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [REGISTERING] =
        {
            [ARMED] = {WAITING, CALL_EPOLL_WAIT},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [WAITING] =
        {
            [READY] = {RECEIVING, CALL_RECV_NOWAIT},
            [TIMED_OUT] = {WAITING, CALL_EPOLL_WAIT},
            [INTERRUPTED] = {WAITING, CALL_EPOLL_WAIT},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [RECEIVING] =
        {
            [NOT_READY] = {WAITING, CALL_EPOLL_WAIT},
            [INTERRUPTED] = {RECEIVING, CALL_RECV_NOWAIT},
            [COPIED] = {IDLE, NO_CALL},
            [ENDED] = {AT_END, NO_CALL},
            [FAILED] = {BROKEN, NO_CALL},
        },
};

const struct machine epoll_machine = {"epoll", LEVEL_STATES, IDLE, STATE, LEVEL_TABLE};

// Edge-triggered: only what is new is told, so there is no wait before recv(2) has said NOT_READY.
// The descriptor is registered once. Then BEGIN receives, without a wait, what an earlier edge may
// have left; fewer bytes than there was room for say NOT_READY as well as EAGAIN does (epoll(7)),
// in IDLE. An edge that comes while the process does not want to read is not lost: BEGIN receives
// first. Who has received enough for now changes the registration, although nothing is different:
// that is ARMED anew, and told again.
static const struct step EDGE_TABLE[EDGE_STATES][EVENTS] = {
    [UNREGISTERED] =
        {
            [BEGIN] = {REGISTERING, CALL_EPOLL_CTL},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [REGISTERING] =
        {
            [ARMED] = {WAITING, CALL_EPOLL_WAIT},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [WAITING] =
        {
            [READY] = {RECEIVING, CALL_RECV_NOWAIT},
            [TIMED_OUT] = {WAITING, CALL_EPOLL_WAIT},
            [INTERRUPTED] = {WAITING, CALL_EPOLL_WAIT},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [RECEIVING] =
        {
            [NOT_READY] = {WAITING, CALL_EPOLL_WAIT},
            [INTERRUPTED] = {RECEIVING, CALL_RECV_NOWAIT},
            [COPIED] = {IDLE, NO_CALL},
            [ENDED] = {AT_END, NO_CALL},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [IDLE] =
        {
            [BEGIN] = {RECEIVING, CALL_RECV_NOWAIT},
            [ARMED] = {WAITING, CALL_EPOLL_WAIT},
            [READY] = {IDLE, NO_CALL},
            [NOT_READY] = {WAITING, CALL_EPOLL_WAIT},
            [FAILED] = {BROKEN, NO_CALL},
        },
};

const struct machine epoll_edge_machine = {"epoll-edge", EDGE_STATES, UNREGISTERED, STATE,
                                           EDGE_TABLE};

// ---- the drivers

enum { BATCH = 512 };  // events that one wait takes

static int set;  // the kernel's
static struct pollux_epoll_event told[BATCH];

static bool control(int op, int fd, uint32_t events) {
  struct pollux_epoll_event event = {.events = events, .data = (uint64_t)fd};
  errno = pollux_epoll_ctl(set, op, fd, &event);
  return errno == 0;
}

static enum call level_advance(struct connection *connection, enum event event) {
  return machine_advance(&epoll_machine, &connection->operation, event);
}

static enum call edge_advance(struct connection *connection, enum event event) {
  return machine_advance(&epoll_edge_machine, &connection->operation, event);
}

// ---- level-triggered

// Has the kernel watch the sets that the connection is in now, or lets it go.
static void level_settle(struct server *server, int fd, uint8_t before) {
  struct connection *connection = &server->connections[fd];
  uint8_t sets = server_sets(connection);
  if (sets != 0) {
    if (sets == before) return;
    bool begins = (sets & INPUTS) && !(before & INPUTS);
    if (begins) level_advance(connection, BEGIN);
    uint32_t events = (sets & INPUTS ? POLLUX_EPOLLIN : 0) | (sets & OUTPUTS ? POLLUX_EPOLLOUT : 0);
    if (control(before == 0 ? POLLUX_EPOLL_CTL_ADD : POLLUX_EPOLL_CTL_MOD, fd, events)) {
      if (begins) level_advance(connection, ARMED);
      return;
    }
  }
  server_close(server, fd);
}

static void level_receive(struct server *server, int fd) {
  struct connection *connection = &server->connections[fd];
  enum call call = level_advance(connection, READY);
  while (call == CALL_RECV_NOWAIT) call = level_advance(connection, server_receive(server, fd));
  if (call == NO_CALL && (server_sets(connection) & INPUTS)) level_advance(connection, ARMED);
}

static void level_turn(struct server *server, int fd, uint32_t events) {
  struct connection *connection = &server->connections[fd];
  uint8_t before = server_sets(connection);
  if (events & POLLUX_EPOLLERR) {
    server_enter(server, fd, FAILED);
  } else {
    if ((before & OUTPUTS) && (events & (POLLUX_EPOLLOUT | POLLUX_EPOLLHUP)))
      server_send(server, fd);
    uint8_t inputs = before & server_sets(connection) & INPUTS;
    if (inputs && (events & (POLLUX_EPOLLIN | POLLUX_EPOLLHUP))) level_receive(server, fd);
  }
  level_settle(server, fd, before);
}

// ---- edge-triggered

static const uint32_t EDGES = POLLUX_EPOLLIN | POLLUX_EPOLLOUT | POLLUX_EPOLLRDHUP | POLLUX_EPOLLET;
static const uint32_t HANGUP = POLLUX_EPOLLRDHUP | POLLUX_EPOLLHUP;

// Receives until nothing is left, or the server wants no more. The end comes with the last bytes in
// one edge, if it was there when the edge was told: then only the receive after them tells it.
static void edge_receive(struct server *server, int fd, uint32_t events) {
  struct connection *connection = &server->connections[fd];
  enum call call = edge_advance(connection, connection->operation == IDLE ? BEGIN : READY);
  for (int i = 0; call == CALL_RECV_NOWAIT; i++) {
    call = edge_advance(connection, server_receive(server, fd));
    if (call != NO_CALL || !(server_sets(connection) & INPUTS)) continue;
    if (server->exhausted && !(events & HANGUP)) {
      call = edge_advance(connection, NOT_READY);
    } else if (i < RECEIVE_BURST || !control(POLLUX_EPOLL_CTL_MOD, fd, EDGES)) {
      call = edge_advance(connection, BEGIN);
    } else {
      call = edge_advance(connection, ARMED);
    }
  }
}

static void edge_turn(struct server *server, int fd, uint32_t events) {
  struct connection *connection = &server->connections[fd];
  if (events & POLLUX_EPOLLERR) {
    server_enter(server, fd, FAILED);
  } else {
    if ((server_sets(connection) & OUTPUTS) && (events & (POLLUX_EPOLLOUT | POLLUX_EPOLLHUP)))
      server_send(server, fd);
    bool due = connection->operation == IDLE || (events & (POLLUX_EPOLLIN | HANGUP));
    if (due && (server_sets(connection) & INPUTS)) edge_receive(server, fd, events);
  }
  if (server_sets(connection) == 0) server_close(server, fd);
}

// ---- both

static void begin(struct server *server, int fd, bool edge) {
  struct connection *connection = &server->connections[fd];
  if (!edge) {
    level_settle(server, fd, 0);
  } else if (server_sets(connection) != 0 && control(POLLUX_EPOLL_CTL_ADD, fd, EDGES)) {
    edge_advance(connection, BEGIN);
    edge_advance(connection, ARMED);
  } else {
    server_close(server, fd);
  }
}

static void listener_turn(struct server *server, int listener, bool edge) {
  for (int i = 0; i < ACCEPT_BURST; i++) {
    int fd = server_accept(server, listener);
    if (fd < 0) return;
    begin(server, fd, edge);
  }
}

static void listeners_turn(struct server *server, bool edge) {
  for (uint32_t i = 0; i < server->listener_count; i++)
    listener_turn(server, server->listeners[i], edge);
}

// Listeners are level-triggered in any case, for they are not always accepted from until nobody is
// left; while they are paused nothing is told of them.
static void listeners_settle(struct server *server) {
  static bool listening = true;
  bool listen = !server_paused(server);
  if (listen == listening) return;
  listening = listen;
  for (uint32_t i = 0; i < server->listener_count; i++) {
    if (!control(POLLUX_EPOLL_CTL_MOD, server->listeners[i], listen ? POLLUX_EPOLLIN : 0))
      server_fatal(server, "epoll_ctl");
  }
}

// Not inlined: an engine that compiles in tiers replaces a function when it is called next, and the
// one with the loop is called once.
__attribute__((noinline)) static void turn(struct server *server, bool edge) {
  listeners_settle(server);
  uint32_t count = 0;
  errno = pollux_epoll_wait(set, told, BATCH, server_timeout_ns(server), &count);
  if (errno != 0 && errno != EINTR) server_fatal(server, "epoll_wait");
  bool clients = false;
  for (uint32_t i = 0; i < count; i++) {
    int fd = (int)told[i].data;
    if ((uint32_t)fd >= server->capacity || server->connections[fd].state == 0) {
      clients = true;  // accepted when closed connections have given their descriptors back
    } else if (edge) {
      edge_turn(server, fd, told[i].events);
    } else {
      level_turn(server, fd, told[i].events);
    }
  }
  if (clients) listeners_turn(server, edge);
}

static void serve(struct server *server, bool edge) {
  errno = pollux_epoll_create(&set);
  if (errno != 0) server_fatal(server, "epoll_create");
  for (uint32_t i = 0; i < server->listener_count; i++) {
    if (!control(POLLUX_EPOLL_CTL_ADD, server->listeners[i], POLLUX_EPOLLIN))
      server_fatal(server, "epoll_ctl");
  }
  for (uint32_t fd = 0; fd < server->capacity; fd++) {
    if (server->connections[fd].state != 0) begin(server, (int)fd, edge);
  }
  while (server_serving(server)) turn(server, edge);
}

static void level_serve(struct server *server) { serve(server, false); }
static void edge_serve(struct server *server) { serve(server, true); }

const struct model epoll_model = {&epoll_machine, false, level_serve};
const struct model epoll_edge_model = {&epoll_edge_machine, false, edge_serve};
