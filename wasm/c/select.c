// Multiplexing with select(2): the process waits for many descriptors in one call, then receives.
#include "machine.h"

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
