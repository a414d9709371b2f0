// Signal-driven I/O: the process works on, until a signal tells it that it may receive.
#include "machine.h"

// In the phase WAIT the process is free: it works, and if it has nothing else to do and wants the
// data now (BEGIN), it waits for a signal, any signal, which is no call on the descriptor. A signal
// is like an edge: one may stand for many messages, and what was there before it was armed tells
// nothing. So recv(2) is called as soon as it is ARMED, and again until it says NOT_READY; fewer
// bytes than there was room for say so as well, in IDLE. Signals that were lost (OVERFLOWED) may
// have been for this descriptor. In the phase COPY the process is blocked: this is synchronous I/O.
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
