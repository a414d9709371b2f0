// Where the offset of a file is.
#include "case.h"

int32_t raw(int32_t fd, int32_t offset) IMPORT(fd_tell);

int main(void) {
  int file = open_file();
  __wasi_filesize_t at = 1;
  EXPECT(SUCCESS, __wasi_fd_tell(file, &at));
  EXPECT_TRUE(at == 0);
  EXPECT(SUCCESS, __wasi_fd_seek(file, 5, __WASI_WHENCE_SET, &at));
  EXPECT(SUCCESS, __wasi_fd_tell(file, &at));
  EXPECT_TRUE(at == 5);
  EXPECT(FAULT, raw(file, -4));
  EXPECT(BADF, __wasi_fd_tell(CLOSED, &at));
  EXPECT(ISDIR, __wasi_fd_tell(ROOT, &at));
  EXPECT(SPIPE, __wasi_fd_tell(0, &at));
  EXPECT(NOTCAPABLE, __wasi_fd_tell(open_powerless("file.txt"), &at));
  // To seek implies to tell.
  int seeker = open_with(ROOT, "file.txt", 0, __WASI_RIGHTS_FD_SEEK, 0);
  EXPECT(SUCCESS, __wasi_fd_tell(seeker, &at));
  return failed;
}
