// A canary. Its bug: when it has no descriptor for another client it asks for one again and again,
// for the listener stays ready.
#include "poll.h"

static void try_again(void) {}

int main(void) { return serve((struct steps){.refuse = BUG ? try_again : pause_listener}); }
