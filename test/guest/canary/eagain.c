// A canary. Its bug: it closes a client of which recv() or send() says EAGAIN.
#include "poll.h"

static bool never(int error) {
  (void)error;
  return false;
}

int main(void) { return serve((struct steps){.passes = BUG ? never : passes}); }
