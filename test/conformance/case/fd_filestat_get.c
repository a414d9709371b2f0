// What is known of a file and of a directory.
#include "case.h"

int32_t raw(int32_t fd, int32_t stat) IMPORT(fd_filestat_get);

int main(void) {
  __wasi_filestat_t file, again, root;
  EXPECT(SUCCESS, __wasi_fd_filestat_get(open_file(), &file));
  EXPECT(SUCCESS, __wasi_fd_filestat_get(open_file(), &again));
  EXPECT(SUCCESS, __wasi_fd_filestat_get(ROOT, &root));
  EXPECT_TRUE(file.filetype == __WASI_FILETYPE_REGULAR_FILE && file.size == FILE_BYTES);
  EXPECT_TRUE(file.nlink == 1 && file.mtim > 0 && file.ctim > 0 && file.atim > 0);
  EXPECT_TRUE(file.dev == again.dev && file.ino == again.ino);
  EXPECT_TRUE(root.filetype == __WASI_FILETYPE_DIRECTORY && root.ino != file.ino);
  EXPECT(SUCCESS, __wasi_fd_filestat_get(1, &file));
  EXPECT(BADF, __wasi_fd_filestat_get(CLOSED, &file));
  EXPECT(NOTCAPABLE, __wasi_fd_filestat_get(open_powerless("file.txt"), &file));
  EXPECT(FAULT, raw(ROOT, FAULT_AT));
  return failed;
}
