// The server at work: what all I/O models have in common, so that they differ only in how they
// learn that they may go on. It refuses to open or connect to anything, and serves only the sockets
// that it was handed.
//
// A connection is a server machine, and the read operation on it a machine of the model. A driver
// of a model steps the latter, and calls the functions here, which step the former; then it looks
// in which sets the connection is, and waits for these. A connection that is in no set is over: the
// driver forgets it and calls server_close().
#pragma once

#include "machine.h"
#include "queue.h"

// Accepted in a row before those that are there are served again.
enum { ACCEPT_BURST = 1024 };
// Received in a row from one connection before the others are served again.
enum { RECEIVE_BURST = 16 };

struct protocol {
  const char *name;      // begins every sentence on stderr
  const char *greeting;  // what every client is sent first, or ""
  const char *suffix;    // what follows every message that is sent back, or ""
  int64_t timeout_ns;    // the longest wait, or -1
};

struct server;

// The machine of a model, and its driver, which serves until no listener and no connection is left.
struct model {
  const struct machine *machine;
  bool blocking;  // the sockets are in blocking mode
  void (*serve)(struct server *server);
};
extern const struct model blocking_model, nonblocking_model, select_model, poll_model, epoll_model,
    epoll_edge_model, signal_model, async_model;

struct connection {
  struct queue *queue;  // NULL while nothing is owed
  uint8_t state;        // of the server machine; 0: there is no connection of this descriptor
  uint8_t operation;    // state of the model's machine
  uint8_t notes;        // of the driver
};

struct server {
  const struct protocol *protocol;
  const struct machine *machine;  // of the model
  bool blocking;
  struct connection *connections;  // by descriptor; moves when one is added
  uint32_t capacity, open;
  int *listeners;
  uint32_t listener_count;
  uint32_t greeting_length, suffix_length;
  bool exhausted;        // the last receive brought fewer bytes than there was room for
  bool paused;           // the listeners are left alone
  int64_t resume_at_ns;  // until then, unless a connection closes first
};

// Takes what was handed over: listeners, and connections that somebody else has accepted. Exits
// with a sentence if there is neither.
void server_start(struct server *server, const struct protocol *protocol,
                  const struct model *model);

static inline bool server_serving(const struct server *server) {
  return server->open > 0 || server->listener_count > 0;
}

static inline uint8_t server_sets(const struct connection *connection) {
  return server_machine.state[connection->state].sets;
}

// Accepts one connection, and greets it: its descriptor, or -1 if there is none now. Listeners are
// paused when there is no room for another one.
int server_accept(struct server *server, int listener);
void server_pause(struct server *server);
// Ends the pause when it is over, and says whether it lasts.
bool server_paused(struct server *server);
// How long a wait may last, in nanoseconds, or -1.
int64_t server_timeout_ns(const struct server *server);

// Receives once, and sends it back as far as it goes: COPIED, or what came instead.
enum event server_receive(struct server *server, int fd);
// Sends once of what is owed, which must be something.
void server_send(struct server *server, int fd);
// Steps the connection's server machine: for what happens outside of these functions.
void server_enter(struct server *server, int fd, enum event event);
void server_close(struct server *server, int fd);

// The same for a model that is told what was done. A connection came: false if there is no room.
bool server_add(struct server *server, int fd);
// No connection came: pauses the listeners, exits with a sentence, or does nothing.
void server_refused(struct server *server, int error);
// Bytes came: queues them, and what follows a message.
void server_received(struct server *server, int fd, const char *bytes, uint32_t length);
// The first `length` bytes of what is owed were sent.
void server_sent(struct server *server, int fd, uint32_t length);
// The descriptor was, or will be, closed.
void server_forget(struct server *server, int fd);

// Prints a sentence about `errno` and exits.
_Noreturn void server_fatal(const struct server *server, const char *what);

// For an event loop of somebody else: what poll_model does, in pieces. A turn waits, serves what is
// ready, and answers 1 if what is polled for has changed.
void poll_start(struct server *server);
int poll_turn(struct server *server);
