/* Stream sockets of the internet family, always non-blocking and close-on-exec. A broken pipe is
 * EPIPE, never SIGPIPE. */
#include "address.h"
#include "system_call.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { RECEIVE_PEEK = 1, RECEIVE_WAITALL = 2, SHUTDOWN_RD = 1, SHUTDOWN_WR = 2 };
enum { RECEIVE_DATAGRAM = 4 };
#define CUT_OFF (1ll << 32) /* is added to the bytes of a datagram that was longer */

int address_of(const struct call *call, int index, union address *address) {
  char host[INET6_ADDRSTRLEN + 1]; /* one more than any address, to tell what is too long */
  memset(address, 0, sizeof *address);
  uint32_t port = argument_u32(call, index + 1);
  if (port > UINT16_MAX || !argument_text(call, index, host, sizeof host)) return -EINVAL;
  if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
    address->v4.sin_family = AF_INET;
    address->v4.sin_port = htons((uint16_t)port);
    return sizeof address->v4;
  }
  if (inet_pton(AF_INET6, host, &address->v6.sin6_addr) != 1) return -EINVAL;
  address->v6.sin6_family = AF_INET6;
  address->v6.sin6_port = htons((uint16_t)port);
  return sizeof address->v6;
}

static int open_stream(struct instance *instance, int family) {
  return own(instance, socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

static int give_up(struct instance *instance, int fd) {
  int error = errno;
  disown(instance, fd);
  close(fd);
  return -error;
}

/* listen(host, port, backlog) */
static napi_value listenAt(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  union address address;
  int length = address_of(&call, 0, &address), on = 1;
  if (length < 0) return answer(env, length);
  int fd = open_stream(call.instance, address.any.sa_family);
  if (fd < 0) return answer(env, fd);
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
      bind(fd, &address.any, (socklen_t)length) < 0 || listen(fd, argument_int(&call, 2)) < 0) {
    return answer(env, give_up(call.instance, fd));
  }
  return answer(env, fd);
}

/* connect(host, port): begins; the socket is ready for OUT when the outcome is known */
static napi_value connectTo(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  union address address;
  int length = address_of(&call, 0, &address);
  if (length < 0) return answer(env, length);
  int fd = open_stream(call.instance, address.any.sa_family);
  if (fd < 0) return answer(env, fd);
  if (connect(fd, &address.any, (socklen_t)length) < 0 && errno != EINPROGRESS) {
    return answer(env, give_up(call.instance, fd));
  }
  return answer(env, fd);
}

/* socketError(fd): SO_ERROR, negated, which is thereby taken */
static napi_value socketError(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  int error = 0;
  socklen_t length = sizeof error;
  int result = getsockopt(argument_int(&call, 0), SOL_SOCKET, SO_ERROR, &error, &length);
  return answer(env, result < 0 ? -errno : -error);
}

static napi_value acceptFrom(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  count_calls(call.instance, 1);
  int fd = own(call.instance,
               accept4(argument_int(&call, 0), NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
  ahead_accepted(call.instance, fd);
  return answer(env, fd);
}

/* localAddress(fd): {host, port}, or a negated errno */
static napi_value localAddress(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  union address address = {0};
  socklen_t length = sizeof address;
  if (getsockname(argument_int(&call, 0), &address.any, &length) < 0) return answer(env, -errno);
  if (address.any.sa_family == AF_UNIX) return answer(env, -EAFNOSUPPORT);
  char host[INET6_ADDRSTRLEN];
  bool v6 = address.any.sa_family == AF_INET6;
  const void *bytes = v6 ? (void *)&address.v6.sin6_addr : (void *)&address.v4.sin_addr;
  if (!inet_ntop(address.any.sa_family, bytes, host, sizeof host)) return answer(env, -errno);
  napi_value result, text;
  napi_create_object(env, &result);
  napi_create_string_utf8(env, host, NAPI_AUTO_LENGTH, &text);
  napi_set_named_property(env, result, "host", text);
  napi_set_named_property(env, result, "port",
                          answer(env, ntohs(v6 ? address.v6.sin6_port : address.v4.sin_port)));
  return result;
}

/* recv(fd, memory, iovs, iovsCount, skip, flags) */
static napi_value recvInto(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct iovec iovs[MAX_IOVS];
  int count = argument_iovs(&call, 1, iovs);
  if (count < 0) return answer(env, count);
  int wanted = argument_int(&call, 5);
  int flags = MSG_DONTWAIT;
  if (wanted & RECEIVE_PEEK) flags |= MSG_PEEK;
  if (wanted & RECEIVE_WAITALL) flags |= MSG_WAITALL;
  union address sender;
  struct msghdr message = {.msg_iov = iovs, .msg_iovlen = (size_t)count};
  if (wanted & RECEIVE_DATAGRAM) {
    message.msg_name = &sender;
    message.msg_namelen = sizeof sender;
  }
  int fd = argument_int(&call, 0);
  bool held = ahead_holds(call.instance, fd);
  if (!held) count_calls(call.instance, 1);
  ssize_t bytes = held ? ahead_receive(call.instance, fd, iovs, count, flags)
                       : recvmsg(fd, &message, flags);
  int error = errno;
  if (!held) ahead_received(call.instance, fd, bytes);
  if (bytes < 0) return answer(env, -error);
  if (!(wanted & RECEIVE_DATAGRAM)) return answer(env, bytes);
  remember_sender(call.instance, fd, &sender, message.msg_namelen);
  return answer(env, message.msg_flags & MSG_TRUNC ? bytes + CUT_OFF : bytes);
}

/* send(fd, memory, iovs, iovsCount, skip) */
static napi_value sendFrom(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct iovec iovs[MAX_IOVS];
  int count = argument_iovs(&call, 1, iovs);
  if (count < 0) return answer(env, count);
  struct msghdr message = {.msg_iov = iovs, .msg_iovlen = (size_t)count};
  int fd = argument_int(&call, 0), error = ahead_error(call.instance, fd);
  if (error) return answer(env, error);
  count_calls(call.instance, 1);
  /* Node has the signal of a broken pipe ignored, and the sockets are non-blocking. */
  ssize_t bytes = call.instance->unaddressed
                      ? writev(fd, iovs, count)
                      : sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return answer(env, bytes < 0 ? -errno : bytes);
}

/* The two calls that an echo is made of, with one buffer and no flags, which nearly all are, for
 * kernels that receive nothing ahead, as a reactor's (the others' are in message.c). They ask
 * Node-API for three arguments instead of six, and go round the C library: its recv and send are
 * cancellation points of POSIX threads, and no thread is ever cancelled here; and where the kernel
 * empties the processor's return stack, as it does against speculation attacks, every function that
 * is left after a system call is mispredicted. Measured: about 10 ns a call. */

/* recvOne(fd, memory, iov) */
static napi_value recvOne(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 3);
  struct iovec iov;
  if (!argument_iov(&call, 1, &iov)) return answer(env, -EFAULT);
  return answer(env, receive_part(call.instance, argument_int(&call, 0), &iov));
}

/* sendOne(fd, memory, iov) */
static napi_value sendOne(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 3);
  struct iovec iov;
  if (!argument_iov(&call, 1, &iov)) return answer(env, -EFAULT);
  int fd = argument_int(&call, 0), error = ahead_error(call.instance, fd);
  if (error) return answer(env, error);
  count_calls(call.instance, 1);
  return answer(env, send_now(fd, iov.iov_base, iov.iov_len));
}

/* shutdown(fd, how) */
static napi_value shutdownHalf(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  int how = argument_int(&call, 1) & (SHUTDOWN_RD | SHUTDOWN_WR);
  if (!how) return answer(env, -EINVAL);
  count_calls(call.instance, 1);
  int halves = how == SHUTDOWN_RD ? SHUT_RD : how == SHUTDOWN_WR ? SHUT_WR : SHUT_RDWR;
  return answer(env, shutdown(argument_int(&call, 0), halves) < 0 ? -errno : 0);
}

/* retire(fd): puts a thing that is never ready, a timer that is not set, in a listener's place,
 * which closes the listener */
static napi_value retire(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  int fd = argument_int(&call, 0);
  if (!owns(call.instance, fd)) return answer(env, -EBADF);
  if (!include(&call.instance->retired, fd)) return answer(env, -ENOMEM);
  int inert = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (inert < 0) {
    int error = errno;
    exclude(&call.instance->retired, fd);
    return answer(env, -error);
  }
  forget_everywhere(call.instance, fd);
  retire_everywhere(call.instance, fd);
  int result = dup3(inert, fd, O_CLOEXEC) < 0 ? -errno : 0;
  close(inert);
  return answer(env, result);
}

void export_socket(napi_env env, napi_value exports) {
  napi_property_descriptor functions[] = {
      {"listen", NULL, listenAt, NULL, NULL, NULL, napi_enumerable, NULL},
      {"connect", NULL, connectTo, NULL, NULL, NULL, napi_enumerable, NULL},
      {"accept", NULL, acceptFrom, NULL, NULL, NULL, napi_enumerable, NULL},
      {"recv", NULL, recvInto, NULL, NULL, NULL, napi_enumerable, NULL},
      {"send", NULL, sendFrom, NULL, NULL, NULL, napi_enumerable, NULL},
      {"shutdown", NULL, shutdownHalf, NULL, NULL, NULL, napi_enumerable, NULL},
      EXPORT(recvOne),
      EXPORT(sendOne),
      EXPORT(socketError),
      EXPORT(localAddress),
      EXPORT(retire),
  };
  define(env, exports, functions, sizeof functions / sizeof *functions);
}
