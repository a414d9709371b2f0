// Multiplexing with epoll(7): the kernel keeps the set, and a wait costs what is ready, not what is
// watched.
#include "machine.h"

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
