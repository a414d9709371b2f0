// Random bytes, and a buffer that is outside of memory.
#include "case.h"

int32_t raw(int32_t buffer, int32_t length) IMPORT(random_get);

int main(void) {
  uint8_t first[64] = {0}, second[64] = {0};
  EXPECT(SUCCESS, __wasi_random_get(first, sizeof first));
  EXPECT(SUCCESS, __wasi_random_get(second, sizeof second));
  EXPECT_TRUE(memcmp(first, second, sizeof first) != 0);
  EXPECT(SUCCESS, raw(0, 0));
  EXPECT(FAULT, raw(FAULT_AT, 32));
  EXPECT(FAULT, raw(0, -1));
  return failed;
}
