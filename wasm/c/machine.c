// What can be said of every machine from its table alone.
#include "machine.h"

const char *const event_names[EVENTS] = {
    [BEGIN] = "BEGIN",
    [READY] = "READY",
    [NOT_READY] = "NOT_READY",
    [TIMED_OUT] = "TIMED_OUT",
    [INTERRUPTED] = "INTERRUPTED",
    [SIGNALLED] = "SIGNALLED",
    [OVERFLOWED] = "OVERFLOWED",
    [ARMED] = "ARMED",
    [COPIED] = "COPIED",
    [ENDED] = "ENDED",
    [FAILED] = "FAILED",
    [GREETED] = "GREETED",
    [RECEIVED] = "RECEIVED",
    [FILLED] = "FILLED",
    [SENT] = "SENT",
    [DRAINED] = "DRAINED",
};

const char *const call_names[CALLS] = {
    [NO_CALL] = "NO_CALL",
    [CALL_RECV] = "RECV",
    [CALL_RECV_NOWAIT] = "RECV_NOWAIT",
    [CALL_SELECT] = "SELECT",
    [CALL_POLL] = "POLL",
    [CALL_EPOLL_CTL] = "EPOLL_CTL",
    [CALL_EPOLL_WAIT] = "EPOLL_WAIT",
    [CALL_SIGNAL_ARM] = "SIGNAL_ARM",
    [CALL_SIGNAL_WAIT] = "SIGNAL_WAIT",
    [CALL_SUBMIT] = "SUBMIT",
    [CALL_REAP] = "REAP",
    [CALL_WORK] = "WORK",
    [CALL_SEND] = "SEND",
    [CALL_CLOSE] = "CLOSE",
};

const struct machine *const machines[MACHINES] = {
    &blocking_machine,   &nonblocking_machine, &select_machine, &poll_machine,   &epoll_machine,
    &epoll_edge_machine, &signal_machine,      &async_machine,  &server_machine,
};

// The states, a bit each, that some sequence of events leads to.
static uint32_t reachable(const struct machine *machine) {
  uint32_t reached = 1u << machine->initial;
  for (uint32_t before = 0; before != reached;) {
    before = reached;
    for (uint8_t state = 0; state < machine->states; state++) {
      if (!(before >> state & 1)) continue;
      for (int event = 0; event < EVENTS; event++) {
        reached |= 1u << machine_step(machine, state, event).state;
      }
    }
  }
  return reached;
}

enum class machine_class(const struct machine *machine) {
  uint32_t reached = reachable(machine);
  for (uint8_t i = 0; i < machine->states; i++) {
    const struct state *state = &machine->state[i];
    if ((reached >> i & 1) && state->phase == COPY && state->process == BLOCKED) return SYNCHRONOUS;
  }
  return ASYNCHRONOUS;
}
