// Ends with a code.
#include "case.h"

int main(void) { __wasi_proc_exit(42); }
