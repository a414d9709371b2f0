// An echo server on select(), for the first listening socket that it finds; it refuses what does
// not fit into an fd_set.
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wasi/api.h>

enum { BYTES = 4096 };

// pending[sent..length) is what the client is still owed; it is read from only when that is
// nothing.
struct client {
  bool open;
  int sent, length;
  char pending[BYTES];
};

static struct client clients[FD_SETSIZE];
static int highest;

static int listener_find(void) {
  __wasi_fdstat_t stat;
  for (int fd = 3; __wasi_fd_fdstat_get(fd, &stat) != __WASI_ERRNO_BADF; fd++) {
    bool stream = stat.fs_filetype == __WASI_FILETYPE_SOCKET_STREAM;
    if (stream && (stat.fs_rights_base & __WASI_RIGHTS_SOCK_ACCEPT)) return fd;
  }
  return -1;
}

static void client_close(int fd) {
  close(fd);
  clients[fd].open = false;
}

static void client_open(int listener) {
  int fd = accept(listener, NULL, NULL);
  if (fd < 0) {
    if (errno != EAGAIN) perror("accept");
    return;
  }
  // One descriptor of the set is the listener's.
  if (fd >= FD_SETSIZE - 1 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
    close(fd);
    return;
  }
  clients[fd].open = true;
  clients[fd].sent = clients[fd].length = 0;
  if (fd > highest) highest = fd;
}

static void client_write(int fd) {
  struct client *client = &clients[fd];
  ssize_t sent = write(fd, client->pending + client->sent, (size_t)(client->length - client->sent));
  if (sent < 0) {
    if (errno != EAGAIN) client_close(fd);
    return;
  }
  client->sent += (int)sent;
}

static void client_read(int fd) {
  struct client *client = &clients[fd];
  ssize_t length = read(fd, client->pending, BYTES);
  if (length < 0 && errno == EAGAIN) return;
  if (length <= 0) {
    client_close(fd);
    return;
  }
  client->sent = 0;
  client->length = (int)length;
  client_write(fd);
}

static int turn(int listener) {
  static fd_set readable, writable;
  FD_ZERO(&readable);
  FD_ZERO(&writable);
  FD_SET(listener, &readable);
  for (int fd = 0; fd <= highest; fd++) {
    if (!clients[fd].open) continue;
    if (clients[fd].sent < clients[fd].length) {
      FD_SET(fd, &writable);
    } else {
      FD_SET(fd, &readable);
    }
  }
  struct timeval timeout = {.tv_sec = 1, .tv_usec = 500000};
  int ready = select(highest + 1, &readable, &writable, NULL, &timeout);
  if (ready < 0) {
    perror("select");
    return -1;
  }
  for (int fd = 0; ready > 0 && fd <= highest; fd++) {
    if (!clients[fd].open) continue;
    if (FD_ISSET(fd, &writable)) client_write(fd);
    if (FD_ISSET(fd, &readable)) client_read(fd);
  }
  if (FD_ISSET(listener, &readable)) client_open(listener);
  return 0;
}

int main(void) {
  int listener = listener_find();
  if (listener < 0) {
    fputs("select: no listening socket was handed over.\n", stderr);
    return 2;
  }
  highest = listener;
  while (turn(listener) == 0) {
  }
  return 1;
}
