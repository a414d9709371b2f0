/* From JavaScript's arguments to C's, with every offset and length of guest memory checked. A
 * missing or wrong argument becomes -1, which is no descriptor, or an empty buffer: the call then
 * fails by itself. */
#include "native.h"

#include <math.h>
#include <string.h>

struct call begin_with(napi_env env, napi_callback_info info, size_t argc) {
  struct call call;
  call.env = env;
  napi_get_cb_info(env, info, &argc, call.argv, NULL, (void **)&call.instance);
  return call;
}

struct call begin(napi_env env, napi_callback_info info) {
  return begin_with(env, info, 6);
}

void define(napi_env env, napi_value exports, napi_property_descriptor *functions, size_t count) {
  struct instance *instance;
  napi_get_instance_data(env, (void **)&instance);
  for (size_t i = 0; i < count; i++) functions[i].data = instance;
  napi_define_properties(env, exports, count, functions);
}

int argument_int(const struct call *call, int index) {
  double value =
      -1; /* napi_get_value_int32 would make 0, a descriptor, of NaN, of 2^32 and of 0.5 */
  napi_get_value_double(call->env, call->argv[index], &value);
  return value >= INT32_MIN && value <= INT32_MAX && (int)value == value ? (int)value : -1;
}

uint32_t argument_u32(const struct call *call, int index) {
  uint32_t value = 0;
  napi_get_value_uint32(call->env, call->argv[index], &value);
  return value;
}

double argument_double(const struct call *call, int index) {
  double value = 0;
  napi_get_value_double(call->env, call->argv[index], &value);
  return value;
}

int64_t argument_i64(const struct call *call, int index) {
  int64_t value = 0;
  bool lossless;
  napi_get_value_bigint_int64(call->env, call->argv[index], &value, &lossless);
  return value;
}

bool argument_text(const struct call *call, int index, char *text, size_t size) {
  size_t length;
  if (napi_get_value_string_utf8(call->env, call->argv[index], text, size, &length) != napi_ok)
    return false;
  return length < size - 1 && strlen(text) == length;
}

/* A Uint8Array, on shared memory too. Of a buffer that memory.grow detached the length is 0. The
 * elements of any other array are no smaller, so that `length` bytes are its own in any case. */
bool argument_bytes(const struct call *call, int index, uint8_t **bytes, size_t *length) {
  void *data = NULL;
  *length = 0;
  if (napi_get_typedarray_info(call->env, call->argv[index], NULL, length, &data, NULL, NULL) !=
      napi_ok)
    return false;
  *bytes = data;
  return data != NULL;
}

bool argument_array(const struct call *call, int index, napi_typedarray_type type, void **elements,
                    size_t *count) {
  napi_typedarray_type actual;
  *count = 0;
  if (napi_get_typedarray_info(call->env, call->argv[index], &actual, count, elements, NULL,
                               NULL) != napi_ok)
    return false;
  return actual == type && *elements != NULL;
}

bool argument_iov(const struct call *call, int index, struct iovec *iov) {
  uint8_t *memory;
  size_t size;
  if (!argument_bytes(call, index, &memory, &size)) return false;
  uint64_t at = argument_u32(call, index + 1);
  if (at + 8 > size) return false;
  uint32_t pair[2]; /* a copy, so that another thread of the guest cannot change it between check
                       and use */
  memcpy(pair, memory + at, sizeof pair);
  *iov = (struct iovec){.iov_base = memory + pair[0], .iov_len = pair[1]};
  return (uint64_t)pair[0] + pair[1] <= size;
}

int argument_iovs(const struct call *call, int index, struct iovec *iovs) {
  uint8_t *memory;
  size_t size;
  if (!argument_bytes(call, index, &memory, &size)) return -EFAULT;
  uint64_t at = argument_u32(call, index + 1);
  uint64_t count = argument_u32(call, index + 2);
  uint64_t skip = argument_u32(call, index + 3);
  if (at + count * 8 > size) return -EFAULT;
  if (count > MAX_IOVS) count = MAX_IOVS;
  for (uint64_t i = 0; i < count; i++) {
    uint32_t pair[2];
    memcpy(pair, memory + at + i * 8, sizeof pair);
    if ((uint64_t)pair[0] + pair[1] > size) return -EFAULT;
    uint32_t skipped = skip < pair[1] ? (uint32_t)skip : pair[1];
    iovs[i].iov_base = memory + pair[0] + skipped;
    iovs[i].iov_len = pair[1] - skipped;
    skip -= skipped;
  }
  return (int)count;
}

napi_value answer(napi_env env, int64_t value) {
  napi_value result;
  if (value >= INT32_MIN && value <= INT32_MAX) {
    napi_create_int32(env, (int32_t)value, &result);
  } else {
    napi_create_int64(env, value, &result);
  }
  return result;
}

napi_value answer_u64(napi_env env, uint64_t value) {
  napi_value result;
  napi_create_bigint_uint64(env, value, &result);
  return result;
}

const struct timespec *timespec_of(double timeout_ns, struct timespec *storage) {
  if (!(timeout_ns < 4e18)) return NULL;
  if (timeout_ns < 0) timeout_ns = 0;
  int64_t ns = (int64_t)ceil(timeout_ns);
  storage->tv_sec = ns / 1000000000;
  storage->tv_nsec = ns % 1000000000;
  return storage;
}
