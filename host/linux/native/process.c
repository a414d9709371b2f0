/* What a process asks for itself. */
#include "native.h"

#include <signal.h>
#include <sys/prctl.h>

/* endWithParent(): SIGKILL when the thread that started this process ends */
static napi_value endWithParent(napi_env env, napi_callback_info info) {
  return answer(env, prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? -errno : 0);
}

void export_process(napi_env env, napi_value exports) {
  napi_property_descriptor functions[] = {EXPORT(endWithParent)};
  define(env, exports, functions, sizeof functions / sizeof *functions);
}
