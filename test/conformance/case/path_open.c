// Opens and creates files and directories, with rights that the directory hands on.
#include "case.h"

int32_t raw(int32_t fd, int32_t dirflags, int32_t path, int32_t length, int32_t oflags,
            int64_t rights, int64_t inheriting, int32_t fdflags, int32_t opened) IMPORT(path_open);

static __wasi_fd_t opened;

static int32_t call(int32_t fd, const char *path, int32_t length) {
  return raw(fd, 0, ADDRESS(path), length, 0, 0, 0, 0, ADDRESS(&opened));
}

static int32_t create(int32_t fd, const char *path, int32_t length) {
  int32_t oflags = __WASI_OFLAGS_CREAT;
  return raw(fd, 0, ADDRESS(path), length, oflags, 0, 0, 0, ADDRESS(&opened));
}

static int open_as(const char *path, int dirflags, int oflags, uint64_t rights) {
  return __wasi_path_open(ROOT, dirflags, path, oflags, rights, 0, 0, &opened);
}

static void flags(void) {
  int creat = __WASI_OFLAGS_CREAT, excl = __WASI_OFLAGS_EXCL, trunc = __WASI_OFLAGS_TRUNC;
  int dir = __WASI_OFLAGS_DIRECTORY, follow = __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW;
  uint64_t writes = __WASI_RIGHTS_FD_WRITE;
  EXPECT(SUCCESS, open_as("new", 0, creat | excl, writes));
  EXPECT(EXIST, open_as("new", 0, creat | excl, writes));
  EXPECT(SUCCESS, open_as("new", 0, creat, writes));
  EXPECT(NOENT, open_as("missing", 0, 0, 0));
  EXPECT(SUCCESS, open_as("file.txt", 0, trunc, writes));
  EXPECT_TRUE(holds("file.txt", ""));
  EXPECT(SUCCESS, open_as(".", 0, dir, 0));
  EXPECT(SUCCESS, open_as(".", 0, 0, 0));
  EXPECT(NOTDIR, open_as("file.txt", 0, dir, 0));
  EXPECT(NOTDIR, open_as("file.txt/", 0, 0, 0));
  EXPECT(ISDIR, open_as(".", 0, 0, writes));
  EXPECT(ISDIR, open_as(".", 0, dir, writes));
  EXPECT(INVAL, open_as("other", 0, creat | dir, 0));
  EXPECT(SUCCESS, __wasi_path_symlink("file.txt", ROOT, "link"));
  EXPECT(SUCCESS, __wasi_path_symlink("round", ROOT, "round"));
  EXPECT(SUCCESS, __wasi_path_symlink("missing", ROOT, "dangling"));
  EXPECT(LOOP, open_as("link", 0, 0, 0));
  EXPECT(SUCCESS, open_as("link", follow, 0, 0));
  EXPECT(LOOP, open_as("round", follow, 0, 0));
  EXPECT(NOENT, open_as("dangling", follow, 0, 0));
  EXPECT(EXIST, open_as("dangling", 0, creat | excl, 0));
  EXPECT(SUCCESS, __wasi_path_symlink("../secret", ROOT, "escape"));
  EXPECT(PERM, open_as("escape", follow, creat, 0));
  EXPECT(INVAL, raw(ROOT, 2, ADDRESS("new"), 3, 0, 0, 0, 0, ADDRESS(&opened)));
  EXPECT(INVAL, raw(ROOT, 0, ADDRESS("new"), 3, 16, 0, 0, 0, ADDRESS(&opened)));
  EXPECT(INVAL, raw(ROOT, 0, ADDRESS("new"), 3, 0, 0, 0, 32, ADDRESS(&opened)));
  EXPECT(FAULT, raw(ROOT, 0, ADDRESS("new"), 3, 0, 0, 0, 0, -1));
}

/// There may be detours in a path, but none that leaves, even if it came back.
static void detours(void) {
  EXPECT(SUCCESS, __wasi_path_create_directory(ROOT, "outer"));
  EXPECT(SUCCESS, __wasi_path_create_directory(ROOT, "outer/inner"));
  EXPECT(SUCCESS, open_as("outer/.//inner/../../outer/inner///./../../file.txt", 0, 0, 0));
  EXPECT(SUCCESS, open_as("outer/inner//", 0, 0, 0));
  EXPECT(NOTDIR, open_as("file.txt///", 0, 0, 0));
  EXPECT(NOTDIR, open_as("file.txt/..", 0, 0, 0));
  EXPECT(NOENT, open_as("missing/../file.txt", 0, 0, 0));
  EXPECT(PERM, open_as("outer/inner/../../../file.txt", 0, 0, 0));
  EXPECT(PERM, open_as("outer/../../fixture.dir/file.txt", 0, 0, 0));
}

/// A directory hands on no right that it was not given to hand on.
static void rights(void) {
  uint64_t all = fdstat(ROOT).fs_rights_inheriting;
  uint64_t reads = __WASI_RIGHTS_FD_READ, writes = __WASI_RIGHTS_FD_WRITE;
  int dir = open_with(ROOT, ".", 0, __WASI_RIGHTS_PATH_OPEN, reads | __WASI_RIGHTS_FD_SEEK);
  EXPECT(SUCCESS, __wasi_path_open(dir, 0, "file.txt", 0, reads, 0, 0, &opened));
  EXPECT_TRUE(fdstat(opened).fs_rights_base == reads);
  EXPECT(NOTCAPABLE, __wasi_path_open(dir, 0, "file.txt", 0, writes, 0, 0, &opened));
  EXPECT(NOTCAPABLE, __wasi_path_open(dir, 0, ".", 0, 0, writes, 0, &opened));
  EXPECT(NOTCAPABLE, __wasi_path_open(dir, 0, "x", __WASI_OFLAGS_CREAT, 0, 0, 0, &opened));
  EXPECT(NOTCAPABLE, __wasi_path_open(dir, 0, "file.txt", __WASI_OFLAGS_TRUNC, 0, 0, 0, &opened));
  int sync = __WASI_FDFLAGS_SYNC, dsync = __WASI_FDFLAGS_DSYNC;
  EXPECT(NOTCAPABLE, __wasi_path_open(dir, 0, "file.txt", 0, reads, 0, sync, &opened));
  EXPECT(NOTCAPABLE, __wasi_path_open(dir, 0, "file.txt", 0, reads, 0, dsync, &opened));
  EXPECT(SUCCESS, __wasi_path_open(ROOT, 0, "file.txt", 0, reads, 0, sync, &opened));
  // What a file cannot do it does not get, whoever asks; nor does a directory.
  EXPECT(SUCCESS, __wasi_path_open(ROOT, 0, "file.txt", 0, all, all, 0, &opened));
  EXPECT_TRUE((fdstat(opened).fs_rights_base & __WASI_RIGHTS_PATH_OPEN) == 0);
  EXPECT(SUCCESS, __wasi_path_open(ROOT, 0, ".", 0, all & ~writes, all, 0, &opened));
  EXPECT_TRUE((fdstat(opened).fs_rights_base & __WASI_RIGHTS_FD_SEEK) == 0);
}

int main(void) {
  expect_path_faults(call);
  expect_path_faults(create);
  flags();
  detours();
  rights();
  // Until there is no number left, of the guest's or of the machine's.
  int error;
  while ((error = open_as(".", 0, 0, 0)) == 0) continue;
  EXPECT_TRUE(error == __WASI_ERRNO_MFILE || error == __WASI_ERRNO_NFILE);
  return failed;
}
