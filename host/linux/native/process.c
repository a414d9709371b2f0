/* What a process asks for itself. */
#include "native.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CLOSE_RANGE = 436 }; /* on every processor */

/* endWithParent(): SIGKILL when the thread that started this process ends */
static napi_value endWithParent(napi_env env, napi_callback_info info) {
  return answer(env, prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? -errno : 0);
}

/* quit(code): ends this process at once; nothing of Node's is asked, which could miss a system call
 * that is filtered out */
static napi_value quit(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  _exit(argument_int(&call, 0));
}

/* keepDescriptors(): whatever this process has open, a process that it starts inherits none of it
 * but what it is given */
static napi_value keepDescriptors(napi_env env, napi_callback_info info) {
  enum { ON_EXEC = 1 << 2 }; /* CLOSE_RANGE_CLOEXEC, Linux 5.11 */
  return answer(env, syscall(CLOSE_RANGE, 3, ~0u, ON_EXEC) < 0 ? -errno : 0);
}

/* cpuTime(id, thread): the nanoseconds of processor time that a thread of this process has used, or
 * with thread = 0 all of any process */
static napi_value cpuTime(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  /* The kernel's number of a clock that goes by the scheduler, 2, of a thread, 4, or a process. */
  clockid_t clock = ~argument_int(&call, 0) * 8 + (argument_int(&call, 1) ? 6 : 2);
  struct timespec time;
  return answer(env, clock_gettime(clock, &time) < 0 ? -errno : (int64_t)nanoseconds(time));
}

/* threadId(): the number of this thread */
static napi_value threadId(napi_env env, napi_callback_info info) {
  return answer(env, syscall(SYS_gettid));
}

void export_process(napi_env env, napi_value exports) {
  napi_property_descriptor functions[] = {EXPORT(endWithParent), EXPORT(quit),
                                          EXPORT(keepDescriptors), EXPORT(cpuTime),
                                          EXPORT(threadId)};
  define(env, exports, functions, sizeof functions / sizeof *functions);
}
