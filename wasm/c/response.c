// The server that responds: greets every client with `ok`, and answers every message with the
// message followed by `response`, in one of the I/O models (-DMODEL=poll_model, and so on). A
// message is what one receive brings. What it refuses is in server.h.
#include "server.h"

static const struct protocol RESPONSE = {
    .name = "response",
    .greeting = "ok",
    .suffix = "response",
    .timeout_ns = 1000000000,
};

int main(void) {
  static struct server server;
  server_start(&server, &RESPONSE, &MODEL);
  MODEL.serve(&server);
}
