// State machines as tables: what an I/O model is, and what a server is. A machine does no I/O: who
// drives it issues the call that a step answers, and steps again with what came of it.
//
// One I/O operation has two phases. WAIT: until the data is there, in the kernel. COPY: from the
// kernel to the process. In each state of a model's machine an operation is in one phase or in
// none, and the process runs or is blocked. Whether the model is synchronous or asynchronous is not
// said anywhere: it follows (machine_class).
//
// Every pair of state and event has an answer: a transition, or PROTOCOL_ERROR, a state that
// nothing leaves.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum phase { NO_PHASE, WAIT, COPY };
enum process { RUNNING, BLOCKED };

// What can happen, in the vocabulary of all machines.
enum event {
  BEGIN,        // the process wants to read, and wants it now
  READY,        // the kernel: the data is there (the process may be blocked, and not see it)
  NOT_READY,    // EAGAIN, or what says as much: fewer bytes than there was room for
  TIMED_OUT,    // a wait ran out of time
  INTERRUPTED,  // EINTR
  SIGNALLED,    // a signal was taken that names this descriptor
  OVERFLOWED,   // signals were lost
  ARMED,        // a registration, or a submission, is in force
  COPIED,       // the data is in the process
  ENDED,        // the peer has shut down: 0 bytes
  FAILED,       // any other error
  // of the server's machine alone:
  GREETED,   // there is a greeting to send
  RECEIVED,  // a message is in the queue, which has room for another
  FILLED,    // a message is in the queue, which is full
  SENT,      // some bytes of the queue are gone
  DRAINED,   // the queue is empty
  EVENTS,
};

// What the process shall do next.
enum call {
  NO_CALL,           // nothing new: the call that it is in goes on, or it decides itself
  CALL_RECV,         // recv(2) that may block
  CALL_RECV_NOWAIT,  // recv(2) with O_NONBLOCK
  CALL_SELECT,
  CALL_POLL,
  CALL_EPOLL_CTL,
  CALL_EPOLL_WAIT,
  CALL_SIGNAL_ARM,  // F_SETOWN, F_SETSIG, O_ASYNC
  CALL_SIGNAL_WAIT,
  CALL_SUBMIT,
  CALL_REAP,
  CALL_WORK,  // anything but this operation: the process is free
  CALL_SEND,
  CALL_CLOSE,
  CALLS,
};

// Their names, for whoever reads a table as data.
extern const char *const event_names[EVENTS];
extern const char *const call_names[CALLS];

// What a state of the server's machine is waited for in: select(2)'s three sets.
enum { INPUTS = 1, OUTPUTS = 2, EXCEPTIONAL = 4 };

enum { PROTOCOL_ERROR = 0, MAX_STATES = 8 };

struct state {
  const char *name;
  uint8_t phase;    // enum phase
  uint8_t process;  // enum process
  uint8_t sets;     // of the server's machine
  bool final;       // nothing is expected to leave it
};

struct step {
  uint8_t state;  // PROTOCOL_ERROR where the table has nothing
  uint8_t call;   // enum call
};

struct machine {
  const char *name;
  uint8_t states;  // how many, PROTOCOL_ERROR, which is number 0, among them
  uint8_t initial;
  const struct state *state;
  const struct step (*table)[EVENTS];
};

extern const struct machine blocking_machine, nonblocking_machine, select_machine, poll_machine,
    epoll_machine, epoll_edge_machine, signal_machine, async_machine, server_machine;

// All of them, in that order.
enum { MACHINES = 9 };
extern const struct machine *const machines[MACHINES];

// `state` is one of the machine's.
static inline struct step machine_step(const struct machine *machine, uint8_t state,
                                       enum event event) {
  return machine->table[state][event];
}

// The same for whoever drives a machine: enters the next state, and answers the call. An event that
// the table has nothing for is the driver's mistake, and traps.
static inline enum call machine_advance(const struct machine *machine, uint8_t *state,
                                        enum event event) {
  struct step step = machine_step(machine, *state, event);
  if (__builtin_expect(step.state == PROTOCOL_ERROR, false)) __builtin_trap();
  *state = step.state;
  return step.call;
}

enum class { SYNCHRONOUS, ASYNCHRONOUS };
// POSIX.1, "Synchronous I/O Operation" and "Asynchronous I/O Operation": synchronous if the process
// is blocked until the operation is complete: here, if it is blocked in a state of the phase COPY
// that can be reached.
enum class machine_class(const struct machine *machine);
