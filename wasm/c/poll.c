// Multiplexing with poll(2): the process waits for many descriptors in one call, then receives.
#include "machine.h"

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
