// A canary. Its bug: it closes as soon as the client has shut down, and what the client is still
// owed is lost.
#include "poll.h"

int main(void) { return serve((struct steps){.end = BUG ? client_close : end_later}); }
