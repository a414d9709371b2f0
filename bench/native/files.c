/* What files cost: large ones in pieces, and many small ones. Compiled for Linux and for WASI, so
 * that all that differs is who is asked. Everything is done twice, in the same way, and measured
 * the second time: before each phase, a line that names it goes to standard output, and a line is
 * read from standard input. Between the two, nothing happens.
 * usage: files FOLDER MIB COUNT */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES 65536
#define SMALL_BYTES 1024

static char piece[PIECE_BYTES];
static const char *folder;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void pause_before(const char *phase) {
  char answer[2];
  size_t length = strlen(phase);
  if (write(1, phase, length) != (ssize_t)length || read(0, answer, 1) != 1) exit(1);
}

static const char *named(const char *name, int number) {
  static char path[256];
  snprintf(path, sizeof path, "%s/%s%d", folder, name, number);
  return path;
}

static int opened(const char *path, int flags) {
  int fd = open(path, flags, 0666);
  if (fd < 0) fail(path);
  return fd;
}

static void write_large(long pieces) {
  int fd = opened(named("large", 0), O_WRONLY | O_CREAT | O_TRUNC);
  for (long i = 0; i < pieces; i++)
    if (write(fd, piece, PIECE_BYTES) != PIECE_BYTES) fail("write");
  close(fd);
}

static void read_large(long pieces) {
  int fd = opened(named("large", 0), O_RDONLY);
  for (long i = 0; i < pieces; i++)
    if (read(fd, piece, PIECE_BYTES) != PIECE_BYTES) fail("read");
  close(fd);
}

static void create_small(int count) {
  for (int i = 0; i < count; i++) {
    int fd = opened(named("small", i), O_WRONLY | O_CREAT | O_EXCL);
    if (write(fd, piece, SMALL_BYTES) != SMALL_BYTES) fail("write");
    close(fd);
  }
}

static void stat_small(int count) {
  struct stat stat_of;
  for (int i = 0; i < count; i++)
    if (stat(named("small", i), &stat_of) < 0 || stat_of.st_size != SMALL_BYTES) fail("stat");
}

static void read_small(int count) {
  for (int i = 0; i < count; i++) {
    int fd = opened(named("small", i), O_RDONLY);
    if (read(fd, piece, PIECE_BYTES) != SMALL_BYTES) fail("read");
    close(fd);
  }
}

static void list_small(int count) {
  DIR *directory = opendir(folder);
  if (directory == NULL) fail(folder);
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
    if (strncmp(entry->d_name, "small", 5) == 0) count--;
  closedir(directory);
  if (count != 0) fail("readdir");
}

static void unlink_small(int count) {
  for (int i = 0; i < count; i++)
    if (unlink(named("small", i)) < 0) fail("unlink");
}

/* Each is announced before it begins. */
static void phases(long pieces, int count) {
  pause_before("write\n");
  write_large(pieces);
  pause_before("read\n");
  read_large(pieces);
  pause_before("create\n");
  create_small(count);
  pause_before("stat\n");
  stat_small(count);
  pause_before("open\n");
  read_small(count);
  pause_before("list\n");
  list_small(count);
  pause_before("unlink\n");
  unlink_small(count);
  pause_before("end\n");
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  folder = argv[1];
  long pieces = atol(argv[2]) * (1048576 / PIECE_BYTES);
  int count = atoi(argv[3]);
  phases(pieces, count); /* files of new memory, and code that is not compiled yet */
  phases(pieces, count);
  return 0;
}
