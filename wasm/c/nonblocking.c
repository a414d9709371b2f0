// Non-blocking I/O: the process asks again and again, and is busy with asking.
#include "machine.h"

// In the phase WAIT the process runs: recv(2) says NOT_READY and returns at once, and there is
// nothing to do but to call it again. Only the call that finds the data blocks, for as long as the
// copy takes.
enum { IDLE = 1, TRYING, COPYING, AT_END, BROKEN, STATES };

static const struct state STATE[STATES] = {
    [PROTOCOL_ERROR] = {.name = "PROTOCOL_ERROR", .final = true},
    [IDLE] = {.name = "IDLE"},
    [TRYING] = {.name = "TRYING", .phase = WAIT, .process = RUNNING},
    [COPYING] = {.name = "COPYING", .phase = COPY, .process = BLOCKED},
    [AT_END] = {.name = "AT_END", .final = true},
    [BROKEN] = {.name = "BROKEN", .final = true},
};

static const struct step TABLE[STATES][EVENTS] = {
    [IDLE] =
        {
            [BEGIN] = {TRYING, CALL_RECV_NOWAIT},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [TRYING] =
        {
            [READY] = {COPYING, NO_CALL},
            [NOT_READY] = {TRYING, CALL_RECV_NOWAIT},
            [INTERRUPTED] = {TRYING, CALL_RECV_NOWAIT},
            [ENDED] = {AT_END, NO_CALL},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [COPYING] =
        {
            [COPIED] = {IDLE, NO_CALL},
            [FAILED] = {BROKEN, NO_CALL},
        },
};

const struct machine nonblocking_machine = {"nonblocking", STATES, IDLE, STATE, TABLE};
