// The echo server: sends every byte back to the client it came from, in one of the I/O models
// (-DMODEL=poll_model, and so on); what it refuses is in server.h.
//
// A command serves in main(). A reactor (-DREACTOR) exports turn(), which the host calls from its
// own event loop.
#include "server.h"

static const struct protocol ECHO = {
    .name = "echo",
    .greeting = "",
    .suffix = "",
    .timeout_ns = -1,
};
static struct server server;

#ifdef REACTOR

// Runs in _initialize.
__attribute__((constructor)) static void start(void) {
  server_start(&server, &ECHO, &MODEL);
  poll_start(&server);
}

// 0: call again when something that was polled for is ready. 1: call again at once, for what is
// polled for has changed.
__attribute__((export_name("turn"))) int reactor_turn(void) { return poll_turn(&server); }

#else

int main(void) {
  server_start(&server, &ECHO, &MODEL);
  MODEL.serve(&server);
}

#endif
