// Blocking I/O: the process sleeps in recv(2) until the data has come and is copied.
#include "machine.h"

// One call, in which the process is blocked in both phases. It sees neither begin nor end of them:
// that the data was READY it learns when the call returns, together with what was COPIED. An end
// and an error come in place of the data, and there is nothing to copy. A call that a signal
// INTERRUPTED is made again. NOT_READY cannot happen.
enum { IDLE = 1, WAITING, COPYING, AT_END, BROKEN, STATES };

static const struct state STATE[STATES] = {
    [PROTOCOL_ERROR] = {.name = "PROTOCOL_ERROR", .final = true},
    [IDLE] = {.name = "IDLE"},
    [WAITING] = {.name = "WAITING", .phase = WAIT, .process = BLOCKED},
    [COPYING] = {.name = "COPYING", .phase = COPY, .process = BLOCKED},
    [AT_END] = {.name = "AT_END", .final = true},
    [BROKEN] = {.name = "BROKEN", .final = true},
};

static const struct step TABLE[STATES][EVENTS] = {
    [IDLE] =
        {
            [BEGIN] = {WAITING, CALL_RECV},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [WAITING] =
        {
            [READY] = {COPYING, NO_CALL},
            [INTERRUPTED] = {WAITING, CALL_RECV},
            [ENDED] = {AT_END, NO_CALL},
            [FAILED] = {BROKEN, NO_CALL},
        },
    [COPYING] =
        {
            [COPIED] = {IDLE, NO_CALL},
            [FAILED] = {BROKEN, NO_CALL},
        },
};

const struct machine blocking_machine = {"blocking", STATES, IDLE, STATE, TABLE};
