// How many arguments there are, and places for the answer that are outside of memory.
#include "case.h"

int32_t raw(int32_t count, int32_t bytes) IMPORT(args_sizes_get);

int main(void) {
  __wasi_size_t count, bytes;
  EXPECT(SUCCESS, __wasi_args_sizes_get(&count, &bytes));
  EXPECT_TRUE(count == 3);
  EXPECT(FAULT, raw(FAULT_AT, ADDRESS(&bytes)));
  EXPECT(FAULT, raw(ADDRESS(&count), -1));
  return failed;
}
