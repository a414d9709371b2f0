// A counter that outlives crashes of its machine. It tells whoever connects at descriptor 4 what it
// has, and answers each next number when that is on the disk of /data: as a record of a log, and
// now and then as a snapshot, which is renamed into place. FORGET is a mask of the syncs that its
// twins forget.
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef FORGET
#define FORGET 0
#endif
enum { FORGET_LOG = 1, FORGET_SNAPSHOT = 2, FORGET_DIRECTORY = 4 };
enum { LISTENER = 4, MOST_RECORDS = 8, CHECK = 0x5a5a5a5a, PATIENCE_US = 1000 };

struct record {
  uint32_t value, check;
};

static int records_fd = -1;
static int records;
static uint32_t counter;

static bool is_synced(int fd, int forgotten) { return FORGET & forgotten || fsync(fd) == 0; }

static bool is_directory_synced(void) {
  int fd = open("/data", O_RDONLY | O_DIRECTORY);
  if (fd < 0) return false;
  bool synced = is_synced(fd, FORGET_DIRECTORY);
  return close(fd) == 0 && synced;
}

static bool is_written(int fd, off_t offset) {
  struct record record = {counter, counter ^ CHECK};
  for (size_t at = 0; at < sizeof record;) {
    ssize_t written = pwrite(fd, (char *)&record + at, sizeof record - at, offset + (off_t)at);
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) at += (size_t)written;
  }
  return true;
}

// False if the disk fails. `value` stays as it is if there is no whole record.
static bool is_read(int fd, off_t offset, uint32_t *value, bool *whole) {
  struct record record = {0};
  size_t at = 0;
  for (;;) {
    ssize_t length = pread(fd, (char *)&record + at, sizeof record - at, offset + (off_t)at);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return false;
    at += (size_t)length;
    if (length == 0 || at == sizeof record) break;
  }
  *whole = at == sizeof record && record.check == (record.value ^ CHECK);
  if (*whole && record.value > *value) *value = record.value;
  return true;
}

static bool is_compacted(void) {
  int fd = open("/data/snapshot.tmp", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) return false;
  bool written = is_written(fd, 0) && is_synced(fd, FORGET_SNAPSHOT);
  if (close(fd) != 0 || !written) return false;
  if (rename("/data/snapshot.tmp", "/data/snapshot") != 0 || !is_directory_synced()) return false;
  if (ftruncate(records_fd, 0) != 0) return false;
  records = 0;
  return true;
}

// A disk that failed to sync says no more what is on it: so all is written anew.
static void compact(void) {
  while (!is_compacted()) usleep(PATIENCE_US);
}

static bool is_recovered(void) {
  bool whole = true;
  uint32_t value = 0;
  int fd = open("/data/snapshot", O_RDONLY);
  if (fd < 0 && errno != ENOENT) return false;
  if (fd >= 0) {
    bool read = is_read(fd, 0, &value, &whole);
    close(fd);
    if (!read) return false;
  }
  if (records_fd < 0) records_fd = open("/data/log", O_RDWR | O_CREAT, 0644);
  if (records_fd < 0) return false;
  for (off_t at = 0; whole; at += sizeof(struct record))
    if (!is_read(records_fd, at, &value, &whole)) return false;
  counter = value;
  return true;
}

static void count(void) {
  counter++;
  off_t at = (off_t)(records * sizeof(struct record));
  if (records == MOST_RECORDS || !is_written(records_fd, at) || !is_synced(records_fd, FORGET_LOG))
    compact();
  else
    records++;
}

static bool is_sent(int client, uint32_t value) {
  for (size_t at = 0; at < sizeof value;) {
    ssize_t sent = send(client, (char *)&value + at, sizeof value - at, 0);
    if (sent < 0 && errno != EINTR) return false;
    if (sent > 0) at += (size_t)sent;
  }
  return true;
}

static bool is_received(int client, uint32_t *value) {
  for (size_t at = 0; at < sizeof *value;) {
    ssize_t length = recv(client, (char *)value + at, sizeof *value - at, 0);
    if (length == 0 || (length < 0 && errno != EINTR)) return false;
    if (length > 0) at += (size_t)length;
  }
  return true;
}

static void serve(int client) {
  uint32_t value;
  if (!is_sent(client, counter)) return;
  while (is_received(client, &value)) {
    if (value == counter + 1) count();
    if (!is_sent(client, counter)) return;
  }
}

int main(void) {
  while (!is_recovered()) usleep(PATIENCE_US);
  // Some of it may not be on the disk yet, and it is told.
  compact();
  for (;;) {
    int client = accept(LISTENER, NULL, NULL);
    if (client < 0) {
      usleep(PATIENCE_US);
      continue;
    }
    serve(client);
    close(client);
  }
}
