/* What code has at hand that took over a process: any system call, from any thread. An addon that
 * the tests of isolation load into the process that they attack. */
#include <errno.h>
#include <fcntl.h>
#include <node_api.h>
#include <dirent.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ARGUMENTS = 7, OF_THE_C_LIBRARY = 33, MOST_THREADS = 256 };

static napi_value number(napi_env env, int64_t value) {
  napi_value result;
  napi_create_int64(env, value, &result);
  return result;
}

/* A number, or the address of a Uint8Array's bytes. */
static long word(napi_env env, napi_value value) {
  void *data = NULL;
  int64_t integer = 0;
  bool is_array = false;
  napi_is_typedarray(env, value, &is_array);
  if (!is_array) {
    napi_get_value_int64(env, value, &integer);
    return (long)integer;
  }
  napi_get_typedarray_info(env, value, NULL, NULL, &data, NULL, NULL);
  return (long)(intptr_t)data;
}

/* call(number, argument...): what the kernel answers, or a negated errno */
static napi_value call(napi_env env, napi_callback_info info) {
  size_t count = ARGUMENTS;
  napi_value argv[ARGUMENTS];
  long words[ARGUMENTS] = {0};
  napi_get_cb_info(env, info, &count, argv, NULL, NULL);
  for (size_t i = 0; i < count && i < ARGUMENTS; i++) words[i] = word(env, argv[i]);
  long result = syscall(words[0], words[1], words[2], words[3], words[4], words[5], words[6]);
  return number(env, result < 0 ? -errno : result);
}

/* address(array): where its bytes are, to be put into a structure */
static napi_value address(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argv[1];
  napi_get_cb_info(env, info, &count, argv, NULL, NULL);
  return number(env, word(env, argv[0]));
}

static struct {
  atomic_int answered, opened, refused;
} threads;

static void try_to_open(int signal) {
  int before = errno, fd = (int)syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
  if (fd >= 0) close(fd);
  atomic_fetch_add(fd >= 0 ? &threads.opened : &threads.refused, 1);
  atomic_fetch_add(&threads.answered, 1);
  errno = before;
}

/* openInThreads(ids: Int32Array, count): how many of these threads can open a file, and how many
 * cannot, times 1000; the signal is one that none of them can have blocked */
static napi_value openInThreads(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value argv[2];
  napi_get_cb_info(env, info, &count, argv, NULL, NULL);
  const int32_t *ids = (const int32_t *)(intptr_t)word(env, argv[0]);
  struct sigaction wanted = {.sa_handler = try_to_open, .sa_flags = SA_RESTART};
  unsigned long action[4];
  sigaction(SIGRTMAX, &wanted, NULL);
  syscall(SYS_rt_sigaction, SIGRTMAX, NULL, action, 8);
  syscall(SYS_rt_sigaction, OF_THE_C_LIBRARY, action, NULL, 8);
  long sent = 0, threads_count = word(env, argv[1]);
  for (long i = 0; i < threads_count; i++)
    if (syscall(SYS_tgkill, getpid(), ids[i], OF_THE_C_LIBRARY) == 0) sent++;
  for (int i = 0; i < 5000 && atomic_load(&threads.answered) < sent; i++) usleep(1000);
  return number(env, atomic_load(&threads.opened) * 1000 + atomic_load(&threads.refused));
}

NAPI_MODULE_INIT() {
  napi_property_descriptor functions[] = {
      {"call", NULL, call, NULL, NULL, NULL, napi_enumerable, NULL},
      {"address", NULL, address, NULL, NULL, NULL, napi_enumerable, NULL},
      {"openInThreads", NULL, openInThreads, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
  return exports;
}
