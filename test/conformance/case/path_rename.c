// Gives files and directories other names, and puts them in the place of their like.
#include "case.h"

int32_t raw(int32_t old_fd, int32_t old_path, int32_t old_length, int32_t new_fd, int32_t new_path,
            int32_t new_length) IMPORT(path_rename);

static int32_t from(int32_t fd, const char *path, int32_t length) {
  return raw(fd, ADDRESS(path), length, ROOT, ADDRESS("new"), 3);
}

static int32_t to(int32_t fd, const char *path, int32_t length) {
  return raw(ROOT, ADDRESS("file.txt"), 8, fd, ADDRESS(path), length);
}

int main(void) {
  expect_path_faults(from);
  expect_path_faults(to);
  EXPECT(SUCCESS, __wasi_path_rename(ROOT, "file.txt", ROOT, "moved"));
  EXPECT(NOENT, __wasi_path_rename(ROOT, "file.txt", ROOT, "other"));
  EXPECT_TRUE(holds("moved", "contents"));
  EXPECT(SUCCESS, __wasi_fd_close(open_with(ROOT, "file", __WASI_OFLAGS_CREAT, 0, 0)));
  EXPECT(SUCCESS, __wasi_path_rename(ROOT, "moved", ROOT, "file"));
  EXPECT_TRUE(holds("file", "contents"));
  EXPECT(SUCCESS, __wasi_path_create_directory(ROOT, "full"));
  EXPECT(SUCCESS, __wasi_path_create_directory(ROOT, "full/inner"));
  EXPECT(SUCCESS, __wasi_path_create_directory(ROOT, "empty"));
  EXPECT(ISDIR, __wasi_path_rename(ROOT, "file", ROOT, "empty"));
  EXPECT(NOTDIR, __wasi_path_rename(ROOT, "empty", ROOT, "file"));
  EXPECT(NOTEMPTY, __wasi_path_rename(ROOT, "empty", ROOT, "full"));
  EXPECT(INVAL, __wasi_path_rename(ROOT, "full", ROOT, "full/inner/itself"));
  EXPECT(BUSY, __wasi_path_rename(ROOT, ".", ROOT, "other"));
  EXPECT(SUCCESS, __wasi_path_rename(ROOT, "full/", ROOT, "empty/"));
  EXPECT(NOTDIR, __wasi_path_rename(ROOT, "file/", ROOT, "other"));
  return failed;
}
