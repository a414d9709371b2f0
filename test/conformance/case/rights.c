// Rights go from directory to directory, and are given up on the way.
#include "case.h"

#define SET_SIZE __WASI_RIGHTS_PATH_FILESTAT_SET_SIZE

static __wasi_fd_t opened;

/// A directory has what it had when it is opened anew, and only what was asked for.
static void reopen(void) {
  __wasi_fdstat_t root = fdstat(ROOT);
  int dir = __WASI_OFLAGS_DIRECTORY;
  uint64_t base = root.fs_rights_base, inheriting = root.fs_rights_inheriting;
  EXPECT(SUCCESS, __wasi_path_open(ROOT, 0, ".", dir, base, inheriting, 0, &opened));
  EXPECT_TRUE(fdstat(opened).fs_rights_base == base);
  EXPECT_TRUE(fdstat(opened).fs_rights_inheriting == inheriting);
  EXPECT(SUCCESS, __wasi_path_open(ROOT, 0, ".", 0, 0, 0, __WASI_FDFLAGS_NONBLOCK, &opened));
  EXPECT_TRUE(fdstat(opened).fs_rights_base == 0 && fdstat(opened).fs_rights_inheriting == 0);
  uint64_t reads = __WASI_RIGHTS_FD_READ, writes = __WASI_RIGHTS_FD_WRITE;
  EXPECT(SUCCESS, __wasi_path_open(ROOT, 0, ".", dir, reads, 0, 0, &opened));
  EXPECT(ISDIR, __wasi_path_open(ROOT, 0, ".", dir, reads | writes, 0, 0, &opened));
}

/// Who opened a directory for reading is not shown that it hands on the right to write.
static void read_directory(void) {
  uint64_t all = fdstat(ROOT).fs_rights_inheriting, writes = __WASI_RIGHTS_FD_WRITE;
  int dir = open_with(ROOT, ".", 0, all & ~writes, all);
  EXPECT_TRUE(fdstat(dir).fs_rights_inheriting == (all & ~writes));
  EXPECT(SUCCESS, __wasi_path_open(dir, 0, "file.txt", 0, writes, 0, 0, &opened));
  EXPECT(SUCCESS, __wasi_path_open(dir, 0, "file.txt", 0, all & ~writes, 0, 0, &opened));
  EXPECT_TRUE(fdstat(opened).fs_rights_base & writes);
  // What it gave up it has not.
  EXPECT(SUCCESS, __wasi_fd_fdstat_set_rights(dir, __WASI_RIGHTS_PATH_OPEN, all & ~writes));
  EXPECT(NOTCAPABLE, __wasi_path_open(dir, 0, "file.txt", 0, writes, 0, 0, &opened));
}

/// To cut a file off takes a right of the directory, and none of the file.
static void truncate(void) {
  uint64_t all = fdstat(ROOT).fs_rights_inheriting;
  int trunc = __WASI_OFLAGS_TRUNC;
  int dir = open_with(ROOT, ".", 0, __WASI_RIGHTS_PATH_OPEN | SET_SIZE, all);
  __wasi_fdstat_t stat = fdstat(dir);
  EXPECT(SUCCESS, __wasi_path_open(dir, 0, "file.txt", trunc, 0, 0, 0, &opened));
  EXPECT_TRUE(fdstat(opened).fs_rights_base == 0 && holds("file.txt", ""));
  uint64_t fewer = all & ~__WASI_RIGHTS_FD_FILESTAT_SET_SIZE;
  EXPECT(SUCCESS, __wasi_fd_fdstat_set_rights(dir, stat.fs_rights_base, fewer));
  EXPECT(SUCCESS, __wasi_path_open(dir, 0, "file.txt", trunc, 0, 0, 0, &opened));
  EXPECT(SUCCESS, __wasi_fd_fdstat_set_rights(dir, stat.fs_rights_base & ~SET_SIZE, fewer));
  EXPECT(NOTCAPABLE, __wasi_path_open(dir, 0, "file.txt", trunc, 0, 0, 0, &opened));
}

/// A file that was created without a right to write can still be written by who has one.
static void unwritable(void) {
  uint64_t reads = __WASI_RIGHTS_FD_READ, writes = __WASI_RIGHTS_FD_WRITE;
  int reader = open_with(ROOT, "new", __WASI_OFLAGS_CREAT, reads, 0);
  int writer = open_with(ROOT, "new", 0, writes, 0);
  uint8_t byte = 1;
  __wasi_ciovec_t from = {&byte, 1};
  __wasi_iovec_t to = {&byte, 1};
  __wasi_size_t length;
  EXPECT(NOTCAPABLE, __wasi_fd_write(reader, &from, 1, &length));
  EXPECT(SUCCESS, __wasi_fd_write(writer, &from, 1, &length));
  EXPECT(NOTCAPABLE, __wasi_fd_read(writer, &to, 1, &length));
  EXPECT(SUCCESS, __wasi_fd_read(reader, &to, 1, &length));
  EXPECT_TRUE(length == 1 && byte == 1);
}

int main(void) {
  reopen();
  read_directory();
  unwritable();
  truncate();
  return failed;
}
