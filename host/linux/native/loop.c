/* Lets libuv, the event loop of Node, watch the descriptor of an epoll set, so that a guest is
 * called when something that it waits for is ready. The few functions of libuv that this takes are
 * declared here: their ABI is stable within libuv 1.x, and the sizes of its handles are asked for
 * at run time. */
#include "native.h"

#include <unistd.h>
#include <fcntl.h>

typedef struct uv_loop_s uv_loop_t;
typedef struct uv_poll_s uv_poll_t;
enum { UV_POLL = 8, UV_READABLE = 1 };
size_t uv_handle_size(int type);
void uv_handle_set_data(uv_poll_t *handle, void *data);
void *uv_handle_get_data(const uv_poll_t *handle);
int uv_poll_init(uv_loop_t *loop, uv_poll_t *handle, int fd);
int uv_poll_start(uv_poll_t *handle, int events,
                  void (*callback)(uv_poll_t *handle, int status, int events));
void uv_close(uv_poll_t *handle, void (*callback)(uv_poll_t *handle));

struct watch {
  struct watch *next, **previous;
  struct instance *instance;
  uintptr_t number;
  napi_ref callback;
  napi_async_context context;
  int descriptor; /* a duplicate, so that closing the epoll set first does no harm */
  uv_poll_t *handle;
};

static void released(uv_poll_t *handle) { free(handle); }

static void end(struct watch *watch) {
  *watch->previous = watch->next;
  if (watch->next) watch->next->previous = watch->previous;
  napi_delete_reference(watch->instance->env, watch->callback);
  napi_async_destroy(watch->instance->env, watch->context);
  uv_handle_set_data(watch->handle, NULL);
  uv_close(watch->handle, released);
  close(watch->descriptor);
  free(watch);
}

void close_watches(struct instance *instance) {
  while (instance->watches) end(instance->watches);
}

static void ready(uv_poll_t *handle, int status, int events) {
  struct watch *watch = uv_handle_get_data(handle);
  if (!watch) return;
  napi_env env = watch->instance->env;
  napi_handle_scope scope;
  napi_value callback, receiver, result, error;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_get_global(env, &receiver);
  napi_get_reference_value(env, watch->callback, &callback);
  if (napi_make_callback(env, watch->context, receiver, callback, 0, NULL, &result) ==
      napi_pending_exception) {
    napi_get_and_clear_last_exception(env, &error);
    napi_fatal_exception(env, error);
  }
  napi_close_handle_scope(env, scope);
}

/* Ends a watch, which JavaScript knows by its number: the watch itself is gone when this is called
 * again. */
static napi_value unwatch(napi_env env, napi_callback_info info) {
  void *data = NULL;
  napi_get_cb_info(env, info, NULL, NULL, NULL, &data);
  struct instance *instance = NULL;
  napi_get_instance_data(env, (void **)&instance);
  for (struct watch *watch = instance->watches; watch; watch = watch->next) {
    if (watch->number == (uintptr_t)data) {
      end(watch);
      break;
    }
  }
  return answer(env, 0);
}

/* watch(poller, callback): a function that ends it, or a negated errno; ENOTSUP for a set that is
 * not epoll's */
static napi_value watchPoller(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct poller *poller = poller_of(call.instance, argument_int(&call, 0));
  uv_loop_t *loop = NULL;
  if (!poller) return answer(env, -EBADF);
  if (poller->descriptor < 0) return answer(env, -ENOTSUP);
  napi_valuetype type;
  if (napi_typeof(env, call.argv[1], &type) != napi_ok || type != napi_function)
    return answer(env, -EINVAL);
  if (napi_get_uv_event_loop(env, (struct uv_loop_s **)&loop) != napi_ok)
    return answer(env, -ENOSYS);
  struct watch *watch = calloc(1, sizeof *watch);
  uv_poll_t *handle = calloc(1, uv_handle_size(UV_POLL));
  int descriptor = fcntl(poller->descriptor, F_DUPFD_CLOEXEC, 3);
  if (!watch || !handle || descriptor < 0 || uv_poll_init(loop, handle, descriptor) != 0) {
    free(watch);
    free(handle);
    if (descriptor >= 0) close(descriptor);
    return answer(env, -ENOMEM);
  }
  *watch = (struct watch){.next = call.instance->watches,
                          .previous = &call.instance->watches,
                          .instance = call.instance,
                          .number = ++call.instance->last_watch,
                          .descriptor = descriptor,
                          .handle = handle};
  if (watch->next) watch->next->previous = &watch->next;
  call.instance->watches = watch;
  napi_value name, stop;
  napi_create_string_utf8(env, "pollux", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, NULL, name, &watch->context);
  napi_create_reference(env, call.argv[1], 1, &watch->callback);
  uv_handle_set_data(handle, watch);
  uv_poll_start(handle, UV_READABLE, ready);
  napi_create_function(env, "unwatch", NAPI_AUTO_LENGTH, unwatch, (void *)watch->number, &stop);
  return stop;
}

void export_loop(napi_env env, napi_value exports) {
  napi_property_descriptor functions[] = {
      {"watch", NULL, watchPoller, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  define(env, exports, functions, sizeof functions / sizeof *functions);
}
