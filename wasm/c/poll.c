// Multiplexing with poll(2): the process waits for many descriptors in one call, then receives.
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "server.h"

// As select(2), but the set is a list, and has no limit: the process is blocked in poll(2), with
// POLLIN in the entry of this descriptor. READY is a hint: recv(2) may still say NOT_READY, so it
// is called with O_NONBLOCK, and the wait begins again. Nothing is asked for between COPIED and
// BEGIN: that is how a server stops reading.
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
            [BEGIN] = {WAITING, CALL_POLL},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [WAITING] =
        {
            [READY] = {RECEIVING, CALL_RECV_NOWAIT},
            [TIMED_OUT] = {WAITING, CALL_POLL},
            [INTERRUPTED] = {WAITING, CALL_POLL},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [RECEIVING] =
        {
            [NOT_READY] = {WAITING, CALL_POLL},
            [INTERRUPTED] = {RECEIVING, CALL_RECV_NOWAIT},
            [COPIED] = {IDLE, NO_CALL},
            [ENDED] = {AT_END, NO_CALL},
            [FAILED] = {BROKEN, NO_CALL},
        },
};

const struct machine poll_machine = {"poll", STATES, IDLE, STATE, TABLE};

// ---- the driver

enum { TURNS_PER_LOOK = 8 };  // turns for the recent connections alone before all are looked at

// The first slots are the listeners. Slots have no holes, and the array goes to poll() as it is, so
// that an idle connection costs 8 bytes and no work here.
//
// The slots below `recent` are the listeners and the connections that were served lately. They are
// polled alone: to poll for everybody costs the more the more clients are idle, and is done every
// TURNS_PER_LOOK turns and whenever the recent ones are quiet.
static struct pollfd *polls;
static uint32_t recent, slots, capacity;
static int turns;     // since the last look at all connections
static bool changed;  // in this turn what we poll for became different

enum { SERVED = 1 };  // a connection's note: since the last look at all of them

static void slot_swap(uint32_t a, uint32_t b) {
  struct pollfd poll = polls[a];
  polls[a] = polls[b];
  polls[b] = poll;
}

static bool slot_add(int fd) {
  if (slots == capacity) {
    uint32_t larger = capacity == 0 ? 64 : capacity * 2;
    struct pollfd *more = realloc(polls, larger * sizeof *polls);
    if (more == NULL) return false;
    polls = more;
    capacity = larger;
  }
  polls[slots] = (struct pollfd){.fd = fd, .events = POLLIN};
  slot_swap(slots++, recent++);
  changed = true;
  return true;
}

static void slot_remove(uint32_t slot) {
  if (slot < recent) {
    polls[slot] = polls[--recent];
    slot = recent;
  }
  polls[slot] = polls[--slots];
  changed = true;
}

// After a look at everybody: who is ready joins the recent ones.
static void slots_promote(void) {
  for (uint32_t slot = recent; slot < slots; slot++) {
    if (polls[slot].revents != 0) slot_swap(slot, recent++);
  }
}

// Who was not served since the last look, and is not ready, leaves them.
static void slots_demote(struct server *server) {
  for (uint32_t slot = recent; slot > server->listener_count;) {
    struct connection *connection = &server->connections[polls[--slot].fd];
    if (!(connection->notes & SERVED) && polls[slot].revents == 0) slot_swap(slot, --recent);
    connection->notes = 0;
  }
}

static enum call advance(struct connection *connection, enum event event) {
  return machine_advance(&poll_machine, &connection->operation, event);
}

// Waits in the sets that the connection is in now, or lets it go.
static void slot_settle(struct server *server, uint32_t slot, uint8_t before) {
  int fd = polls[slot].fd;
  struct connection *connection = &server->connections[fd];
  uint8_t sets = server_sets(connection);
  if (sets == 0) {
    slot_remove(slot);
    server_close(server, fd);
    return;
  }
  if (sets == before) return;
  short events = (short)((sets & INPUTS ? POLLIN : 0) | (sets & OUTPUTS ? POLLOUT : 0));
  polls[slot].events = events;
  if ((sets & INPUTS) && !(before & INPUTS)) advance(connection, BEGIN);
  changed = true;
}

static void receive(struct server *server, int fd) {
  struct connection *connection = &server->connections[fd];
  enum call call = advance(connection, READY);
  while (call == CALL_RECV_NOWAIT) call = advance(connection, server_receive(server, fd));
  if (call == NO_CALL && (server_sets(connection) & INPUTS)) advance(connection, BEGIN);
}

// POLLHUP comes with a half-close too, and wasi-libc takes POLLOUT away when it is there: whatever
// the state allows is tried.
static void connection_turn(struct server *server, uint32_t slot) {
  int fd = polls[slot].fd;
  struct connection *connection = &server->connections[fd];
  short ready = polls[slot].revents;
  uint8_t before = server_sets(connection);
  connection->notes = SERVED;
  if (ready & (POLLERR | POLLNVAL)) {
    server_enter(server, fd, FAILED);
  } else {
    if ((before & OUTPUTS) && (ready & (POLLOUT | POLLHUP))) server_send(server, fd);
    uint8_t inputs = before & server_sets(connection) & INPUTS;
    if (inputs && (ready & (POLLIN | POLLHUP))) receive(server, fd);
  }
  slot_settle(server, slot, before);
}

static void listener_turn(struct server *server, int listener) {
  for (int i = 0; i < ACCEPT_BURST; i++) {
    int fd = server_accept(server, listener);
    if (fd < 0) return;
    if (!slot_add(fd)) {
      server_close(server, fd);
      server_pause(server);
      return;
    }
    slot_settle(server, recent - 1, 0);
  }
}

static int poll_slots(struct server *server, uint32_t first, uint32_t end, int timeout) {
  int ready = poll(polls + first, end - first, timeout);
  if (ready < 0 && errno != EINTR) server_fatal(server, "poll");
  return ready;
}

// Polls for the recent slots, or for all; afterwards whoever is ready is among the recent ones.
static int look(struct server *server, uint32_t first, int timeout) {
  bool all = recent == slots;
  bool due = ++turns >= TURNS_PER_LOOK;
  int ready = 0;
  if (all || !due) ready = poll_slots(server, first, recent, all ? timeout : 0);
  if (ready == 0 && !all) {
    ready = poll_slots(server, first, slots, timeout);
    slots_promote();
  }
  if (due) {
    slots_demote(server);
    turns = 0;
  }
  return ready;
}

static int timeout_ms(const struct server *server) {
  int64_t timeout = server_timeout_ns(server);
  return timeout < 0 ? -1 : (int)((timeout + 999999) / 1000000);
}

void poll_start(struct server *server) {
  for (uint32_t i = 0; i < server->listener_count; i++) {
    if (!slot_add(server->listeners[i])) server_fatal(server, "realloc");
  }
  for (uint32_t fd = 0; fd < server->capacity; fd++) {
    if (server->connections[fd].state == 0) continue;
    if (!slot_add((int)fd)) server_fatal(server, "realloc");
    slot_settle(server, recent - 1, 0);
  }
}

// One pass: poll, then serve what is ready. Slots are served from the last to the first: a closed
// one is replaced by one that was served already, and the listeners come at the end, when closed
// connections have given their descriptors back.
//
// Not inlined: an engine that compiles in tiers replaces a function when it is called next, and the
// one with the loop is called once.
__attribute__((noinline)) int poll_turn(struct server *server) {
  changed = false;
  bool was_paused = server->paused;
  uint32_t first = server_paused(server) ? server->listener_count : 0;
  int ready = look(server, first, timeout_ms(server));
  for (uint32_t slot = recent; ready > 0 && slot > first;) {
    slot--;
    if (polls[slot].revents == 0) continue;
    ready--;
    if (slot >= server->listener_count) {
      connection_turn(server, slot);
    } else {
      listener_turn(server, polls[slot].fd);
    }
  }
  return changed || server->paused != was_paused;
}

static void poll_serve(struct server *server) {
  poll_start(server);
  while (server_serving(server)) poll_turn(server);
}

const struct model poll_model = {&poll_machine, false, poll_serve};
