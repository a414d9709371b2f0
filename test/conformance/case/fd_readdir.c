// What is in a directory, also in small pieces and while it changes; cookies fit into a long.
#include "case.h"

int32_t raw(int32_t fd, int32_t buffer, int32_t length, int64_t cookie, int32_t used)
    IMPORT(fd_readdir);

#define MANY 300

static uint8_t seen[MANY];
static int dots;
static uint64_t longest;

/// Reads on from a cookie; the next one, or 0 at the end.
static uint64_t read_some(int dir, uint64_t cookie, unsigned bytes) {
  static uint8_t buffer[4096];
  __wasi_size_t used;
  EXPECT(SUCCESS, __wasi_fd_readdir(dir, buffer, bytes, cookie, &used));
  unsigned at = 0;
  while (at + sizeof(__wasi_dirent_t) <= used) {
    __wasi_dirent_t entry;
    memcpy(&entry, buffer + at, sizeof entry);
    if (at + sizeof entry + entry.d_namlen > used) break;
    char name[256] = {0};
    memcpy(name, buffer + at + sizeof entry, entry.d_namlen);
    int number;
    if (sscanf(name, "file-%d", &number) == 1 && number < MANY) seen[number]++;
    if (name[0] == '.') dots += entry.d_type == __WASI_FILETYPE_DIRECTORY;
    cookie = entry.d_next;
    if (cookie > longest) longest = cookie;
    at += sizeof entry + entry.d_namlen;
  }
  return used < bytes ? 0 : cookie;
}

int main(void) {
  char name[32];
  EXPECT(SUCCESS, __wasi_path_create_directory(ROOT, "many"));
  uint64_t all = fdstat(ROOT).fs_rights_inheriting;
  int dir = open_with(ROOT, "many", __WASI_OFLAGS_DIRECTORY, all & ~__WASI_RIGHTS_FD_WRITE, all);
  for (int i = 0; i < MANY; i++) {
    snprintf(name, sizeof name, "many/file-%d", i);
    EXPECT(SUCCESS, __wasi_fd_close(open_with(ROOT, name, __WASI_OFLAGS_CREAT, 0, 0)));
  }
  // Half of them go while the directory is read: no other is left out or told of twice.
  uint64_t cookie = read_some(dir, 0, 1000);
  for (int i = 0; i < MANY; i += 2) {
    snprintf(name, sizeof name, "many/file-%d", i);
    EXPECT(SUCCESS, __wasi_path_unlink_file(ROOT, name));
  }
  while (cookie != 0) cookie = read_some(dir, cookie, 300);
  for (int i = 1; i < MANY; i += 2) EXPECT_TRUE(seen[i] == 1);
  EXPECT_TRUE(dots == 2);
  EXPECT_TRUE(longest <= INT32_MAX);

  uint8_t buffer[64];
  __wasi_size_t used;
  EXPECT(SUCCESS, __wasi_fd_readdir(dir, buffer, 10, 0, &used));
  EXPECT_TRUE(used == 10);
  EXPECT(SUCCESS, __wasi_fd_readdir(dir, buffer, 0, 0, &used));
  EXPECT_TRUE(used == 0);
  EXPECT(INVAL, __wasi_fd_readdir(dir, buffer, 64, UINT64_MAX, &used)); // it was never told
  EXPECT(FAULT, raw(dir, FAULT_AT, 64, 0, ADDRESS(&used)));
  EXPECT(FAULT, raw(dir, ADDRESS(buffer), -1, 0, ADDRESS(&used)));
  EXPECT(FAULT, raw(dir, ADDRESS(buffer), 64, 0, -1));
  EXPECT(BADF, __wasi_fd_readdir(CLOSED, buffer, 64, 0, &used));
  EXPECT(NOTDIR, __wasi_fd_readdir(open_file(), buffer, 64, 0, &used));
  EXPECT(NOTDIR, __wasi_fd_readdir(0, buffer, 64, 0, &used));
  EXPECT(NOTCAPABLE, __wasi_fd_readdir(open_powerless("."), buffer, 64, 0, &used));
  return failed;
}
