// A canary. Its bug: of the two receives that it has in flight for each client it assumes that they
// complete in the order in which they were submitted.
#include "async.h"

enum { SLOTS = 2, SLOT_BYTES = 64 };

// Of each client: which receives are in flight, which one is expected next, and what the other one
// has brought already.
static struct {
  bool flying[SLOTS];
  uint8_t next;
  bool early[SLOTS];
  int result[SLOTS];
  char bytes[SLOTS][SLOT_BYTES];
} receives[CLIENTS];

static struct pollux_completion completions[BATCH];
static char buffer[2 * POLLUX_RECV_BYTES];

// There is room for what all of them may bring.
static void receive(int fd) {
  struct client *client = &clients[fd];
  for (uint64_t slot = 0; slot < SLOTS; slot++) {
    uint32_t room = ROOM - client->length - client->receiving * SLOT_BYTES;
    if (client->ended || receives[fd].flying[slot] || room < SLOT_BYTES) continue;
    receives[fd].flying[slot] = true;
    client->receiving++;
    gather((struct pollux_operation){.userdata = slot << 32 | (uint32_t)fd,
                                     .opcode = POLLUX_RECV,
                                     .fd = fd,
                                     .length = SLOT_BYTES});
  }
}

// What one of them brought.
static void take(int fd, int slot, int result, const char *bytes) {
  struct client *client = &clients[fd];
  receives[fd].flying[slot] = false;
  client->receiving--;
  if (result > 0) {
    memcpy(client->owed + client->length, bytes, (size_t)result);
    client->length += (uint32_t)result;
  } else if (!again(result)) {
    client->ended = true;
  }
}

static void take_in_order(int fd, int slot, int result, const char *bytes) {
  receives[fd].early[slot] = true;
  receives[fd].result[slot] = result;
  if (result > 0) memcpy(receives[fd].bytes[slot], bytes, (size_t)result);
  for (int next; next = receives[fd].next, receives[fd].early[next];) {
    receives[fd].early[next] = false;
    receives[fd].next = (uint8_t)((next + 1) % SLOTS);
    take(fd, next, receives[fd].result[next], receives[fd].bytes[next]);
  }
}

static void look(const struct pollux_completion *completion) {
  int fd = (int)(uint32_t)completion->userdata;
  int slot = (int)(completion->userdata >> 32);
  if (completion->opcode == POLLUX_ACCEPT) {
    fd = accepted(completion);
    if (fd >= 0) memset(&receives[fd], 0, sizeof receives[fd]);
  } else if (completion->opcode == POLLUX_RECV) {
    (BUG ? take_in_order : take)(fd, slot, completion->result, buffer + completion->offset);
  } else {
    sent(fd, completion->result);
  }
  if (fd < 0) return;
  receive(fd);
  send_owed(fd);
  finish(fd);
}

int main(void) {
  for (;;) {
    submit();
    uint32_t reaped = reap(completions, buffer, sizeof buffer, 1, timeout_ns());
    paused = false;
    for (uint32_t i = 0; i < reaped; i++) look(&completions[i]);
  }
}
