// Removes files and links, and no directory.
#include "case.h"

int32_t raw(int32_t fd, int32_t path, int32_t length) IMPORT(path_unlink_file);

static int32_t call(int32_t fd, const char *path, int32_t length) {
  return raw(fd, ADDRESS(path), length);
}

int main(void) {
  EXPECT(SUCCESS, __wasi_path_symlink("file.txt", ROOT, "link"));
  EXPECT(SUCCESS, __wasi_path_unlink_file(ROOT, "link"));
  EXPECT_TRUE(holds("file.txt", "contents"));
  EXPECT(SUCCESS, __wasi_path_create_directory(ROOT, "directory"));
  EXPECT(ISDIR, __wasi_path_unlink_file(ROOT, "directory"));
  EXPECT(ISDIR, __wasi_path_unlink_file(ROOT, "directory/"));
  EXPECT(NOTDIR, __wasi_path_unlink_file(ROOT, "file.txt/"));
  expect_path_faults(call);
  // A file that is open lives on without a name.
  int file = open_file();
  uint8_t byte;
  __wasi_iovec_t iov = {&byte, 1};
  __wasi_size_t length;
  __wasi_filestat_t stat;
  EXPECT(SUCCESS, __wasi_path_unlink_file(ROOT, "file.txt"));
  EXPECT(NOENT, __wasi_path_unlink_file(ROOT, "file.txt"));
  EXPECT(SUCCESS, __wasi_fd_read(file, &iov, 1, &length));
  EXPECT(SUCCESS, __wasi_fd_filestat_get(file, &stat));
  EXPECT_TRUE(length == 1 && byte == 'c' && stat.nlink == 0);
  return failed;
}
