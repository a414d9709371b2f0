// A canary. Its bug: it gives its buffer back to the host too early. Before it looks at what it
// reaped, it waits a little for more, and takes that into the same bytes.
#include "async.h"

enum { MORE_NS = 100000 };

static struct pollux_completion completions[2 * BATCH];
static char buffer[2][2 * POLLUX_RECV_BYTES];

static void receive(int fd) {
  struct client *client = &clients[fd];
  uint32_t room = ROOM - client->length;
  if (client->ended || client->receiving > 0 || room == 0) return;
  client->receiving = 1;
  gather((struct pollux_operation){
      .userdata = (uint32_t)fd, .opcode = POLLUX_RECV, .fd = fd, .length = room});
}

static void received(int fd, int result, const char *bytes) {
  struct client *client = &clients[fd];
  client->receiving = 0;
  if (result > 0) {
    memcpy(client->owed + client->length, bytes, (size_t)result);
    client->length += (uint32_t)result;
  } else if (!again(result)) {
    client->ended = true;
  }
}

static void look(const struct pollux_completion *completion, const char *from) {
  int fd = (int)completion->userdata;
  if (completion->opcode == POLLUX_ACCEPT) fd = accepted(completion);
  if (completion->opcode == POLLUX_RECV)
    received(fd, completion->result, from + completion->offset);
  if (completion->opcode == POLLUX_SEND) sent(fd, completion->result);
  if (fd < 0) return;
  receive(fd);
  send_owed(fd);
  finish(fd);
}

int main(void) {
  for (;;) {
    submit();
    char *second = buffer[BUG ? 0 : 1];
    uint32_t first = reap(completions, buffer[0], sizeof buffer[0], 1, timeout_ns());
    paused = false;
    uint32_t more = reap(completions + first, second, sizeof buffer[0], 1, MORE_NS);
    for (uint32_t i = 0; i < first; i++) look(&completions[i], buffer[0]);
    for (uint32_t i = first; i < first + more; i++) look(&completions[i], second);
  }
}
