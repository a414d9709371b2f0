// Another name for a file, or for a symbolic link; not for a directory.
#include "case.h"

int32_t raw(int32_t old_fd, int32_t flags, int32_t old_path, int32_t old_length, int32_t new_fd,
            int32_t new_path, int32_t new_length) IMPORT(path_link);

static int32_t from(int32_t fd, const char *path, int32_t length) {
  return raw(fd, 0, ADDRESS(path), length, ROOT, ADDRESS("new"), 3);
}

static int32_t to(int32_t fd, const char *path, int32_t length) {
  return raw(ROOT, 0, ADDRESS("file.txt"), 8, fd, ADDRESS(path), length);
}

int main(void) {
  __wasi_filestat_t stat;
  int follow = __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW;
  EXPECT(SUCCESS, __wasi_path_link(ROOT, 0, "file.txt", ROOT, "second"));
  EXPECT(SUCCESS, __wasi_path_filestat_get(ROOT, 0, "second", &stat));
  EXPECT_TRUE(stat.nlink == 2 && holds("second", "contents"));
  EXPECT(SUCCESS, __wasi_path_symlink("missing", ROOT, "dangling"));
  EXPECT(SUCCESS, __wasi_path_link(ROOT, 0, "dangling", ROOT, "third"));
  EXPECT(SUCCESS, __wasi_path_filestat_get(ROOT, 0, "third", &stat));
  EXPECT_TRUE(stat.filetype == __WASI_FILETYPE_SYMBOLIC_LINK);
  EXPECT(NOENT, __wasi_path_link(ROOT, follow, "dangling", ROOT, "fourth"));
  EXPECT(EXIST, __wasi_path_link(ROOT, 0, "file.txt", ROOT, "second"));
  EXPECT(EXIST, __wasi_path_link(ROOT, 0, "file.txt", ROOT, "dangling"));
  EXPECT(NOENT, __wasi_path_link(ROOT, 0, "missing", ROOT, "fourth"));
  EXPECT(NOENT, __wasi_path_link(ROOT, 0, "file.txt", ROOT, "fourth/"));
  EXPECT(SUCCESS, __wasi_path_create_directory(ROOT, "directory"));
  EXPECT(PERM, __wasi_path_link(ROOT, 0, "directory", ROOT, "fourth"));
  EXPECT(INVAL, raw(ROOT, 2, ADDRESS("file.txt"), 8, ROOT, ADDRESS("fourth"), 6));
  expect_path_faults(from);
  expect_path_faults(to);
  return failed;
}
