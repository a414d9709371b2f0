// The client: prints what the server greets it with, sends line after line of its standard input,
// and prints what comes back. It has the one connection that it was handed, and opens no other.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <wasi/api.h>

enum {
  FIRST_FD = 3,        // after stdin, stdout, stderr
  LINE_BYTES = 65536,  // a longer line goes in pieces, so that both ends can hold one
  GREETING_MS = 1000,  // a server that says nothing for so long does not greet
  REST_MS = 200,       // for the rest of an answer that is shorter than what was sent
  EXIT_NO_CONNECTION = 2,
};

static char bytes[LINE_BYTES];

static void say(const char *sentence, int code) {
  fflush(stdout);
  fprintf(stderr, "client: %s\n", sentence);
  exit(code);
}

static int connection_find(void) {
  __wasi_fdstat_t stat;
  for (int fd = FIRST_FD; __wasi_fd_fdstat_get(fd, &stat) != __WASI_ERRNO_BADF; fd++) {
    bool stream = stat.fs_filetype == __WASI_FILETYPE_SOCKET_STREAM;
    if (stream && !(stat.fs_rights_base & __WASI_RIGHTS_SOCK_ACCEPT)) return fd;
  }
  say("no connection was handed over.", EXIT_NO_CONNECTION);
  return -1;
}

static bool comes_within(int fd, int timeout_ms) {
  struct pollfd answer = {.fd = fd, .events = POLLIN};
  int ready;
  do {
    ready = poll(&answer, 1, timeout_ms);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

static size_t print_some(int fd) {
  ssize_t received;
  do {
    received = recv(fd, bytes, sizeof bytes, 0);
  } while (received < 0 && errno == EINTR);
  if (received <= 0) say("the server is gone.", 1);
  fwrite(bytes, 1, (size_t)received, stdout);
  return (size_t)received;
}

// An answer has no end mark: it is what comes at once, and at least, if it comes soon, as much as
// was sent.
static void print_answer(int fd, size_t sent) {
  size_t received = print_some(fd);
  while (received < sent && comes_within(fd, REST_MS)) received += print_some(fd);
  putchar('\n');
}

static void send_all(int fd, size_t length) {
  for (size_t sent = 0; sent < length;) {
    ssize_t some = send(fd, bytes + sent, length - sent, 0);
    if (some < 0 && errno != EINTR) say("the server is gone.", 1);
    if (some > 0) sent += (size_t)some;
  }
}

// The next line that is not empty, without its end: its length, or 0 if there is none.
static size_t prompt(void) {
  for (;;) {
    fputs(">>>:", stdout);
    fflush(stdout);
    if (fgets(bytes, sizeof bytes, stdin) == NULL) return 0;
    size_t length = strcspn(bytes, "\r\n");
    if (length > 0) return length;
  }
}

int main(void) {
  int fd = connection_find();
  if (fcntl(fd, F_SETFL, 0) != 0) say(strerror(errno), 1);
  if (comes_within(fd, GREETING_MS)) print_answer(fd, 0);
  for (size_t length; (length = prompt()) > 0;) {
    if (length == 1 && bytes[0] == 'q') break;
    send_all(fd, length);
    print_answer(fd, length);
  }
}
