// A canary. Its bug: when send() takes only a part, it forgets the rest.
#include "poll.h"

static void send_once(int fd) {
  send(fd, clients[fd].owed, clients[fd].length, 0);
  clients[fd].length = 0;
}

int main(void) { return serve((struct steps){.send = BUG ? send_once : send_owed}); }
