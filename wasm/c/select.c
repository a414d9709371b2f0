// Multiplexing with select(2): the process waits for many descriptors in one call, then receives.
#include <errno.h>
#include <stdio.h>
#include <sys/select.h>

#include "server.h"

// The process is blocked in select(2), with this descriptor in `inputs`, which it hands over anew
// with every call. READY is a hint: recv(2) may still say NOT_READY (another process was faster, or
// a checksum was wrong), so it is called with O_NONBLOCK, and the wait begins again. Nothing is
// asked for between COPIED and BEGIN: that is how a server stops reading.
enum { IDLE = 1, WAITING, RECEIVING, AT_END, BROKEN, STATES };

static const struct state STATE[STATES] = {
    [PROTOCOL_ERROR] = {.name = "PROTOCOL_ERROR", .final = true},
    [IDLE] = {.name = "IDLE"},
    [WAITING] = {.name = "WAITING", .phase = WAIT, .process = BLOCKED},
    [RECEIVING] = {.name = "RECEIVING", .phase = COPY, .process = BLOCKED},
    [AT_END] = {.name = "AT_END", .final = true},
    [BROKEN] = {.name = "BROKEN", .final = true},
};

static const struct step TABLE[STATES][EVENTS] = {
    [IDLE] =
        {
            [BEGIN] = {WAITING, CALL_SELECT},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [WAITING] =
        {
            [READY] = {RECEIVING, CALL_RECV_NOWAIT},
            [TIMED_OUT] = {WAITING, CALL_SELECT},
            [INTERRUPTED] = {WAITING, CALL_SELECT},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [RECEIVING] =
        {
            [NOT_READY] = {WAITING, CALL_SELECT},
            [INTERRUPTED] = {RECEIVING, CALL_RECV_NOWAIT},
            [COPIED] = {IDLE, NO_CALL},
            [ENDED] = {AT_END, NO_CALL},
            [FAILED] = {BROKEN, NO_CALL},
        },
};

const struct machine select_machine = {"select", STATES, IDLE, STATE, TABLE};

// ---- the driver

// What is asked for; a call gets copies, for it overwrites them. `exceptional` is not asked for:
// select() of wasi-libc refuses it, and tells of an error by both others.
static fd_set inputs, outputs;
static int highest = -1;
static uint32_t watched;
static bool crowded;  // that no more can be watched was said

static enum call advance(struct connection *connection, enum event event) {
  return machine_advance(&select_machine, &connection->operation, event);
}

static void watch(fd_set *set, int fd, bool on) {
  if (on) {
    FD_SET(fd, set);
  } else {
    FD_CLR(fd, set);
  }
}

static void watch_more(int fd) {
  watched++;
  if (fd > highest) highest = fd;
}

// Waits in the sets that the connection is in now, or lets it go.
static void settle(struct server *server, int fd, uint8_t before) {
  uint8_t sets = server_sets(&server->connections[fd]);
  if ((sets ^ before) & INPUTS) watch(&inputs, fd, sets & INPUTS);
  if ((sets ^ before) & OUTPUTS) watch(&outputs, fd, sets & OUTPUTS);
  if ((sets & INPUTS) && !(before & INPUTS)) advance(&server->connections[fd], BEGIN);
  if (sets != 0) return;
  watched--;
  server_close(server, fd);
}

static void begin(struct server *server, int fd) {
  watch_more(fd);
  settle(server, fd, 0);
}

static void receive(struct server *server, int fd) {
  struct connection *connection = &server->connections[fd];
  enum call call = advance(connection, READY);
  while (call == CALL_RECV_NOWAIT) call = advance(connection, server_receive(server, fd));
  if (call == NO_CALL && (server_sets(connection) & INPUTS)) advance(connection, BEGIN);
}

static void connection_turn(struct server *server, int fd, bool input, bool output) {
  struct connection *connection = &server->connections[fd];
  uint8_t before = server_sets(connection);
  if (output) server_send(server, fd);
  if (input && (server_sets(connection) & INPUTS)) receive(server, fd);
  settle(server, fd, before);
}

static void listener_turn(struct server *server, int listener) {
  for (int i = 0; i < ACCEPT_BURST && watched < FD_SETSIZE; i++) {
    int fd = server_accept(server, listener);
    if (fd < 0) return;
    begin(server, fd);
  }
}

// While no more can be watched, or the host has no more, the listeners are in no set.
static void listeners_settle(struct server *server) {
  static bool listening;
  bool full = watched == FD_SETSIZE;
  if (full && !crowded) {
    fprintf(stderr, "%s: select() watches %d descriptors: further clients wait.\n",
            server->protocol->name, FD_SETSIZE);
    crowded = true;
  }
  bool listen = !full && !server_paused(server);
  if (listen == listening) return;
  listening = listen;
  for (uint32_t i = 0; i < server->listener_count; i++)
    watch(&inputs, server->listeners[i], listen);
}

// Not inlined: an engine that compiles in tiers replaces a function when it is called next, and the
// one with the loop is called once.
__attribute__((noinline)) static void turn(struct server *server) {
  listeners_settle(server);
  fd_set readable = inputs, writable = outputs;
  int64_t left = server_timeout_ns(server);
  struct timeval timeout = {.tv_sec = left / 1000000000, .tv_usec = left % 1000000000 / 1000};
  int ready = select(highest + 1, &readable, &writable, NULL, left < 0 ? NULL : &timeout);
  if (ready < 0 && errno != EINTR) server_fatal(server, "select");
  for (int fd = 0; ready > 0 && fd <= highest && (uint32_t)fd < server->capacity; fd++) {
    if (server->connections[fd].state == 0) continue;
    bool input = FD_ISSET(fd, &readable), output = FD_ISSET(fd, &writable);
    ready -= input + output;
    if (input || output) connection_turn(server, fd, input, output);
  }
  for (uint32_t i = 0; ready > 0 && i < server->listener_count; i++) {
    if (FD_ISSET(server->listeners[i], &readable)) listener_turn(server, server->listeners[i]);
  }
}

static void select_serve(struct server *server) {
  if (server->listener_count + server->open > FD_SETSIZE) {
    errno = EMFILE;
    server_fatal(server, "select");
  }
  for (uint32_t i = 0; i < server->listener_count; i++) watch_more(server->listeners[i]);
  for (uint32_t fd = 0; fd < server->capacity; fd++) {
    if (server->connections[fd].state != 0) begin(server, (int)fd);
  }
  while (server_serving(server)) turn(server);
}

const struct model select_model = {&select_machine, false, select_serve};
