// Asynchronous I/O: the process says what it wants, works on, and is told when it has it.
#include "machine.h"

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
