// The server: one connection of it is a machine.
#include "machine.h"

// A connection is READING while nothing is owed to its client. What it RECEIVED is QUEUED and sent;
// what cannot be sent yet waits, and more is read behind it, until the queue is FILLED: then the
// connection is WRITING, and does not read before the queue is DRAINED, so that a client that does
// not read is not read from. (What was on its way when the queue filled still comes, where receives
// are asynchronous.) When the client has shut down, it is HALF_CLOSED, until all that is owed is
// sent. NOT_READY says that nothing could be received, or sent: the connection stays where it is.
// Whatever FAILED ends this connection, and no other.
//
// In which of the three sets a connection is waited for follows from its state.
enum { OPEN = 1, READING, QUEUED, WRITING, HALF_CLOSED, CLOSED, STATES };

static const struct state STATE[STATES] = {
    [PROTOCOL_ERROR] = {.name = "PROTOCOL_ERROR", .final = true},
    [OPEN] = {.name = "OPEN", .sets = EXCEPTIONAL},
    [READING] = {.name = "READING", .sets = INPUTS | EXCEPTIONAL},
    [QUEUED] = {.name = "QUEUED", .sets = INPUTS | OUTPUTS | EXCEPTIONAL},
    [WRITING] = {.name = "WRITING", .sets = OUTPUTS | EXCEPTIONAL},
    [HALF_CLOSED] = {.name = "HALF_CLOSED", .sets = OUTPUTS | EXCEPTIONAL},
    [CLOSED] = {.name = "CLOSED", .final = true},
};

static const struct step TABLE[STATES][EVENTS] = {
    [OPEN] =
        {
            [BEGIN] = {READING, NO_CALL},
            [GREETED] = {QUEUED, CALL_SEND},
            [FAILED] = {CLOSED, CALL_CLOSE},
        },
    [READING] =
        {
            [RECEIVED] = {QUEUED, CALL_SEND},
            [FILLED] = {WRITING, CALL_SEND},
            [NOT_READY] = {READING, NO_CALL},
            [ENDED] = {CLOSED, CALL_CLOSE},
            [FAILED] = {CLOSED, CALL_CLOSE},
        },
    [QUEUED] =
        {
            [RECEIVED] = {QUEUED, NO_CALL},
            [FILLED] = {WRITING, NO_CALL},
            [SENT] = {QUEUED, NO_CALL},
            [NOT_READY] = {QUEUED, NO_CALL},
            [DRAINED] = {READING, NO_CALL},
            [ENDED] = {HALF_CLOSED, NO_CALL},
            [FAILED] = {CLOSED, CALL_CLOSE},
        },
    [WRITING] =
        {
            [RECEIVED] = {WRITING, NO_CALL},
            [FILLED] = {WRITING, NO_CALL},
            [SENT] = {WRITING, NO_CALL},
            [NOT_READY] = {WRITING, NO_CALL},
            [DRAINED] = {READING, NO_CALL},
            [ENDED] = {HALF_CLOSED, NO_CALL},
            [FAILED] = {CLOSED, CALL_CLOSE},
        },
    [HALF_CLOSED] =
        {
            [SENT] = {HALF_CLOSED, NO_CALL},
            [NOT_READY] = {HALF_CLOSED, NO_CALL},
            [DRAINED] = {CLOSED, CALL_CLOSE},
            [FAILED] = {CLOSED, CALL_CLOSE},
        },
};

const struct machine server_machine = {"server", STATES, OPEN, STATE, TABLE};
