// The arguments, and buffers for them that are outside of memory.
#include "case.h"

int32_t raw(int32_t argv, int32_t buffer) IMPORT(args_get);

int main(void) {
  uint8_t *argv[4];
  uint8_t buffer[256];
  EXPECT(SUCCESS, __wasi_args_get(argv, buffer));
  EXPECT_TRUE(strcmp((char *)argv[1], "first") == 0);
  EXPECT_TRUE(strcmp((char *)argv[2], "") == 0);
  EXPECT_TRUE(strcmp((char *)argv[3], "Gr\xc3\xbc\xc3\x9f""e") == 0);
  EXPECT(FAULT, raw(FAULT_AT, ADDRESS(buffer)));
  EXPECT(FAULT, raw(ADDRESS(argv), FAULT_AT));
  return failed;
}
