// The environment, and buffers for it that are outside of memory.
#include "case.h"

int32_t raw(int32_t environ, int32_t buffer) IMPORT(environ_get);

int main(void) {
  uint8_t *environ[2];
  uint8_t buffer[256];
  EXPECT(SUCCESS, __wasi_environ_get(environ, buffer));
  EXPECT_TRUE(strcmp((char *)environ[0], "NAME=value") == 0);
  EXPECT_TRUE(strcmp((char *)environ[1], "EMPTY=") == 0);
  EXPECT(FAULT, raw(FAULT_AT, ADDRESS(buffer)));
  EXPECT(FAULT, raw(ADDRESS(environ), FAULT_AT));
  return failed;
}
