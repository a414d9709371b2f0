// Advice about a file, about what is none, and advice that there is not.
#include "case.h"

int32_t raw(int32_t fd, int64_t offset, int64_t length, int32_t advice) IMPORT(fd_advise);

int main(void) {
  int file = open_file();
  for (int advice = 0; advice <= __WASI_ADVICE_NOREUSE; advice++)
    EXPECT(SUCCESS, __wasi_fd_advise(file, 0, FILE_BYTES, advice));
  EXPECT(SUCCESS, __wasi_fd_advise(file, 1000, 0, __WASI_ADVICE_WILLNEED));
  EXPECT(INVAL, raw(file, 0, 0, 6));
  EXPECT(INVAL, raw(file, 0, -1, __WASI_ADVICE_NORMAL));
  EXPECT(BADF, __wasi_fd_advise(CLOSED, 0, 0, __WASI_ADVICE_NORMAL));
  EXPECT(BADF, __wasi_fd_advise(ROOT, 0, 0, __WASI_ADVICE_NORMAL));
  EXPECT(BADF, __wasi_fd_advise(1, 0, 0, __WASI_ADVICE_NORMAL));
  EXPECT(NOTCAPABLE, __wasi_fd_advise(open_powerless("file.txt"), 0, 0, __WASI_ADVICE_NORMAL));
  return failed;
}
