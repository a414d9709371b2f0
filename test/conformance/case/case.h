// What the cases share: a function of preview1 is called, and its errno is compared. A case gets a
// copy of fixture.dir as "/", which is descriptor 3 and has file.txt in it.
#ifndef CASE_H
#define CASE_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wasi/api.h>

#define ROOT 3
#define CLOSED 99
#define FILE_BYTES 8
#define ALL_RIGHTS ((1 << 30) - 1)

#define FAULT_AT 0xfffffff0u // the last bytes of an address space that no guest here has

static int failed;

static void expect(int wanted, int found, const char *call, int line) {
  if (wanted == found) return;
  fprintf(stderr, "line %d: %s answers %d, and shall answer %d\n", line, call, found, wanted);
  failed = 1;
}

/// The call answers this errno.
#define EXPECT(name, call) expect(__WASI_ERRNO_##name, (call), #call, __LINE__)
#define EXPECT_TRUE(condition) expect(1, (condition) != 0, #condition, __LINE__)

/// A function as the module imports it: pointers and lengths are what the case says.
#define IMPORT(name) \
  __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))

#define ADDRESS(pointer) ((int32_t)(intptr_t)(pointer))

/// Opens with rights of its own; what it opened, or -1.
static inline int open_with(int dir, const char *path, int oflags, uint64_t rights,
                            uint64_t inheriting) {
  __wasi_fd_t fd;
  int error = __wasi_path_open(dir, 0, path, oflags, rights, inheriting, 0, &fd);
  expect(0, error, path, __LINE__);
  return error == 0 ? (int)fd : -1;
}

/// A directory's rights and those that it hands on.
static inline __wasi_fdstat_t fdstat(int fd) {
  __wasi_fdstat_t stat;
  memset(&stat, 0, sizeof stat);
  expect(0, __wasi_fd_fdstat_get(fd, &stat), "fd_fdstat_get", __LINE__);
  return stat;
}

/// The file of the fixture, with all rights that it may have.
static inline int open_file(void) {
  return open_with(ROOT, "file.txt", 0, fdstat(ROOT).fs_rights_inheriting, 0);
}

/// The file, or a directory, with no right at all.
static inline int open_powerless(const char *path) { return open_with(ROOT, path, 0, 0, 0); }

/// What a file holds.
static inline int holds(const char *path, const char *text) {
  char bytes[256];
  __wasi_iovec_t iov = {(uint8_t *)bytes, sizeof bytes};
  __wasi_size_t length = 0;
  int fd = open_with(ROOT, path, 0, __WASI_RIGHTS_FD_READ, 0);
  if (fd < 0 || __wasi_fd_read(fd, &iov, 1, &length) != 0) return 0;
  expect(0, __wasi_fd_close(fd), "fd_close", __LINE__);
  return length == strlen(text) && memcmp(bytes, text, length) == 0;
}

/// A call with a path.
typedef int32_t (*with_path)(int32_t fd, const char *path, int32_t length);

/// What every function answers to a path that leads nowhere, or out of the directory.
static inline void expect_path_faults(with_path call) {
  static char too_long[5000];
  memset(too_long, 'a', sizeof too_long);
  int file = open_file();
  int powerless = open_powerless(".");
  expect(0, __wasi_path_symlink("loop", ROOT, "loop"), "path_symlink", __LINE__);
  expect(0, __wasi_path_symlink("../..", ROOT, "out"), "path_symlink", __LINE__);
  EXPECT(BADF, call(CLOSED, "name", 4));
  EXPECT(BADF, call(-1, "name", 4));
  EXPECT(NOTDIR, call(file, "name", 4));
  EXPECT(NOTCAPABLE, call(powerless, "name", 4));
  EXPECT(FAULT, call(ROOT, (const char *)FAULT_AT, 32));
  EXPECT(FAULT, call(ROOT, "name", -1));
  EXPECT(NAMETOOLONG, call(ROOT, too_long, 256));
  EXPECT(NAMETOOLONG, call(ROOT, too_long, sizeof too_long));
  EXPECT(ILSEQ, call(ROOT, "na\xffme", 5));
  EXPECT(ILSEQ, call(ROOT, "\xc0\xaf", 2));
  EXPECT(ILSEQ, call(ROOT, "\xed\xa0\x80", 3));
  EXPECT(ILSEQ, call(ROOT, "na\xe2\x82", 4));
  EXPECT(INVAL, call(ROOT, "na\0me", 5));
  EXPECT(NOENT, call(ROOT, "", 0));
  EXPECT(NOENT, call(ROOT, "missing/name", 12));
  EXPECT(NOTDIR, call(ROOT, "file.txt/name", 13));
  EXPECT(LOOP, call(ROOT, "loop/name", 9));
  EXPECT(PERM, call(ROOT, "../name", 7));
  EXPECT(PERM, call(ROOT, "/name", 5));
  EXPECT(PERM, call(ROOT, "out/name", 8));
  EXPECT(SUCCESS, __wasi_fd_close(file));
  EXPECT(SUCCESS, __wasi_fd_close(powerless));
  EXPECT(SUCCESS, __wasi_path_unlink_file(ROOT, "loop"));
  EXPECT(SUCCESS, __wasi_path_unlink_file(ROOT, "out"));
}

#endif
