// Asynchronous I/O: the process says what it wants, works on, and is told when it has it.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pollux.h"
#include "server.h"

// The process is blocked in neither phase: it submits the operation, and is free until it is told
// of the completion, by when the data is there (READY) and copied (COPIED) already. If it has
// nothing else to do and wants the data now (BEGIN), it waits for completions, any completions.
// After COPIED a multishot operation goes on by itself: it is still ARMED. Any other is submitted
// anew, by BEGIN, and so is one that is over without data (NOT_READY: it was cancelled).
enum { IDLE = 1, SUBMITTED, TRANSFERRING, AT_END, BROKEN, STATES };

static const struct state STATE[STATES] = {
    [PROTOCOL_ERROR] = {.name = "PROTOCOL_ERROR", .final = true},
    [IDLE] = {.name = "IDLE"},
    [SUBMITTED] = {.name = "SUBMITTED", .phase = WAIT, .process = RUNNING},
    [TRANSFERRING] = {.name = "TRANSFERRING", .phase = COPY, .process = RUNNING},
    [AT_END] = {.name = "AT_END", .final = true},
    [BROKEN] = {.name = "BROKEN", .final = true},
};

static const struct step TABLE[STATES][EVENTS] = {
    [IDLE] =
        {
            [BEGIN] = {SUBMITTED, CALL_SUBMIT},
            [ARMED] = {SUBMITTED, CALL_WORK},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [SUBMITTED] =
        {
            [ARMED] = {SUBMITTED, CALL_WORK},
            [BEGIN] = {SUBMITTED, CALL_REAP},
            [TIMED_OUT] = {SUBMITTED, CALL_REAP},
            [INTERRUPTED] = {SUBMITTED, CALL_REAP},
            [NOT_READY] = {IDLE, NO_CALL},
            [READY] = {TRANSFERRING, NO_CALL},
            [ENDED] = {AT_END, NO_CALL},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [TRANSFERRING] =
        {
            [COPIED] = {IDLE, NO_CALL},
            [FAILED] = {BROKEN, NO_CALL},
        },
};

const struct machine async_machine = {"async", STATES, IDLE, STATE, TABLE};

// ---- the driver

enum { BATCH = 512, BUFFER_BYTES = 32 * POLLUX_RECV_BYTES };  // what one reap brings at most

enum { RETRY_NS = 1000000 };  // when the host did not take all operations

// A connection's notes: what is in flight, and that it was cancelled. A receive that is not wanted
// any more is cancelled, and its last completion is waited for; a descriptor is closed when nothing
// of it is in flight, so that no completion is ever of an earlier connection of the same number.
enum { RECEIVE = 1, SEND = 2, CANCEL = 4, END = 8 };

static struct pollux_completion completions[BATCH];
static char buffer[BUFFER_BYTES];
// Gathered in a turn, and submitted together at its end.
static struct pollux_operation *operations;
static uint32_t gathered, capacity;
static bool *accepting;  // by the number of the listener: an accept is in flight

static enum call advance(struct connection *connection, enum event event) {
  return machine_advance(&async_machine, &connection->operation, event);
}

static uint64_t name_of(enum pollux_opcode opcode, int fd) {
  return (uint64_t)opcode << 32 | (uint32_t)fd;
}

static void gather(struct server *server, struct pollux_operation operation) {
  if (gathered == capacity) {
    uint32_t larger = capacity == 0 ? BATCH : capacity * 2;
    struct pollux_operation *more = realloc(operations, larger * sizeof *more);
    if (more == NULL) server_fatal(server, "realloc");
    operations = more;
    capacity = larger;
  }
  operations[gathered++] = operation;
}

static void gather_cancel(struct server *server, enum pollux_opcode opcode, int fd) {
  gather(server, (struct pollux_operation){
                     .opcode = POLLUX_CANCEL, .fd = fd, .argument = name_of(opcode, fd)});
}

// Where the queues lie is known when nothing is appended to them any more. What the host does not
// take now, for too much is in flight, it is given again next time.
static void submit(struct server *server) {
  for (uint32_t i = 0; i < gathered; i++) {
    struct pollux_operation *operation = &operations[i];
    if (operation->opcode != POLLUX_SEND) continue;
    const struct queue *queue = server->connections[operation->fd].queue;
    operation->bytes = queue->bytes + queue->head;
    operation->length = queue->tail - queue->head;
  }
  uint32_t accepted = 0;
  if (gathered > 0) errno = pollux_submit(operations, gathered, &accepted);
  if (gathered > 0 && errno != 0) server_fatal(server, "submit");
  gathered -= accepted;
  if (gathered > 0) memmove(operations, operations + accepted, gathered * sizeof *operations);
}

// Cancels what is in flight, and closes when nothing is.
static void end(struct server *server, int fd) {
  struct connection *connection = &server->connections[fd];
  if (!(connection->notes & (RECEIVE | SEND))) {
    gather(server, (struct pollux_operation){
                       .userdata = name_of(POLLUX_CLOSE, fd), .opcode = POLLUX_CLOSE, .fd = fd});
    server_forget(server, fd);
    return;
  }
  if (connection->notes & END) return;
  if (connection->notes & RECEIVE) gather_cancel(server, POLLUX_RECV, fd);
  if (connection->notes & SEND) gather_cancel(server, POLLUX_SEND, fd);
  connection->notes |= END;
}

// Has in flight what belongs to the sets that the connection is in now. One send at a time: two may
// overtake each other.
static void settle(struct server *server, int fd) {
  struct connection *connection = &server->connections[fd];
  uint8_t sets = server_sets(connection);
  if (sets == 0) {
    end(server, fd);
    return;
  }
  if ((sets & OUTPUTS) && !(connection->notes & SEND)) {
    connection->notes |= SEND;
    gather(server, (struct pollux_operation){
                       .userdata = name_of(POLLUX_SEND, fd), .opcode = POLLUX_SEND, .fd = fd});
  }
  if ((sets & INPUTS) && connection->operation == IDLE &&
      advance(connection, BEGIN) == CALL_SUBMIT) {
    connection->notes |= RECEIVE;
    gather(server, (struct pollux_operation){.userdata = name_of(POLLUX_RECV, fd),
                                             .opcode = POLLUX_RECV,
                                             .flags = POLLUX_MULTISHOT,
                                             .fd = fd});
    advance(connection, ARMED);
  } else if (!(sets & INPUTS) && (connection->notes & (RECEIVE | CANCEL)) == RECEIVE) {
    connection->notes |= CANCEL;
    gather_cancel(server, POLLUX_RECV, fd);
  }
}

static bool again(int result) {
  return result == -ECANCELED || result == -ENOBUFS || result == -EAGAIN || result == -EINTR;
}

// A connection that is over already is not told anything more.
static void received(struct server *server, int fd, const struct pollux_completion *completion) {
  struct connection *connection = &server->connections[fd];
  bool more = completion->flags & POLLUX_MORE;
  bool over = server_sets(connection) == 0;
  int result = completion->result;
  if (!more) connection->notes &= ~(RECEIVE | CANCEL);
  if (result > 0) {
    advance(connection, READY);
    if (!over) server_received(server, fd, buffer + completion->offset, (uint32_t)result);
    advance(connection, COPIED);
    if (more) advance(connection, ARMED);
  } else {
    enum event event = result == 0 ? ENDED : again(result) ? NOT_READY : FAILED;
    advance(connection, event);
    if (!over) server_enter(server, fd, event);
  }
  settle(server, fd);
}

static void sent(struct server *server, int fd, int result) {
  struct connection *connection = &server->connections[fd];
  connection->notes &= ~SEND;
  if (server_sets(connection) != 0) {
    if (result >= 0) {
      server_sent(server, fd, (uint32_t)result);
    } else {
      server_enter(server, fd, again(result) ? NOT_READY : FAILED);
    }
  }
  settle(server, fd);
}

static void accepted(struct server *server, const struct pollux_completion *completion) {
  int fd = completion->result;
  if (!(completion->flags & POLLUX_MORE)) accepting[completion->userdata] = false;
  if (fd < 0) {
    if (!again(fd) || fd == -ENOBUFS) server_refused(server, -fd);
  } else if (server_add(server, fd)) {
    settle(server, fd);
  } else {
    close(fd);
    server_pause(server);
  }
}

static void accept_more(struct server *server) {
  for (uint32_t i = 0; i < server->listener_count; i++) {
    if (accepting[i]) continue;
    accepting[i] = true;
    gather(server, (struct pollux_operation){.userdata = i,
                                             .opcode = POLLUX_ACCEPT,
                                             .flags = POLLUX_MULTISHOT,
                                             .fd = server->listeners[i]});
  }
}

// Not inlined: an engine that compiles in tiers replaces a function when it is called next, and the
// one with the loop is called once.
__attribute__((noinline)) static void turn(struct server *server) {
  if (!server_paused(server)) accept_more(server);
  submit(server);
  uint32_t count = 0;
  int64_t timeout = gathered > 0 ? RETRY_NS : server_timeout_ns(server);
  errno = pollux_reap(completions, BATCH, buffer, sizeof buffer, 1, timeout, &count);
  if (errno != 0 && errno != EINTR) server_fatal(server, "reap");
  for (uint32_t i = 0; i < count; i++) {
    const struct pollux_completion *completion = &completions[i];
    int fd = (int)(uint32_t)completion->userdata;
    switch (completion->opcode) {
    case POLLUX_RECV:
      received(server, fd, completion);
      break;
    case POLLUX_SEND:
      sent(server, fd, completion->result);
      break;
    case POLLUX_ACCEPT:
      accepted(server, completion);
      break;
    default:
      break;  // CLOSE, CANCEL: what they did is told by the completion of their target
    }
  }
}

static void async_serve(struct server *server) {
  accepting = calloc(server->listener_count + 1, sizeof *accepting);
  if (accepting == NULL) server_fatal(server, "calloc");
  for (uint32_t fd = 0; fd < server->capacity; fd++) {
    if (server->connections[fd].state != 0) settle(server, (int)fd);
  }
  while (server_serving(server)) turn(server);
  submit(server);
}

const struct model async_model = {&async_machine, false, async_serve};
